//! Tools: their servers behind us, and the endpoint `/mcp` before them.
//!
//! A call comes in, is read once, paid for and decided (`crate::desk`), written down, sent to its server with that server's own
//! credential, and its result is looked at before it goes back. Nothing else of a client's reaches a server: no header, no
//! `_meta`, no answer to a question of the server's, which are all refused. What a server offers is held against what an
//! operator accepted ([`listing`]).
//!
//! Downwards: [`serve`] (what is asked), [`call`], [`list`], [`relay`] (answers that come in steps), [`flight`] (cancelling),
//! [`metadata`]. Upwards: [`server`] over [`http`] or [`program`], in what was [`agreed`].

mod agreed;
mod call;
mod data;
mod fault;
mod flight;
mod http;
mod list;
mod listing;
mod metadata;
mod program;
mod reach;
mod relay;
mod reply;
mod serve;
mod server;
mod survey;

pub(crate) use fault::Fault;
pub(crate) use flight::Flights;
pub(crate) use metadata::{challenge, resource};
pub(crate) use relay::Relay;
pub(crate) use reply::{ToolBody, ToolReply, code_of};
pub(crate) use serve::Heard;
pub(crate) use server::ToolServer;
pub use survey::{Survey, SurveyError, survey};
