//! Characters that people do not see or take for others.

use std::collections::HashMap;

use crate::Data;

/// Bytes of a tool's name. Source: MCP 2025-11-25, "Tool Names".
pub const TOOL_NAME_BYTES_MAX: usize = 128;

/// What is odd about a text: never shown to a model, whatever an operator says. `Display` is the end of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oddity {
    /// A name that is too long or empty.
    #[error("its name is not 1 to {TOOL_NAME_BYTES_MAX} characters long")]
    Length,
    /// Something else than plain letters, digits and a few signs.
    #[error("its name holds U+{:04X}; names are made of A–Z, a–z, 0–9, `_`, `-`, `.` and `/`", u32::from(*.0))]
    Name(char),
    /// Two names that a reader takes for one.
    #[error("its name looks like that of another tool of the server, `{0}`")]
    LookAlike(String),
    /// A character that is not shown.
    #[error("it holds the invisible character U+{code:04X} at `{at}`", code = u32::from(*.character))]
    Invisible {
        /// Which.
        character: char,
        /// Where in the definition.
        at: String,
    },
    /// A character that turns the direction of what is around it.
    #[error("it holds U+{code:04X}, which turns the direction of text, at `{at}`", code = u32::from(*.character))]
    Direction {
        /// Which.
        character: char,
        /// Where in the definition.
        at: String,
    },
    /// Letters of two alphabets in one word.
    #[error("it mixes letters of several alphabets in one word at `{at}`")]
    Mixed {
        /// Where in the definition.
        at: String,
    },
}

/// What is odd about a tool's name, if anything.
pub fn oddity_of_name(name: &str) -> Option<Oddity> {
    if name.is_empty() || name.len() > TOOL_NAME_BYTES_MAX {
        return Some(Oddity::Length);
    }
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    name.chars().find(|c| !plain(c)).map(Oddity::Name)
}

/// Names of one server that look like one before them in the list, with that one.
pub fn look_alikes<'n>(names: impl Iterator<Item = &'n str>) -> HashMap<&'n str, Oddity> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    let mut found = HashMap::new();
    for name in names {
        if let Some(first) = seen.insert(skeleton(name), name) {
            // Neither is the one that was meant.
            found.insert(name, Oddity::LookAlike(first.to_owned()));
            found.insert(first, Oddity::LookAlike(name.to_owned()));
        }
    }
    found
}

/// A name with all that looks alike made the same: case, `0` and `o`, `1`, `i` and `l`, and the signs between words.
fn skeleton(name: &str) -> String {
    let alike = |c: char| match c.to_ascii_lowercase() {
        '0' => 'o',
        '1' | 'i' => 'l',
        '_' | '.' | '/' => '-',
        other => other,
    };
    name.chars().map(alike).collect()
}

/// What is odd about any text in a definition, names of fields included; the first that is.
pub fn oddity_of_text(definition: &Data) -> Option<Oddity> {
    walk(definition, &mut String::new())
}

fn walk(value: &Data, at: &mut String) -> Option<Oddity> {
    match value {
        Data::Null | Data::Bool(_) | Data::Number(_) => None,
        Data::Text(text) => oddity(text, at),
        Data::List(items) => items
            .iter()
            .enumerate()
            .find_map(|(number, item)| within(at, &format!("[{number}]"), |at| walk(item, at))),
        Data::Map(entries) => entries.iter().find_map(|(name, value)| {
            // The place must not repeat what is odd about it.
            oddity(name, at).or_else(|| within(at, &format!(".{name}"), |at| walk(value, at)))
        }),
    }
}

fn within(at: &mut String, step: &str, look: impl FnOnce(&mut String) -> Option<Oddity>) -> Option<Oddity> {
    let before = at.len();
    at.push_str(if before == 0 { step.trim_start_matches('.') } else { step });
    let found = look(at);
    at.truncate(before);
    found
}

