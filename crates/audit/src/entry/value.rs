//! The values of fields: none needs an escape.

use std::fmt;
use std::sync::Arc;

use botwarden_types::{BotName, KeyId, RequestId, SessionId};

use super::EntryId;
use super::canonical::{Reader, Value, parse_hex, push_hex};
use super::personal::Commitment;
use crate::c2sp::parse_decimal;
use crate::tree::Hash;

/// Bytes of a word.
const WORD_BYTES_MAX: usize = 256;

/// The text cannot stand in an entry in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {WORD_BYTES_MAX} printable ASCII characters without spaces, quotes and backslashes")]
pub struct WordError;

/// A name, a reason or a version: printable ASCII without spaces, quotes and backslashes. What people write themselves is not a
/// word; it is personal, and goes in as a [`Commitment`].
#[derive(Clone)]
pub struct Word(Text);

#[derive(Clone)]
enum Text {
    Fixed(&'static str),
    Shared(Arc<str>),
}

impl Word {
    /// Accepts `text` if every character is allowed.
    pub fn parse(text: &str) -> Result<Self, WordError> {
        check(text).map(|()| Self(Text::Shared(text.into())))
    }

    /// The same of a text of the program's own, which is not copied.
    pub fn fixed(text: &'static str) -> Result<Self, WordError> {
        check(text).map(|()| Self(Text::Fixed(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Fixed(text) => text,
            Text::Shared(text) => text,
        }
    }
}

fn check(text: &str) -> Result<(), WordError> {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    let is_word = (1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed);
    if is_word { Ok(()) } else { Err(WordError) }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Word {}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({self})")
    }
}

pub(super) fn write_quoted(text: &str, to: &mut Vec<u8>) {
    to.push(b'"');
    to.extend_from_slice(text.as_bytes());
    to.push(b'"');
}

/// Names and words: what `parse` accepts has no character that JSON escapes.
macro_rules! texts {
    ($($name:ident: $expected:literal),*) => {$(
        impl Value for $name {
            const NAME: &'static str = $expected;

            fn write(&self, to: &mut Vec<u8>) {
                write_quoted(self.as_str(), to);
            }

            fn read(from: &mut Reader<'_>) -> Option<Self> {
                $name::parse(from.quoted()?).ok()
            }
        }
    )*};
}

texts!(
    Word: "a word", BotName: "a bot's name", KeyId: "the id of a key", SessionId: "the id of a session",
    RequestId: "the id of a request"
);

/// Bytes as hexadecimal digits.
macro_rules! hexadecimal {
    ($($name:ident($bytes:literal): $expected:literal),*) => {$(
        impl Value for $name {
            const NAME: &'static str = $expected;

            fn write(&self, to: &mut Vec<u8>) {
                to.push(b'"');
                push_hex(&self.0, to);
                to.push(b'"');
            }

            fn read(from: &mut Reader<'_>) -> Option<Self> {
                parse_hex::<$bytes>(from.quoted()?).map($name)
            }
        }
    )*};
}

hexadecimal!(EntryId(16): "32 hexadecimal digits", Hash(32): "64 hexadecimal digits");

impl Value for Commitment {
    const NAME: &'static str = Hash::NAME;

    fn write(&self, to: &mut Vec<u8>) {
        self.hash().write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Hash::read(from).map(Self::from_hash)
    }
}

impl Value for u64 {
    const NAME: &'static str = "a number";

    fn write(&self, to: &mut Vec<u8>) {
        let mut digits = [0; 20];
        let (mut rest, mut used) = (*self, 0);
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            used += 1;
            if rest == 0 {
                break;
            }
        }
        to.extend(digits.iter().skip(digits.len() - used));
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        parse_decimal(from.digits())
    }
}

/// A sorted list of ids, each once.
impl Value for Vec<EntryId> {
    const NAME: &'static str = "ids in ascending order";

    fn write(&self, to: &mut Vec<u8>) {
        for (before, id) in std::iter::once(b'[').chain(std::iter::repeat(b',')).zip(self) {
            to.push(before);
            id.write(to);
        }
        to.extend_from_slice(if self.is_empty() { b"[]" } else { b"]" });
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut ids = Vec::new();
        if from.skip(b"[]") {
            return Some(ids);
        }
        while from.skip(if ids.is_empty() { b"[" } else { b"," }) {
            let id = EntryId::read(from)?;
            if ids.last().is_some_and(|last| *last >= id) {
                return None;
            }
            ids.push(id);
        }
        from.skip(b"]").then_some(ids).filter(|ids| !ids.is_empty())
    }
}
