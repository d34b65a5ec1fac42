//! What a sealed cell is bound to, and cells as they were sealed before there were data keys.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::aead::{Aead, NONCE_BYTES};
use crate::derive::KEY_BYTES;

/// Version of the format, its first byte.
const FORMAT: u8 = 1;

/// Where a cell stands. A sealed cell opens only there: moved to another row, column or table it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The row's primary key.
    pub row: &'a [u8],
    /// Version of what is inside the cell, so that old content cannot pass for new.
    pub schema: u32,
}

impl Place<'_> {
    /// The place as associated data, after what the format puts before it. Each part is preceded by its length: no two places
    /// have the same bytes.
    pub(crate) fn associated_data(&self, before: &[u8]) -> Vec<u8> {
        let parts = self.table.len() + self.column.len() + self.row.len();
        let mut aad = Vec::with_capacity(before.len() + 8 * 3 + 4 + parts);
        aad.extend_from_slice(before);
        for part in [self.table.as_bytes(), self.column.as_bytes(), self.row] {
            aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
            aad.extend_from_slice(part);
        }
        aad.extend_from_slice(&self.schema.to_be_bytes());
        aad
    }
}

/// A cell could not be sealed. Nothing may be written in its stead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No nonce.
    #[error("the system gave no randomness")]
    Randomness,
    /// Longer than the cipher takes (64 GiB).
    #[error("too long to seal")]
    TooLong,
}

/// A cell could not be opened: another key, another place, or changed bytes. Which of them is not told, because it cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed cell does not open")]
pub struct OpenError;

/// Opens cells of format 1, which were sealed under a key of the root before there were data keys:
/// `1 | nonce (12) | ciphertext | tag (16)`. Cheap to clone. Never printed.
#[derive(Clone)]
pub struct FormatOne(Arc<Aead>);

impl FormatOne {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(Arc::new(Aead::new(key)))
    }

    /// Whether a cell says that it is of this format.
    pub fn is_of(sealed: &[u8]) -> bool {
        sealed.first() == Some(&FORMAT)
    }

    /// Gives back what was sealed for `place`.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (&version, rest) = sealed.split_first().ok_or(OpenError)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError)?;
        if version != FORMAT {
            return Err(OpenError);
        }
        let mut plain = Zeroizing::new(body.to_vec());
        let aad = place.associated_data(&[FORMAT]);
        let length = self.0.open(*nonce, &aad, &mut plain).map_err(|_| OpenError)?.len();
        plain.truncate(length);
        Ok(plain)
    }

    /// What programs before this one wrote.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn seal_with(
        &self,
        nonce: [u8; NONCE_BYTES],
        place: Place<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut sealed = [&[FORMAT][..], &nonce, plain].concat();
        let aad = place.associated_data(&[FORMAT]);
        self.0.seal(nonce, &aad, &mut sealed, 1 + NONCE_BYTES).map_err(|_| SealError::TooLong)?;
        Ok(sealed)
    }
}

impl fmt::Debug for FormatOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormatOne(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'static> = Place { table: "turns", column: "body", row: b"trn_1", schema: 1 };

    #[test]
    fn what_was_sealed_before_opens_where_it_stood() {
        let key = FormatOne::new(&[7; KEY_BYTES]);
        let sealed = key.seal_with([9; NONCE_BYTES], HERE, b"secret").unwrap();
        assert!(FormatOne::is_of(&sealed));
        assert_eq!(*key.open(HERE, &sealed).unwrap(), b"secret");
        assert_eq!(key.open(Place { row: b"trn_2", ..HERE }, &sealed), Err(OpenError), "other row");
        assert_eq!(FormatOne::new(&[8; KEY_BYTES]).open(HERE, &sealed), Err(OpenError), "other key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(HERE, &changed), Err(OpenError), "byte {at}");
            assert_eq!(key.open(HERE, &sealed[..at]), Err(OpenError), "cut to {at} bytes");
        }
    }
}
