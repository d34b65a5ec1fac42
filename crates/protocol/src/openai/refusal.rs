//! Errors as OpenAI writes them.

use crate::json::push_quoted;
use crate::refusal::{RefusalText, Trouble};

/// The `type` of an error. The SDK picks the exception by the HTTP status; the type is for people and log filters.
fn error_type(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::InvalidRequest
        | Trouble::NotFound
        | Trouble::MethodNotAllowed
        | Trouble::TooLarge
        | Trouble::UnsupportedMediaType => "invalid_request_error",
        Trouble::Authentication => "authentication_error",
        Trouble::Permission => "permission_error",
        Trouble::RateLimit => "rate_limit_exceeded",
        Trouble::Overloaded | Trouble::Upstream | Trouble::Timeout | Trouble::Internal => "server_error",
    }
}

/// `{"error":{"message","type","param","code"}}`
pub(crate) fn push_error_body(out: &mut Vec<u8>, refusal: &RefusalText<'_>) {
    out.extend_from_slice(br#"{"error":{"message":"#);
    push_quoted(out, refusal.message);
    out.extend_from_slice(br#","type":"#);
    push_quoted(out, error_type(refusal.trouble));
    out.extend_from_slice(br#","param":"#);
    match refusal.param {
        Some(param) => push_quoted(out, param),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(br#","code":"#);
    push_quoted(out, refusal.code);
    out.extend_from_slice(b"}}");
}

/// The event on which the SDKs raise `APIError`: a data line with `error` at its top. No `[DONE]` follows.
pub(crate) fn error_event(refusal: &RefusalText<'_>) -> Vec<u8> {
    let mut out = b"\n\ndata: ".to_vec();
    push_error_body(&mut out, refusal);
    out.extend_from_slice(b"\n\n");
    out
}
