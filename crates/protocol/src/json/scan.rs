//! Where a string or a number ends.

use super::error::{JsonError, JsonErrorKind as Kind};

/// Where a string ends and whether it has to be unescaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StringEnd {
    /// Offset of the closing quote.
    pub(super) at: usize,
    /// Whether a backslash stands before it.
    pub(super) escaped: bool,
}

/// Scans a string whose first byte after the quote is at `from`. Every escape in it is checked, so that unescaping
/// cannot fail later.
#[inline]
pub(super) fn string_end(bytes: &[u8], from: usize) -> Result<StringEnd, JsonError> {
    let at = from + plain_len(bytes.get(from..).unwrap_or_default());
    match bytes.get(at) {
        Some(b'"') => Ok(StringEnd { at, escaped: false }),
        _ => string_end_beyond(bytes, at),
    }
}

/// The same for a string that has been scanned up to `at` and does not end there.
#[inline(never)]
fn string_end_beyond(bytes: &[u8], at: usize) -> Result<StringEnd, JsonError> {
    let mut at = at;
    let mut escaped = false;
    loop {
        at += plain_len(bytes.get(at..).unwrap_or_default());
        match bytes.get(at) {
            Some(b'"') => return Ok(StringEnd { at, escaped }),
            Some(b'\\') => {
                escaped = true;
                at = escape_end(bytes, at)?;
            }
            Some(_) => return Err(JsonError::new(at, Kind::ControlCharacter)),
            None => return Err(JsonError::new(at, Kind::UnexpectedEnd)),
        }
    }
}

/// Offset after the escape that begins at `at`; a surrogate pair is one escape.
fn escape_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex_unit(bytes, at + 2) {
            None => Err(JsonError::new(at, Kind::Escape)),
            Some(0xDC00..=0xDFFF) => Err(JsonError::new(at, Kind::LoneSurrogate)),
            Some(0xD800..=0xDBFF) => low_surrogate_end(bytes, at),
            Some(_) => Ok(at + 6),
        },
        Some(_) => Err(JsonError::new(at, Kind::Escape)),
        None => Err(JsonError::new(at + 1, Kind::UnexpectedEnd)),
    }
}

/// Offset after the pair whose first half begins at `at`.
fn low_surrogate_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let follows = bytes.get(at + 6..at + 8) == Some(br"\u");
    match hex_unit(bytes, at + 8) {
        Some(0xDC00..=0xDFFF) if follows => Ok(at + 12),
        _ => Err(JsonError::new(at, Kind::LoneSurrogate)),
    }
}

/// The UTF-16 unit written as four hexadecimal digits at `at`.
pub(super) fn hex_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | hex_digit(digit)?))
}

fn hex_digit(byte: u8) -> Option<u16> {
    char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok())
}

/// Scans the number that begins at `from` (RFC 8259 §6); returns the offset after it.
pub(super) fn number_end(bytes: &[u8], from: usize) -> Result<usize, JsonError> {
    let malformed = |at| JsonError::new(at, Kind::Number);
    let mut at = from + usize::from(bytes.get(from) == Some(&b'-'));
    match bytes.get(at) {
        Some(b'0') => at += 1,
        Some(b'1'..=b'9') => at += digits_len(bytes, at),
        _ => return Err(malformed(at)),
    }
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        at += some_digits(bytes, at).ok_or(malformed(at))?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at += some_digits(bytes, at).ok_or(malformed(at))?;
    }
    match bytes.get(at) {
        Some(b'0'..=b'9') => Err(malformed(at)),
        _ => Ok(at),
    }
}

fn some_digits(bytes: &[u8], at: usize) -> Option<usize> {
    Some(digits_len(bytes, at)).filter(|&len| len > 0)
}

fn digits_len(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Bytes at the start of `bytes` that stand for themselves in a string: no quote, backslash or control character.
/// Names and most values end within the first words; long texts go by blocks, which compile to vector instructions.
#[inline]
fn plain_len(bytes: &[u8]) -> usize {
    match plain_words_len(bytes, BLOCK / 8) {
        len if len < BLOCK => len,
        _ => plain_long_len(bytes),
    }
}

/// Bytes judged at once in a long text.
const BLOCK: usize = 32;

/// The same for at least [`BLOCK`] plain bytes.
fn plain_long_len(bytes: &[u8]) -> usize {
    let blocks = bytes
        .chunks_exact(BLOCK)
        .take_while(|block| !block.iter().fold(false, |any, &b| any | is_special(b)));
    let len = blocks.count() * BLOCK;
    len + plain_words_len(bytes.get(len..).unwrap_or_default(), usize::MAX)
}

/// The same for the first `words_max` words of eight bytes; the bytes after the last word are judged one by one.
#[inline]
fn plain_words_len(bytes: &[u8], words_max: usize) -> usize {
    let mut rest = bytes;
    let mut len = 0;
    for _ in 0..words_max {
        let Some((word, after)) = rest.split_first_chunk::<8>() else {
            return len + rest.iter().take_while(|&&byte| !is_special(byte)).count();
        };
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return len + special.trailing_zeros() as usize / 8;
        }
        len += 8;
        rest = after;
    }
    len
}

fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// Marks the special bytes of a little-endian word by their high bits. The lowest mark is exact; a higher one may be
/// false, because a subtraction borrows from the byte above a true one. Bytes from 0x80 up are never marked.
/// Source: the zero-in-word test of Mycroft (1987), as in Warren, Hacker's Delight §6-1.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let equal = |byte: u8| {
        let zeroed = word ^ (ONES * u64::from(byte));
        zeroed.wrapping_sub(ONES) & !zeroed
    };
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (control | equal(b'"') | equal(b'\\')) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_runs_end_at_the_first_special_byte() {
        for special in [b'"', b'\\', 0, 0x1F, b'\n'] {
            for len in 0..100 {
                let mut bytes = vec![b'a'; 100];
                bytes[len] = special;
                bytes[99] = b'"';
                assert_eq!(plain_len(&bytes), len, "{special:#x} at {len}");
            }
        }
    }

    #[test]
    fn every_byte_is_judged_alike_by_word_and_by_byte() {
        for byte in 0..=255 {
            for at in 0..8 {
                let mut word = [0xF0; 8];
                word[at] = byte;
                let marked = special_bytes(u64::from_le_bytes(word)) != 0;
                assert_eq!(marked, is_special(byte), "{byte:#x} at {at}");
            }
        }
    }
}
