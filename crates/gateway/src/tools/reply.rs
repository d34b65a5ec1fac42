//! Answers of the endpoint for tools.

use botwarden_protocol::ReadErrorKind;
use botwarden_protocol::Trouble;
use botwarden_protocol::mcp::code;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use super::relay::{Done, Relay};
use crate::refusal::Refusal;

/// An answer of the endpoint for tools.
pub(crate) struct ToolReply {
    pub(crate) status: StatusCode,
    /// `allowed`, or why the tool was not run.
    pub(crate) verdict: &'static str,
    /// The session that was opened for the client.
    pub(crate) session: Option<HeaderValue>,
    pub(crate) body: ToolBody,
}

/// What it says.
pub(crate) enum ToolBody {
    Whole(Bytes),
    Steps(Box<Relay>),
}

impl ToolReply {
    /// A message.
    pub(crate) fn message(body: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, verdict: "allowed", session: None, body: ToolBody::Whole(body.into()) }
    }

    /// Nothing, with that status.
    pub(crate) fn nothing(status: StatusCode) -> Self {
        Self { status, ..Self::message(Vec::new()) }
    }

    /// The same message, which says no.
    pub(crate) fn refused(body: Vec<u8>, verdict: &'static str) -> Self {
        Self { verdict, ..Self::message(body) }
    }

    pub(crate) fn done(done: Done) -> Self {
        Self::refused(done.body, done.verdict)
    }

    pub(crate) fn steps(relay: Box<Relay>) -> Self {
        Self { body: ToolBody::Steps(relay), ..Self::message(Vec::new()) }
    }
}

/// The code of JSON-RPC under which a refusal goes out.
pub(crate) fn code_of(refusal: &Refusal, trouble: Trouble) -> i32 {
    match refusal {
        Refusal::Unreadable(error) if error.kind() == ReadErrorKind::Field => code::INVALID_PARAMS,
        Refusal::Unreadable(_) => code::PARSE,
        Refusal::Field { .. } => code::INVALID_PARAMS,
        Refusal::NoMethod => code::NO_METHOD,
        Refusal::HeaderMismatch { .. } => code::HEADER_MISMATCH,
        Refusal::ProtocolVersion { .. } => code::VERSION,
        _ => match trouble {
            Trouble::InvalidRequest => code::INVALID_REQUEST,
            Trouble::Upstream | Trouble::Timeout | Trouble::Internal => code::INTERNAL,
            Trouble::Authentication
            | Trouble::Permission
            | Trouble::NotFound
            | Trouble::MethodNotAllowed
            | Trouble::TooLarge
            | Trouble::UnsupportedMediaType
            | Trouble::RateLimit
            | Trouble::Overloaded => code::REFUSED,
        },
    }
}
