//! Where a string or a number ends.

use super::error::{JsonError, JsonErrorKind as Kind};

/// A string as far as it was scanned: all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Bytes between the quotes.
    pub(super) len: usize,
    /// Whether a backslash is among them.
    pub(super) escaped: bool,
    /// The eight bytes after the opening quote, or what is left of them.
    pub(super) head: u64,
}

/// Scans a string whose first byte after the quote is at `from`. Every escape in it is checked, so that unescaping
/// cannot fail later.
///
/// Names and most values end within [`BLOCK`] bytes, which are judged by words; long texts go by blocks.
#[inline(always)]
pub(super) fn string(bytes: &[u8], from: usize) -> Result<Scanned, JsonError> {
    let Some(block) = bytes.get(from..).and_then(<[u8]>::first_chunk::<BLOCK>) else {
        return string_beyond(bytes, from, 0);
    };
    let words = block.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
    let head = words.clone().next().unwrap_or_default();
    for (word, before) in words.zip((0..).step_by(8)) {
        let special = special_bytes(word);
        if special != 0 {
            let bits = special.trailing_zeros() & !7;
            let len = before + bits as usize / 8;
            if (word >> bits) as u8 == b'"' {
                return Ok(Scanned { len, escaped: false, head });
            }
            return string_beyond(bytes, from, len);
        }
    }
    string_beyond(bytes, from, BLOCK)
}

/// The same for a string whose first `len` bytes have been scanned and stand for themselves.
#[inline(never)]
fn string_beyond(bytes: &[u8], from: usize, len: usize) -> Result<Scanned, JsonError> {
    let mut at = from + len;
    let mut escaped = false;
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(Scanned { len: at - from, escaped, head: word(bytes, from) }),
            Some(b'\\') => {
                escaped = true;
                at = escape_end(bytes, at)?;
            }
            Some(_) => return Err(JsonError::new(at, Kind::ControlCharacter)),
            None => return Err(JsonError::new(at, Kind::UnexpectedEnd)),
        }
    }
}

/// The eight bytes from `at` as a little-endian word, or what is left of them.
#[inline(always)]
pub(super) fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.first_chunk().map_or_else(|| last_word(rest), |word| u64::from_le_bytes(*word))
}

#[cold]
fn last_word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
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
#[inline(always)]
pub(super) fn number_end(bytes: &[u8], from: usize) -> Result<usize, JsonError> {
    // Most numbers are whole and below ten million: the word that begins with them tells all.
    let word = word(bytes, from);
    let digits = leading_digits(word);
    let end = from + digits as usize;
    match (word >> (8 * (digits % 8))) as u8 {
        _ if digits == 0 || digits == 8 || (digits > 1 && word as u8 == b'0') => any_number_end(bytes, from),
        b'.' | b'e' | b'E' => number_end_beyond(bytes, end),
        _ => Ok(end),
    }
}

/// How many bytes of a little-endian word are digits before the first that is none.
#[inline(always)]
fn leading_digits(word: u64) -> u32 {
    const ONES: u64 = u64::MAX / 255;
    let values = word ^ (ONES * u64::from(b'0'));
    // Adding 0x76 carries into the high bit from 10 up; what had it before is no digit either.
    let others = (((values & (ONES * 0x7F)) + ONES * 0x76) | values) & (ONES << 7);
    others.trailing_zeros() / 8
}

/// The same for a number with a sign or more digits, or a malformed one.
#[inline(never)]
fn any_number_end(bytes: &[u8], from: usize) -> Result<usize, JsonError> {
    let mut at = from + usize::from(bytes.get(from) == Some(&b'-'));
    match bytes.get(at) {
        Some(b'0') => at += 1,
        Some(b'1'..=b'9') => at += digits_len(bytes, at),
        _ => return Err(JsonError::new(at, Kind::Number)),
    }
    number_end_beyond(bytes, at)
}

/// The same for a number whose whole part ends before `at`.
fn number_end_beyond(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let malformed = |at| JsonError::new(at, Kind::Number);
    let mut at = at;
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

/// Bytes judged at once in a long text.
const BLOCK: usize = 32;

/// Offset of the first byte from `from` on that does not stand for itself in a string: a quote, backslash or control
/// character, or the end. Goes by blocks, which compile to vector instructions.
fn plain_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        let [low, high] = special_halves(block);
        if low | high != 0 {
            let bits = if low == 0 { 128 + high.trailing_zeros() } else { low.trailing_zeros() };
            return at + bits as usize / 8;
        }
        at += BLOCK;
    }
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let last = bytes.get(at..).unwrap_or_default();
    at + last.iter().take_while(|byte| !is_special(**byte)).count()
}

/// The halves of a block, each special byte all ones and every other byte zero.
#[inline(always)]
fn special_halves(block: &[u8; BLOCK]) -> [u128; 2] {
    let marked = block.map(|byte| if is_special(byte) { 0xFF } else { 0 });
    let mut halves = [0; 2];
    for (half, bytes) in halves.iter_mut().zip(marked.as_chunks().0) {
        *half = u128::from_le_bytes(*bytes);
    }
    halves
}

fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// Marks the special bytes of a little-endian word by their high bits. The lowest mark is exact; a higher one may be
/// false, because a subtraction borrows from the byte above a true one. Bytes from 0x80 up are never marked.
///
/// Flipping bit 1 moves the quote, 0x22, to 0x20, next to the control characters, which stay among themselves.
/// Source: the zero-in-word test of Mycroft (1987), as in Warren, Hacker's Delight §6-1.
#[inline(always)]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let control_or_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5C)).wrapping_sub(ONES);
    (control_or_quote | backslash) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_short_look_at_a_number_says_what_a_long_one_does(text in "-?[0-9]{0,10}[.eE+,0-9]{0,6}") {
            prop_assert_eq!(number_end(text.as_bytes(), 0), any_number_end(text.as_bytes(), 0));
        }
    }

    #[test]
    fn strings_of_every_length_are_measured_wherever_the_document_ends() {
        for behind in [0, 1, 7, 8, 31, 32, 100] {
            for len in 0..100 {
                let bytes = [vec![b'a'; len], b"\"".to_vec(), vec![b'"'; behind]].concat();
                let scanned = string(&bytes, 0).unwrap();
                assert_eq!((scanned.len, scanned.escaped), (len, false), "{len} bytes, {behind} behind");
                assert_eq!(scanned.head, word(&bytes, 0), "{len} bytes, {behind} behind");
            }
        }
    }

    #[test]
    fn plain_runs_end_at_the_first_special_byte() {
        for special in [b'"', b'\\', 0, 0x1F, b'\n'] {
            for len in 0..100 {
                let mut bytes = vec![b'a'; 100];
                bytes[len] = special;
                bytes[99] = b'"';
                assert_eq!(plain_end(&bytes, 0), len, "{special:#x} at {len}");
            }
        }
    }

    #[test]
    fn digits_are_counted_up_to_the_first_other_byte() {
        for other in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
            for len in 0..8 {
                let mut word = *b"09182736";
                word[len] = other;
                assert_eq!(leading_digits(u64::from_le_bytes(word)) as usize, len, "{other:#x} at {len}");
            }
        }
        assert_eq!(leading_digits(u64::from_le_bytes(*b"09182736")), 8);
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
