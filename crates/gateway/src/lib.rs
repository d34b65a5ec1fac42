//! The data plane: between callers and models.
//!
//! [`Gateway::start`] opens the listeners and serves until [`Gateway::stop`]. Each core runs a single-threaded runtime of
//! its own; connections are dealt to the least loaded one. What happens to a request is one page: `pipeline.rs`; each stage
//! stands in `stage/` and hands a value to the next that only it can make, so a request that skipped one does not compile.
//!
//! Promise: nothing is forwarded without a [`Credential`](botwarden_identity::Credential) that is in force, a granted
//! model and room in every limit; bytes that nobody objects to pass unchanged; every wait and every size has a bound.
//! Left to others: who a caller is (`identity`), how much they may use (`limit`), what bytes mean (`protocol`).

mod approvals;
mod archive;
mod backend;
mod bodies;
pub mod config;
#[allow(dead_code, reason = "its callers come with the endpoint for tools")]
mod desk;
mod headers;
mod ledger;
mod metrics;
mod outcome;
mod pipeline;
mod refusal;
mod route;
mod server;
mod stage;
mod state;
mod tools;
mod upstream;

pub use archive::{Archive, FindingRoom, KEPT_BYTES_MAX, Keep, Slot};
pub use ledger::{Decided, Ledger, Receipt, ToolDecided};
pub use metrics::{Missed, WitnessMeter};
pub use outcome::{Outcome, Stage, Timings, Watch};
pub use server::{Addresses, Gateway, StartError};
pub use state::{BotError, BotSetup, Live, Ports};
pub use tools::{Survey, SurveyError, survey};
pub use upstream::UpstreamError;
