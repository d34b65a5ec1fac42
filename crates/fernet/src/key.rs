//! The key: 16 bytes that sign, 16 that encrypt.

use std::fmt;

use zeroize::Zeroizing;

use crate::base64url::{self, Decoding};
use crate::iv::RandomnessError;

/// Bytes of either half.
pub(crate) const HALF_BYTES: usize = 16;

/// The text is not a key. What it holds is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Fernet key: expected {} characters of base64url", Key::CHARS)]
pub struct KeyError;

/// A Fernet key. Never printed, wiped on drop. Any 32 bytes are one, as in Python.
#[derive(Clone)]
pub struct Key(Zeroizing<[[u8; HALF_BYTES]; 2]>);

impl Key {
    /// Characters of a key's text: ⌈32 / 3⌉ · 4.
    pub const CHARS: usize = 44;

    /// A new key from the system's random source.
    pub fn generate() -> Result<Self, RandomnessError> {
        let mut halves = Zeroizing::new([[0; HALF_BYTES]; 2]);
        aws_lc_rs::rand::fill(halves.as_flattened_mut()).map_err(|_| RandomnessError)?;
        Ok(Self(halves))
    }

    /// Takes raw bytes: 16 that sign, 16 that encrypt.
    pub fn from_bytes(bytes: &[u8; 2 * HALF_BYTES]) -> Self {
        let mut halves = Zeroizing::new([[0; HALF_BYTES]; 2]);
        halves.as_flattened_mut().copy_from_slice(bytes);
        Self(halves)
    }

    /// Reads a key's text: base64 of exactly 32 bytes. `PyCompat` takes the keys that Python takes, with a line break at
    /// the end for instance.
    pub fn parse(text: impl AsRef<[u8]>, decoding: Decoding) -> Result<Self, KeyError> {
        let text = text.as_ref();
        let decoded = Zeroizing::new(base64url::decode_leniently(text).ok_or(KeyError)?);
        let key = decoded.as_array().map(Self::from_bytes).ok_or(KeyError)?;
        match decoding {
            Decoding::Strict if key.expose_text().as_bytes() != text => Err(KeyError),
            Decoding::Strict | Decoding::PyCompat => Ok(key),
        }
    }

    /// The key as text. Reviewers grep for `expose`.
    pub fn expose_text(&self) -> Zeroizing<String> {
        // Room for all of it at once: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(Self::CHARS));
        base64url::append(self.0.as_flattened(), &mut text);
        text
    }

    pub(crate) fn expose_signing(&self) -> &[u8; HALF_BYTES] {
        let [signing, _] = &*self.0;
        signing
    }

    pub(crate) fn expose_encrypting(&self) -> &[u8; HALF_BYTES] {
        let [_, encrypting] = &*self.0;
        encrypting
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
