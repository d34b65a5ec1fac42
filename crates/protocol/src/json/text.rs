//! Escapes, both ways.

use memchr::memchr;

use super::scan::{self, hex_unit};

/// Resolves the escapes of a string's inside. `raw` was checked when it was scanned; should it be malformed after all,
/// the bad escape is left out.
pub(super) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        out.push_str(rest.get(..at).unwrap_or_default());
        let (character, len) = escape(rest.as_bytes(), at);
        if let Some(character) = character {
            out.push(character);
        }
        rest = rest.get(at + len..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The bytes between the quotes if `text` is one string without escapes and nothing else. Such a string means what it says, and
/// needs no document to be read.
pub(crate) fn plain_bytes(text: &[u8]) -> Option<usize> {
    let inside = text.len().checked_sub(2)?;
    let (b'"', Ok(scanned)) = (text.first()?, scan::string(text, 1)) else { return None };
    (scanned.len == inside && !scanned.escaped && std::str::from_utf8(text).is_ok()).then_some(inside)
}

/// The character that the escape at `at` stands for, and the escape's length in bytes.
fn escape(bytes: &[u8], at: usize) -> (Option<char>, usize) {
    let simple = |character| (Some(character), 2);
    match bytes.get(at + 1) {
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{C}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(b'u') => unicode_escape(bytes, at),
        Some(&byte) => simple(char::from(byte)),
        None => (None, 1),
    }
}

fn unicode_escape(bytes: &[u8], at: usize) -> (Option<char>, usize) {
    let first = hex_unit(bytes, at + 2).unwrap_or(0xFFFD);
    match char::from_u32(u32::from(first)) {
        Some(character) => (Some(character), 6),
        None => {
            let second = hex_unit(bytes, at + 8).unwrap_or(0xFFFD);
            (char::decode_utf16([first, second]).next().and_then(Result::ok), 12)
        }
    }
}

/// Appends `text` as a JSON string, quotes included. Escapes what RFC 8259 §7 demands and nothing else.
pub fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Bounds;
    use crate::json::Document;

    proptest! {
        /// What it says is what reading tells; it may say nothing.
        #[test]
        fn a_plain_string_is_what_reading_tells(
            text in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), any::<u8>(), 0x20_u8..0x7f], 0..80),
            quoted: bool,
        ) {
            let text = if quoted { [b"\"", &*text, b"\""].concat() } else { text };
            if let Some(bytes) = plain_bytes(&text) {
                let document = Document::parse(&text, &Bounds::default()).unwrap();
                prop_assert_eq!(document.root().as_str().map(|text| text.len()), Some(bytes));
            }
        }

        #[test]
        fn a_string_without_escapes_is_plain(text in "[^\"\\\\\\x00-\\x1F]{0,80}") {
            let body = format!("\"{text}\"");
            prop_assert_eq!(plain_bytes(body.as_bytes()), Some(text.len()));
        }

        #[test]
        fn quoting_and_reading_give_the_text_back(text in "\\PC*|[\\x00-\\x7F\\u{1F600}]*") {
            let mut body = Vec::new();
            push_quoted(&mut body, &text);
            let document = Document::parse(&body, &Bounds::default()).unwrap();
            prop_assert_eq!(document.root().as_str().unwrap(), text);
        }
    }
}
