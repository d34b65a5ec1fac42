//! The root key: the one secret under which all others are wrapped.

use std::fmt;

use zeroize::Zeroizing;

use crate::derive::{Extracted, KEY_BYTES};
use crate::keyring::{KeyNumber, Purpose, SecretKey};
use crate::label::Label;
use crate::token::{RandomnessError, Token, random};

/// What a root key's text begins with: the kind of secret (for secret scanners) and the version of this format.
const PREFIX: &str = "bwroot1_";
/// Fewer different bytes than this and the key was not drawn at random: 32 random bytes hold about 30 different ones, and fewer
/// than 16 with a chance below 10⁻¹⁷. It catches zeros, repeated patterns and hexadecimal text used as bytes.
const DISTINCT_BYTES_MIN: usize = 16;

/// Why a text is not a root key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RootKeyError {
    /// Not the format.
    #[error("not a root key: expected `{PREFIX}` and {} base64url characters on one line", Token::CHARS)]
    Format,
    /// A key anyone could guess.
    #[error("a default or patterned key, which anyone could guess")]
    Weak,
}

/// The root key. Never printed, wiped on drop.
pub struct RootKey(Zeroizing<[u8; KEY_BYTES]>);

impl RootKey {
    /// The most bytes a root key's file may hold: the text and a line break.
    pub const FILE_BYTES_MAX: usize = PREFIX.len() + Token::CHARS + 2;

    /// A new key from the system's random source.
    pub fn generate() -> Result<Self, RandomnessError> {
        random().map(Self)
    }

    /// Takes raw key bytes over; refuses patterns.
    pub fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Result<Self, RootKeyError> {
        if is_patterned(&bytes) {
            return Err(RootKeyError::Weak);
        }
        Ok(Self(bytes))
    }

    /// Reads what [`RootKey::expose_text`] wrote; one line break may follow.
    pub fn parse(text: &[u8]) -> Result<Self, RootKeyError> {
        let text = std::str::from_utf8(text).map_err(|_| RootKeyError::Format)?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let token = line.strip_prefix(PREFIX).ok_or(RootKeyError::Format)?;
        Self::from_bytes(Token::decode(token).map_err(|_| RootKeyError::Format)?)
    }

    /// The key as one line of text, for its file. Reviewers grep for `expose`.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}\n", Token::encode(&self.0).expose()))
    }

    /// The keys that were derived from the root before there was a hierarchy. What was hashed and sealed under them stays readable once
    /// they are wrapped like others.
    pub fn derived_before(&self) -> [(Purpose, SecretKey); 4] {
        [
            (Purpose::Pepper, Label::Pepper),
            (Purpose::Index, Label::BlindIndex),
            (Purpose::LimitHash, Label::LimitHash),
            (Purpose::FormatOne, Label::Seal),
        ]
        .map(|(purpose, label)| (purpose, SecretKey::from_bytes(self.derive(label))))
    }

    /// Names the key: another for another key. Not secret.
    pub fn number(&self) -> KeyNumber {
        self.as_secret().number()
    }

    /// The key as one of the hierarchy, which wraps others.
    pub(crate) fn as_secret(&self) -> SecretKey {
        SecretKey::from_bytes(self.0.clone())
    }

    fn derive(&self, label: Label) -> Zeroizing<[u8; KEY_BYTES]> {
        Extracted::new(&self.0).key(label.as_bytes())
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(…)")
    }
}

/// Whether the bytes follow a pattern: few different values, or a constant step from each to the next (`00 01 02 …`).
fn is_patterned(bytes: &[u8; KEY_BYTES]) -> bool {
    let mut sorted = Zeroizing::new(*bytes);
    sorted.sort_unstable();
    let distinct = 1 + sorted.windows(2).filter(|pair| matches!(pair, [a, b] if a != b)).count();
    let mut steps = bytes.windows(2).map(|pair| match pair {
        [a, b] => b.wrapping_sub(*a),
        _ => 0,
    });
    let first = steps.next();
    distinct < DISTINCT_BYTES_MIN || steps.all(|step| Some(step) == first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::RootProvider;
    use crate::token::tests::unhex;

    fn bytes(of: impl Fn(usize) -> u8) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(std::array::from_fn(of))
    }

    #[test]
    fn guessable_keys_are_refused() {
        for (name, key) in [
            ("zeros", bytes(|_| 0)),
            ("ones", bytes(|_| 0xff)),
            ("ascending", bytes(|i| u8::try_from(i).unwrap())),
            ("descending", bytes(|i| 200 - u8::try_from(i).unwrap())),
            ("steps of seven", bytes(|i| u8::try_from(i * 7 % 256).unwrap())),
            ("a repeated word", bytes(|i| b"changeme"[i % 8])),
            ("hexadecimal text", bytes(|i| b"0123456789abcdef"[i * 5 % 15])),
        ] {
            assert!(matches!(RootKey::from_bytes(key), Err(RootKeyError::Weak)), "{name}");
        }
    }

    #[test]
    fn texts() {
        let good = RootKey::generate().unwrap().expose_text();
        let line = good.trim_end();
        for (name, text, want) in [
            ("well formed", good.to_string(), None),
            ("no line break", line.to_owned(), None),
            ("empty", String::new(), Some(RootKeyError::Format)),
            ("two lines", format!("{line}\n\n"), Some(RootKeyError::Format)),
            ("windows line break", format!("{line}\r\n"), Some(RootKeyError::Format)),
            ("cut", line[..line.len() - 1].to_owned(), Some(RootKeyError::Format)),
            ("longer", format!("{line}A"), Some(RootKeyError::Format)),
            ("a later version", line.replace("bwroot1", "bwroot2"), Some(RootKeyError::Format)),
            ("no prefix", line.replace(PREFIX, ""), Some(RootKeyError::Format)),
            ("space in front", format!(" {line}"), Some(RootKeyError::Format)),
            ("all zero", format!("{PREFIX}{}", "A".repeat(43)), Some(RootKeyError::Weak)),
        ] {
            assert_eq!(RootKey::parse(text.as_bytes()).err(), want, "{name}");
        }
        assert_eq!(RootKey::parse(b"\xff\xfe").err(), Some(RootKeyError::Format), "not UTF-8");
    }

    #[test]
    fn the_same_text_is_the_same_key() {
        let key = RootKey::generate().unwrap();
        let again = RootKey::parse(key.expose_text().as_bytes()).unwrap();
        assert_eq!(key.id(), again.id());
        assert_ne!(key.id(), RootKey::generate().unwrap().id());
    }

    /// A data directory from before there was a hierarchy goes on with these: no change here goes unnoticed.
    #[test]
    fn what_was_derived_before_is_derived_still() {
        let key = RootKey::from_bytes(bytes(|i| u8::try_from(i * i % 251).unwrap())).unwrap();
        let [pepper, index, limit, format_one] = key.derived_before();
        assert_eq!(
            [pepper.0, index.0, limit.0, format_one.0],
            [Purpose::Pepper, Purpose::Index, Purpose::LimitHash, Purpose::FormatOne]
        );
        let hash = pepper.1.pepper().hash(b"bw_credential");
        assert_eq!(
            hash.as_bytes().to_vec(),
            unhex("b5765c6a41db571ded86cd6fc9d140b472996f398bddc495595006d8e5dddc0a")
        );
    }

    #[test]
    fn a_key_does_not_print() {
        let key = RootKey::generate().unwrap();
        assert_eq!(
            format!("{key:?} {:?} {:?}", key.as_secret(), key.as_secret().limit_hash_key()),
            "RootKey(…) SecretKey(…) LimitHashKey(…)"
        );
    }
}
