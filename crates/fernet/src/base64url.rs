//! Base64 of tokens and keys: one way to write, two ways to read.

use base64_simd::URL_SAFE;

/// Which spellings of a token or key are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoding {
    /// Only the one that is written: URL-safe alphabet, padded, unused bits zero (RFC 4648 §3.5, §5).
    Strict,
    /// All that Python's `base64.urlsafe_b64decode` takes (CPython 3.11 to 3.14, `binascii.a2b_base64` without strict mode):
    /// `+/` beside `-_`, foreign bytes skipped, unused bits ignored, and whatever follows the padding ignored.
    PyCompat,
}

/// Characters of `bytes` bytes as text.
pub(crate) fn text_len(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

/// Appends the text of `bytes`. Lengths that are no multiple of three end the text.
pub(crate) fn append(bytes: &[u8], text: &mut String) {
    URL_SAFE.encode_append(bytes, text);
}

/// The bytes of a text, if it is a spelling that is read. Not for keys: it leaves copies behind.
pub(crate) fn decode(text: &[u8], decoding: Decoding) -> Option<Vec<u8>> {
    // What is canonical means the same either way, and is read many times as fast.
    match (URL_SAFE.decode_to_vec(text), decoding) {
        (Ok(bytes), _) => Some(bytes),
        (Err(_), Decoding::Strict) => None,
        (Err(_), Decoding::PyCompat) => decode_leniently(text),
    }
}

/// Follows `binascii.a2b_base64` step by step: characters of the alphabet fill a quad of four; anything else is skipped; `=`
/// counts as padding once two characters of the quad are there, and ends the text when it fills the quad. Makes no copies.
pub(crate) fn decode_leniently(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len().div_ceil(4).saturating_mul(3));
    let (mut in_quad, mut pads, mut left) = (0u8, 0u8, 0u8);
    for &character in text {
        if character == b'=' {
            if in_quad >= 2 {
                pads += 1;
                if in_quad + pads >= 4 {
                    return Some(bytes);
                }
            }
            continue;
        }
        let Some(value) = value(character) else { continue };
        pads = 0;
        match in_quad {
            0 => {}
            1 => bytes.push(left << 2 | value >> 4),
            2 => bytes.push(left << 4 | value >> 2),
            _ => bytes.push(left << 6 | value),
        }
        left = value;
        in_quad = (in_quad + 1) % 4;
    }
    (in_quad == 0).then_some(bytes)
}

/// The six bits of a character of either alphabet.
fn value(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'-' | b'+' => 62,
        b'_' | b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    /// What CPython 3.11 answers.
    #[test]
    fn spellings() {
        for (name, text, strict, python) in [
            ("empty", "", Some(&b""[..]), Some(&b""[..])),
            ("whole quads", "AAEC", Some(&[0, 1, 2]), Some(&[0, 1, 2])),
            ("one pad", "AAE=", Some(&[0, 1]), Some(&[0, 1])),
            ("two pads", "AA==", Some(&[0]), Some(&[0])),
            ("url alphabet", "-_-_", Some(&[0xfb, 0xff, 0xbf]), Some(&[0xfb, 0xff, 0xbf])),
            ("other alphabet", "+/+/", None, Some(&[0xfb, 0xff, 0xbf])),
            ("both", "+_-/", None, Some(&[0xfb, 0xff, 0xbf])),
            ("no padding", "AA", None, None),
            ("half a padding", "AA=", None, None),
            ("one character", "A", None, None),
            ("five characters", "AAECA", None, None),
            ("unused bits set", "AB==", None, Some(&[0])),
            ("foreign bytes", "A A\nE\u{e9}C", None, Some(&[0, 1, 2])),
            ("text after the padding", "AA==AAEC", None, Some(&[0])),
            ("noise after the padding", "AA==?", None, Some(&[0])),
            ("padding too early", "=AAEC", None, Some(&[0, 1, 2])),
            ("padding after one character", "A=A=C=", None, Some(&[0, 0])),
            ("one pad between characters", "AA=E=", None, Some(&[0, 1])),
            ("noise within the padding", "AA=?=", None, Some(&[0])),
            ("pads alone", "====", None, Some(&[])),
            ("a pad after whole quads", "AAEC=", None, Some(&[0, 1, 2])),
        ] {
            let text = text.as_bytes();
            assert_eq!(decode(text, Decoding::Strict).as_deref(), strict, "{name}, strict");
            assert_eq!(decode(text, Decoding::PyCompat).as_deref(), python, "{name}, as Python");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_in_every_way(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut text = String::new();
            append(&bytes, &mut text);
            prop_assert_eq!(text.len(), text_len(bytes.len()));
            prop_assert_eq!(&text, &base64::engine::general_purpose::URL_SAFE.encode(&bytes));
            prop_assert_eq!(decode(text.as_bytes(), Decoding::Strict), Some(bytes.clone()));
            prop_assert_eq!(decode_leniently(text.as_bytes()), Some(bytes));
        }

        #[test]
        fn strict_takes_one_spelling(text in "[A-D=_+ -]{0,12}|[A-D]{30,90}={0,2}[A-D=+]?") {
            let other = base64::engine::general_purpose::URL_SAFE.decode(&text).ok();
            prop_assert_eq!(decode(text.as_bytes(), Decoding::Strict), other);
            if let Some(bytes) = decode(text.as_bytes(), Decoding::Strict) {
                let mut again = String::new();
                append(&bytes, &mut again);
                prop_assert_eq!(again, text.clone());
                prop_assert_eq!(decode_leniently(text.as_bytes()), Some(bytes));
            }
        }
    }
}
