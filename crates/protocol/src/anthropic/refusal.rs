//! Errors as Anthropic writes them.

use crate::json::push_quoted;
use crate::refusal::{RefusalText, Trouble};

/// The `type` of an error. Source: Anthropic API reference, "Errors".
fn error_type(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::InvalidRequest | Trouble::MethodNotAllowed | Trouble::UnsupportedMediaType => {
            "invalid_request_error"
        }
        Trouble::Authentication => "authentication_error",
        Trouble::Permission => "permission_error",
        Trouble::NotFound => "not_found_error",
        Trouble::TooLarge => "request_too_large",
        Trouble::RateLimit => "rate_limit_error",
        Trouble::Overloaded => "overloaded_error",
        Trouble::Timeout => "timeout_error",
        Trouble::Upstream | Trouble::Internal => "api_error",
    }
}

/// `{"type":"error","error":{"type","message"},"request_id"}`. The dialect has no code and no parameter: the message
/// names the place, and the `botwarden-verdict` header the reason.
pub(crate) fn push_error_body(out: &mut Vec<u8>, refusal: &RefusalText<'_>, request_id: &str) {
    out.extend_from_slice(br#"{"type":"error","error":{"type":"#);
    push_quoted(out, error_type(refusal.trouble));
    out.extend_from_slice(br#","message":"#);
    push_quoted(out, refusal.message);
    out.extend_from_slice(br#"},"request_id":"#);
    push_quoted(out, request_id);
    out.push(b'}');
}

/// The event on which the SDKs raise: they go by its name, `error`.
pub(crate) fn error_event(refusal: &RefusalText<'_>, request_id: &str) -> Vec<u8> {
    let mut out = b"\n\nevent: error\ndata: ".to_vec();
    push_error_body(&mut out, refusal, request_id);
    out.extend_from_slice(b"\n\n");
    out
}
