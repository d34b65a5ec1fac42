//! Saying no in the caller's dialect.

use botwarden_types::Dialect;

use crate::{anthropic, openai};

/// What kind of no it is. The gateway derives the HTTP status from it; the dialects their `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The request cannot be read or asks for something impossible (400).
    InvalidRequest,
    /// No credential, or none that is in force (401).
    Authentication,
    /// The credential does not grant it (403).
    Permission,
    /// No such path, model or bot (404).
    NotFound,
    /// The path is served, but not so (405).
    MethodNotAllowed,
    /// Over a bound (413).
    TooLarge,
    /// Not JSON by its media type (415).
    UnsupportedMediaType,
    /// Over a limit; later it may go (429).
    RateLimit,
    /// We are full (503).
    Overloaded,
    /// The upstream failed or made no sense (502).
    Upstream,
    /// The upstream took too long (504).
    Timeout,
    /// We failed (500).
    Internal,
}

/// What a refusal says.
#[derive(Clone, Copy, Debug)]
pub struct RefusalText<'a> {
    /// What kind of no.
    pub trouble: Trouble,
    /// The stable id of the reason, for programs.
    pub code: &'a str,
    /// The reason and the mend, for people.
    pub message: &'a str,
    /// The field of the request it is about.
    pub param: Option<&'a str>,
}

/// The body of a refusal, for an answer that has not begun.
pub fn refusal_body(dialect: Dialect, refusal: &RefusalText<'_>, request_id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + refusal.message.len());
    match dialect {
        Dialect::OpenAi => openai::push_error_body(&mut out, refusal),
        Dialect::Anthropic => anthropic::push_error_body(&mut out, refusal, request_id),
    }
    out
}

/// An error as the last event of a stream that has begun, in the form on which the vendor's SDKs raise. It begins with
/// an empty line, so that it does not run into an event that was cut short; where none was, the line means nothing.
pub fn stream_error_event(dialect: Dialect, refusal: &RefusalText<'_>, request_id: &str) -> Vec<u8> {
    match dialect {
        Dialect::OpenAi => openai::error_event(refusal),
        Dialect::Anthropic => anthropic::error_event(refusal, request_id),
    }
}
