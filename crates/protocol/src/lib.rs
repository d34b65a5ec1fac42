//! Reads what bots and models say to each other, and writes refusals they understand.
//!
//! [`read_request`] turns the bytes of a request into a neutral [`Exchange`](botwarden_types::Exchange), once.
//! [`retain_offers`] takes tools out of it. [`AnswerReader`] watches an answer go by, whole or as an event stream, and tells what it cost. [`refusal_body`] and
//! [`stream_error_event`] say no in the caller's dialect, so that its SDK raises the right exception. [`mcp`] does the same for
//! the messages between clients and servers of tools.
//!
//! Promise: bytes are looked at, never re-encoded; what two readers might read differently is refused
//! ([`ReadError`] lists how); a stream means the same however it is cut; every reader has bounds and none recurses.
//! Left to others: sending anything (`gateway`), deciding about it (`limit`, later `policy` and `guard`).

mod bounds;
mod error;
pub mod json;

mod envelope;
mod model_name;

mod anthropic;
pub mod mcp;
mod openai;
mod request;

mod answer;
mod call;
mod sse;
mod word;

mod rewrite;

mod models;
mod offers;
mod refusal;
mod upstream_error;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

pub use answer::{ANSWER_BYTES_MAX, AnswerError, AnswerReader, EVENT_BYTES_MAX, Outcome, Usage, read_answer};
pub use bounds::Bounds;
pub use call::{CALL_BYTES_MAX, CallKind, Proposed, ProposedCall, UnclearCall};
pub use error::{ReadError, ReadErrorKind};
pub use model_name::is_model_name;
pub use models::retain_models;
pub use offers::retain_offers;
pub use refusal::{RefusalText, Trouble, refusal_body, stream_error_event};
pub use request::read_request;
pub use rewrite::{Change, From, rewrite};
pub use sse::{Event, EventReader, EventTooLarge};
pub use upstream_error::{UpstreamError, read_error};
