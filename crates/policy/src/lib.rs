//! Decides what a bot may do with its tools, from where each value of a call came.
//!
//! A [`Call`] is decided against a [`Contract`](contract::Contract) (what the tool does, what its arguments mean) and what is known of
//! the session: what its person said, what the application vouches for, what tools returned. No model is asked. The
//! [`Decision`] is allow, ask (a person) or deny, with the reason for each argument in plain words.
//!
//! Promise: authority shrinks, never grows: adding text that no one vouches for never turns a refusal into leave.
//! Left to others: reading requests (`protocol`), who a caller is (`identity`), carrying calls (`gateway`), keeping things (`store`).

mod data;

mod call;

pub mod pin;

pub use call::{Call, Decision, Finding, Outcome, Place};
pub use data::{Data, DataError, NODES_MAX};
