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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors() {
        let found = |kind: Option<&str>, code: Option<&str>, message_bytes| {
            Some(UpstreamError {
                kind: kind.map(str::to_owned),
                code: code.map(str::to_owned),
                message_bytes,
            })
        };
        let long = format!(r#"{{"error":{{"type":"{}"}}}}"#, "a".repeat(65));
        for (name, body, want) in [
            (
                "as documented",
                r#"{"error":{"message":"secret","type":"server_error","code":"x.y-1"}}"#,
                found(Some("server_error"), Some("x.y-1"), 6),
            ),
            ("no code", r#"{"error":{"message":"no","type":"t","code":null}}"#, found(Some("t"), None, 2)),
            ("a number for a code", r#"{"error":{"code":429}}"#, found(None, Some("429"), 0)),
            ("a text for an error", r#"{"error":"no such model"}"#, found(None, None, 13)),
            ("a line break in the type", r#"{"error":{"type":"a\nlevel=error"}}"#, found(None, None, 0)),
            ("content in the type", r#"{"error":{"type":"the user said so"}}"#, found(None, None, 0)),
            ("too long a type", &long, found(None, None, 0)),
            ("no error", r#"{"message":"no"}"#, None),
            ("a page", "<html>502 Bad Gateway</html>", None),
            ("nothing", "", None),
        ] {
            assert_eq!(read_error(Dialect::OpenAi, body.as_bytes()), want, "{name}");
        }
        let body =
            br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded","code":"x"}}"#;
        assert_eq!(read_error(Dialect::Anthropic, body), found(Some("overloaded_error"), None, 10));
    }
}