fn oddity(text: &str, at: &str) -> Option<Oddity> {
    if text.bytes().all(|byte| matches!(byte, b'\n' | b'\t' | b'\r' | 0x20..=0x7e)) {
        return None;
    }
    let at = || if at.is_empty() { "the top".to_owned() } else { at.to_owned() };
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied();
        match class(character) {
            Class::Shown => {}
            Class::Direction => return Some(Oddity::Direction { character, at: at() }),
            Class::Joiner if joins(before, after) => {}
            Class::Selector if before.is_some_and(is_selectable) => {}
            Class::Joiner | Class::Selector | Class::Invisible => {
                return Some(Oddity::Invisible { character, at: at() });
            }
        }
        before = Some(character);
    }
    is_mixed(text).then(|| Oddity::Mixed { at: at() })
}

enum Class {
    Shown,
    Invisible,
    Direction,
    /// Joins or parts its neighbours: needed in Persian, Indic scripts and emoji.
    Joiner,
    /// Picks a form of the character before it.
    Selector,
}

/// Source: Unicode 16, Default_Ignorable_Code_Point, Bidi_Control, general categories Cc, Zl, Zp, Co.
fn class(character: char) -> Class {
    match u32::from(character) {
        0x09 | 0x0a | 0x0d => Class::Shown,
        0x061c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069 => Class::Direction,
        0x200c | 0x200d => Class::Joiner,
        0xfe0e | 0xfe0f => Class::Selector,
        0x00..=0x1f
        | 0x7f..=0x9f
        | 0xad
        | 0x034f
        | 0x115f..=0x1160
        | 0x17b4..=0x17b5
        | 0x180b..=0x180f
        | 0x200b
        | 0x2028..=0x2029
        | 0x2060..=0x2065
        | 0x206a..=0x206f
        | 0x2800
        | 0x3164
        | 0xe000..=0xf8ff
        | 0xfe00..=0xfe0d
        | 0xfeff
        | 0xffa0
        | 0xfff0..=0xfffb
        | 0x1bca0..=0x1bca3
        | 0x1d173..=0x1d17a
        | 0xe0000..=0xe0fff
        | 0xf0000..=0x10_ffff => Class::Invisible,
        _ => Class::Shown,
    }
}

/// A joiner has something to join: no more than one between two characters that are no ASCII.
fn joins(before: Option<char>, after: Option<char>) -> bool {
    let wide = |c: char| !c.is_ascii() && !matches!(class(c), Class::Joiner);
    before.is_some_and(wide) && after.is_some_and(|c| wide(c) && !matches!(class(c), Class::Selector))
}

/// Signs that have an emoji form, and digits, which have keycaps.
fn is_selectable(before: char) -> bool {
    matches!(before, '0'..='9' | '#' | '*')
        || (!before.is_ascii() && !matches!(class(before), Class::Selector | Class::Joiner))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Latin,
    Greek,
    Cyrillic,
    Other,
}

/// Alphabets with letters that look like those of another.
fn alphabet(letter: char) -> Option<Alphabet> {
    match u32::from(letter) {
        0x41..=0x5a
        | 0x61..=0x7a
        | 0xaa
        | 0xba
        | 0xc0..=0x24f
        | 0x1e00..=0x1eff
        | 0xff21..=0xff3a
        | 0xff41..=0xff5a => Some(Alphabet::Latin),
        0x370..=0x3ff | 0x1f00..=0x1fff => Some(Alphabet::Greek),
        0x400..=0x52f => Some(Alphabet::Cyrillic),
        0x530..=0x58f | 0x13a0..=0x13ff | 0x1d400..=0x1d7ff => Some(Alphabet::Other),
        _ => None,
    }
}

/// Single letters beside each other are formulas (`µm`, `Δx`); longer ones are words that pretend.
fn is_mixed(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let mut letters = word.chars().filter_map(alphabet);
        let first = letters.next();
        word.chars().count() > 3 && letters.any(|alphabet| Some(alphabet) != first)
    })
}
