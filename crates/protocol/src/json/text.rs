//! Escapes, both ways.

use memchr::memchr;

use super::scan::hex_unit;

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
        #[test]
        fn quoting_and_reading_give_the_text_back(text in "\\PC*|[\\x00-\\x7F\\u{1F600}]*") {
            let mut body = Vec::new();
            push_quoted(&mut body, &text);
            let document = Document::parse(&body, &Bounds::default()).unwrap();
            prop_assert_eq!(document.root().as_str().unwrap(), text);
        }
    }
}
