//! What an upstream's error body says, as far as it may be logged.

use botwarden_types::Dialect;

use crate::Bounds;
use crate::json::{Document, Kind, Value};
use crate::word::word;

/// An upstream's error without its message, which may repeat what the user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// `error.type`, if it is a plain word.
    pub kind: Option<String>,
    /// `error.code`, if it is a plain word or a number.
    pub code: Option<String>,
    /// Bytes of `error.message`.
    pub message_bytes: usize,
}

/// Reads an error body as far as it is one: an object with `error`, itself an object or a text. Tolerant of everything
/// else, since it decides nothing.
pub fn read_error(dialect: Dialect, body: &[u8]) -> Option<UpstreamError> {
    let document = Document::parse(body, &Bounds::default()).ok()?;
    let error = document.root().get("error")?;
    let bytes = |value: Value<'_>| value.as_str().map_or(0, |text| text.len());
    match error.kind() {
        Kind::Object => Some(UpstreamError {
            kind: error.get("type").and_then(word),
            code: match dialect {
                Dialect::OpenAi => error.get("code").and_then(word),
                Dialect::Anthropic => None,
            },
            message_bytes: error.get("message").map_or(0, bytes),
        }),
        Kind::String => Some(UpstreamError { kind: None, code: None, message_bytes: bytes(error) }),
        _ => None,
    }
}
