//! Words, as two people would agree that they are the same.

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// In lower case.
    pub text: String,
    /// The byte at which it begins.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// The words of a text: runs of letters and digits.
pub fn words_of(text: &str) -> Vec<Word> {
    let mut words = Vec::with_capacity(text.len() / 6);
    let mut start = None;
    for (at, char) in text.char_indices() {
        match (char.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                push_word(&mut words, text, from, at);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        push_word(&mut words, text, from, text.len());
    }
    words
}

fn push_word(words: &mut Vec<Word>, text: &str, start: usize, end: usize) {
    let word = text.get(start..end).unwrap_or_default();
    let lower = if word.is_ascii() { word.to_ascii_lowercase() } else { word.to_lowercase() };
    words.push(Word { text: lower, start, end });
}

/// What becomes of an ASCII byte: a letter in lower case, a digit, or 0 for what stands between words.
fn folded_ascii(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { 0 }
}

/// The words in lower case with one space between.
pub fn fold(text: &str) -> String {
    // Each byte is written, and the place moves on only if it counts: no branch depends on where words end. Lower case may be longer
    // than upper case beyond ASCII alone, where room is made.
    let mut folded = vec![0; text.len()];
    let (mut length, mut gap) = (0, true);
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        if !byte.is_ascii() {
            let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
            at += char.len_utf8();
            if char.is_alphanumeric() {
                folded.truncate(length);
                for lower in char.to_lowercase() {
                    folded.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
                }
                length = folded.len();
                folded.resize(length + bytes.len() - at + 1, 0);
            } else if !gap {
                push(&mut folded, &mut length, b' ');
            }
            gap = !char.is_alphanumeric();
            continue;
        }
        at += 1;
        let ascii = folded_ascii(byte);
        let is_gap = ascii == 0;
        if let Some(place) = folded.get_mut(length) {
            *place = if is_gap { b' ' } else { ascii };
        }
        length += usize::from(!(is_gap & gap));
        gap = is_gap;
    }
    folded.truncate(length);
    if gap && length > 0 {
        folded.pop();
    }
    String::from_utf8(folded).unwrap_or_default()
}

fn push(folded: &mut [u8], length: &mut usize, byte: u8) {
    if let Some(place) = folded.get_mut(*length) {
        *place = byte;
        *length += 1;
    }
}

/// Whether it has characters that cannot be seen or that turn the direction of writing: such a text is not what it looks like.
/// Source: Unicode general category Cf and the tags, the usual carriers of hidden text.
pub fn has_hidden(text: &str) -> bool {
    !text.is_ascii()
        && text.chars().any(|char| {
            matches!(char,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}')
        })
}
