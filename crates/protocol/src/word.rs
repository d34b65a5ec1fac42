//! Words of an upstream's that may stand in a log line.

use crate::json::{Kind, Value};

/// Longest word that is taken.
const WORD_BYTES_MAX: usize = 64;

/// A text of letters, digits, `_`, `-` and `.`, or a number; nothing else, since it goes to logs and metrics.
pub(crate) fn word(value: Value<'_>) -> Option<String> {
    let text = if value.kind() == Kind::Number { value.raw().into() } else { value.as_str()? };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let plain = !text.is_empty() && text.len() <= WORD_BYTES_MAX && text.bytes().all(allowed);
    plain.then(|| text.into_owned())
}
