//! Sealing a cell: encryption bound to the place where the cell stands.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::aead::{Aead, NONCE_BYTES, TAG_BYTES};
use crate::derive::KEY_BYTES;
use crate::token::random;

/// Version of the sealed format, its first byte: `1 | nonce (12) | ciphertext | tag (16)` under a key of the root. Formats with
/// data keys of their own will have other versions, so that both can be read while one replaces the other.
const FORMAT: u8 = 1;
/// Bytes that sealing adds.
const OVERHEAD_BYTES: usize = 1 + NONCE_BYTES + TAG_BYTES;

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
    /// The place as associated data. Each part is preceded by its length: no two places have the same bytes.
    fn associated_data(&self) -> Vec<u8> {
        let mut aad =
            Vec::with_capacity(1 + 8 * 3 + 4 + self.table.len() + self.column.len() + self.row.len());
        aad.push(FORMAT);
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

/// Seals and opens cells with AES-256-GCM-SIV. Cheap to clone. Never printed.
#[derive(Clone)]
pub struct Sealer(Arc<Aead>);

impl Sealer {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(Arc::new(Aead::new(key)))
    }

    /// Seals `plain` for `place`: [`Sealer::open`] gives it back there and nowhere else. 29 bytes longer; its length is not hidden.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random::<NONCE_BYTES>().map_err(|_| SealError::Randomness)?;
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD_BYTES);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&*nonce);
        sealed.extend_from_slice(plain);
        let start = 1 + NONCE_BYTES;
        self.0.seal(*nonce, &place.associated_data(), &mut sealed, start).map_err(|_| SealError::TooLong)?;
        Ok(sealed)
    }

    /// Gives back what was sealed for `place`.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (&version, rest) = sealed.split_first().ok_or(OpenError)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError)?;
        if version != FORMAT {
            return Err(OpenError);
        }
        let mut plain = Zeroizing::new(body.to_vec());
        let length = self.0.open(*nonce, &place.associated_data(), &mut plain).map_err(|_| OpenError)?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: Place<'static> = Place { table: "turns", column: "body", row: b"trn_1", schema: 1 };

    fn sealer() -> Sealer {
        Sealer::new(&[7; KEY_BYTES])
    }

    #[test]
    fn a_moved_cell_does_not_open() {
        let sealed = sealer().seal(HERE, b"secret").unwrap();
        assert_eq!(*sealer().open(HERE, &sealed).unwrap(), b"secret");
        for (name, place) in [
            ("other row", Place { row: b"trn_2", ..HERE }),
            ("other column", Place { column: "bodz", ..HERE }),
            ("other table", Place { table: "turnt", ..HERE }),
            ("other schema", Place { schema: 2, ..HERE }),
            ("shifted boundary", Place { table: "turnsb", column: "ody", ..HERE }),
            ("empty row", Place { row: b"", ..HERE }),
        ] {
            assert_eq!(sealer().open(place, &sealed), Err(OpenError), "{name}");
        }
        assert_eq!(Sealer::new(&[8; KEY_BYTES]).open(HERE, &sealed), Err(OpenError), "other key");
    }

    #[test]
    fn sealing_twice_gives_two_texts() {
        assert_ne!(sealer().seal(HERE, b"same").unwrap(), sealer().seal(HERE, b"same").unwrap());
    }

    proptest! {
        #[test]
        fn open_undoes_seal(plain: Vec<u8>, row: Vec<u8>) {
            let place = Place { row: &row, ..HERE };
            let sealed = sealer().seal(place, &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + OVERHEAD_BYTES);
            prop_assert_eq!(&*sealer().open(place, &sealed).unwrap(), &plain);
        }

        #[test]
        fn one_flipped_bit_and_it_does_not_open(plain: Vec<u8>, at: prop::sample::Index, bit in 0..8u8) {
            let mut sealed = sealer().seal(HERE, &plain).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(sealer().open(HERE, &sealed), Err(OpenError));
        }

        #[test]
        fn a_cut_or_foreign_text_does_not_open(plain: Vec<u8>, cut: prop::sample::Index, noise: Vec<u8>) {
            let sealed = sealer().seal(HERE, &plain).unwrap();
            prop_assert_eq!(sealer().open(HERE, &sealed[..cut.index(sealed.len())]), Err(OpenError));
            prop_assert_eq!(sealer().open(HERE, &noise), Err(OpenError));
        }
    }
}
