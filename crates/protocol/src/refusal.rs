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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::{Bounds, read_error};

    const TROUBLES: [(Trouble, &str, &str); 12] = [
        (Trouble::InvalidRequest, "invalid_request_error", "invalid_request_error"),
        (Trouble::Authentication, "authentication_error", "authentication_error"),
        (Trouble::Permission, "permission_error", "permission_error"),
        (Trouble::NotFound, "invalid_request_error", "not_found_error"),
        (Trouble::MethodNotAllowed, "invalid_request_error", "invalid_request_error"),
        (Trouble::TooLarge, "invalid_request_error", "request_too_large"),
        (Trouble::UnsupportedMediaType, "invalid_request_error", "invalid_request_error"),
        (Trouble::RateLimit, "rate_limit_exceeded", "rate_limit_error"),
        (Trouble::Overloaded, "server_error", "overloaded_error"),
        (Trouble::Upstream, "server_error", "api_error"),
        (Trouble::Timeout, "server_error", "timeout_error"),
        (Trouble::Internal, "server_error", "api_error"),
    ];

    fn refusal(trouble: Trouble) -> RefusalText<'static> {
        RefusalText { trouble, code: "rate_limited", message: "Rate limit \"x\"\nexceeded", param: None }
    }

    #[test]
    fn bodies_are_the_dialects_own() {
        let with_param = RefusalText { param: Some("messages[0]"), ..refusal(Trouble::RateLimit) };
        for (name, body, want) in [
            (
                "OpenAI",
                refusal_body(Dialect::OpenAi, &refusal(Trouble::RateLimit), "req-1"),
                r#"{"error":{"message":"Rate limit \"x\"\nexceeded","type":"rate_limit_exceeded","param":null,"code":"rate_limited"}}"#,
            ),
            (
                "OpenAI with a parameter",
                refusal_body(Dialect::OpenAi, &with_param, "req-1"),
                r#"{"error":{"message":"Rate limit \"x\"\nexceeded","type":"rate_limit_exceeded","param":"messages[0]","code":"rate_limited"}}"#,
            ),
            (
                "Anthropic",
                refusal_body(Dialect::Anthropic, &refusal(Trouble::RateLimit), "req-1"),
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"Rate limit \"x\"\nexceeded"},"request_id":"req-1"}"#,
            ),
            (
                "OpenAI, streamed",
                stream_error_event(Dialect::OpenAi, &refusal(Trouble::Upstream), "req-1"),
                "\n\ndata: {\"error\":{\"message\":\"Rate limit \\\"x\\\"\\nexceeded\",\"type\":\"server_error\",\"param\":null,\"code\":\"rate_limited\"}}\n\n",
            ),
            (
                "Anthropic, streamed",
                stream_error_event(Dialect::Anthropic, &refusal(Trouble::Overloaded), "req-1"),
                "\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Rate limit \\\"x\\\"\\nexceeded\"},\"request_id\":\"req-1\"}\n\n",
            ),
        ] {
            assert_eq!(String::from_utf8(body).unwrap(), want, "{name}");
        }
    }

    #[test]
    fn every_trouble_has_the_vendors_type_and_reads_back() {
        for (trouble, openai, anthropic) in TROUBLES {
            for (dialect, want) in [(Dialect::OpenAi, openai), (Dialect::Anthropic, anthropic)] {
                let body = refusal_body(dialect, &refusal(trouble), "req-1");
                assert!(Document::parse(&body, &Bounds::default()).is_ok());
                let error = read_error(dialect, &body).unwrap();
                assert_eq!(error.kind.as_deref(), Some(want), "{trouble:?}");
                assert_eq!(error.message_bytes, 23, "{trouble:?}");
            }
        }
    }
}
