//! Decides what a bot may do with its tools, from where each value of a call came.
//!
//! A [`Call`] is decided against a [`Contract`](contract::Contract) (what the tool does, what its arguments mean) and what is known of
//! the session: what its person said, what the application vouches for, what tools returned. No model is asked. The
//! [`Decision`] is allow, ask (a person) or deny, with the reason for each argument in plain words.
//!
//! Promise: authority shrinks, never grows: adding text that no one vouches for never turns a refusal into leave.
//! Left to others: reading requests (`protocol`), who a caller is (`identity`), carrying calls (`gateway`), keeping things (`store`).

pub mod contract;
mod data;
pub mod lexicon;
pub mod read;
pub mod value;

mod call;
pub mod decide;
mod grant;
pub mod session;

mod exact;
mod port;

pub mod approval;
pub mod chronicle;
pub mod history;
pub mod quarantine;

pub mod owned;
pub mod pin;

pub use call::{Call, Decision, Finding, Outcome, Place};
pub use data::{Data, DataError, NODES_MAX};
pub use exact::{ARGUMENTS_BYTES_MAX, ExactCall, ExactCallError, canonical};
pub use grant::{Grant, grant};
pub use port::{BoxFuture, Holder, StoreError};
