//! Sealing a cell, format 2: under a data key, bound to the place where the cell stands.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::name::{KeyName, KeyNumber};
use super::nonce;
use crate::aead::{Aead, NONCE_BYTES, TAG_BYTES};
use crate::derive::KEY_BYTES;
use crate::digest::{BlindIndex, Digest, KeyedHash};
use crate::seal::{OpenError, Place, SealError};

/// Version of the format, its first byte: `2 | algorithm | number of the key (8) | nonce (12) | ciphertext | tag (16)`.
const FORMAT: u8 = 2;
/// AES-256-GCM-SIV. Others will have other numbers.
const AES_256_GCM_SIV: u8 = 1;
/// Bytes of the head, which says under what it was sealed.
const HEAD_BYTES: usize = 2 + size_of::<KeyNumber>();
/// Bytes that sealing adds.
const OVERHEAD_BYTES: usize = HEAD_BYTES + NONCE_BYTES + TAG_BYTES;

/// Seals and opens cells under one data key. Cheap to clone. Never printed.
#[derive(Clone)]
pub struct CellKey(Arc<Inner>);

struct Inner {
    aead: Aead,
    salts: KeyedHash,
    index: BlindIndex,
    number: KeyNumber,
    /// What stands before the place in the associated data: the head and whose key it is.
    bound: Vec<u8>,
}

impl CellKey {
    pub(crate) fn new(
        key: &[u8; KEY_BYTES],
        salts: &[u8; KEY_BYTES],
        index: &[u8; KEY_BYTES],
        name: KeyName<'_>,
    ) -> Self {
        let mut bound = head(name.number).to_vec();
        bound.extend_from_slice(&name.associated_data());
        Self(Arc::new(Inner {
            aead: Aead::new(key),
            salts: KeyedHash::new(salts),
            index: BlindIndex::new(index),
            number: name.number,
            bound,
        }))
    }

    /// The key's number.
    pub fn number(&self) -> KeyNumber {
        self.0.number
    }

    /// The number of the key that a cell says it was sealed under; `None` if it is not of this format. A hint for looking the key up: only
    /// opening shows whether it is true.
    pub fn number_of(sealed: &[u8]) -> Option<KeyNumber> {
        let (head, _) = sealed.split_first_chunk::<HEAD_BYTES>()?;
        match head {
            [FORMAT, AES_256_GCM_SIV, number @ ..] => KeyNumber::from_stored(number),
            _ => None,
        }
    }

    /// A salt that nobody can make again once the key is destroyed: what is committed to under it is then forgotten. Another one for each
    /// `id`.
    pub fn salt(&self, id: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(*self.0.salts.over(&[id]).as_bytes())
    }

    /// The hash of `value` as it stands in `column`, by which it is found again. Once the key is destroyed nobody can compare it with a guess.
    pub fn hash(&self, column: &str, value: &[u8]) -> Digest {
        self.0.index.hash(column, value)
    }

    /// Seals `plain` for `place`: [`CellKey::open`] gives it back there and nowhere else. 38 bytes longer; its length is not hidden.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_with(nonce::next()?, place, plain)
    }

    /// The same with a given nonce: the same cell for the same text.
    pub(crate) fn seal_with(
        &self,
        nonce: [u8; NONCE_BYTES],
        place: Place<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD_BYTES);
        sealed.extend_from_slice(&head(self.0.number));
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let start = HEAD_BYTES + NONCE_BYTES;
        let aad = place.associated_data(&self.0.bound);
        self.0.aead.seal(nonce, &aad, &mut sealed, start).map_err(|_| SealError::TooLong)?;
        Ok(sealed)
    }

    /// Gives back what was sealed for `place` under this key.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (found, rest) = sealed.split_first_chunk::<HEAD_BYTES>().ok_or(OpenError)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError)?;
        if *found != head(self.0.number) {
            return Err(OpenError);
        }
        let mut plain = Zeroizing::new(body.to_vec());
        let aad = place.associated_data(&self.0.bound);
        let length = self.0.aead.open(*nonce, &aad, &mut plain).map_err(|_| OpenError)?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

impl fmt::Debug for CellKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CellKey({})", self.0.number)
    }
}

fn head(number: KeyNumber) -> [u8; HEAD_BYTES] {
    let [a, b, c, d, e, f, g, h] = *number.as_bytes();
    [FORMAT, AES_256_GCM_SIV, a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keyring::{Purpose, SecretKey};

    const HERE: Place<'static> = Place { table: "turns", column: "body", row: b"trn_1", schema: 1 };

    fn name() -> KeyName<'static> {
        KeyName { tenant: "default", purpose: Purpose::Subject, number: KeyNumber::new([3; 8]) }
    }

    fn key_of(byte: u8, name: KeyName<'_>) -> CellKey {
        SecretKey::from_bytes(Zeroizing::new([byte; KEY_BYTES])).cells(name)
    }

    fn key() -> CellKey {
        key_of(7, name())
    }

    #[test]
    fn a_moved_cell_does_not_open() {
        let sealed = key().seal(HERE, b"secret").unwrap();
        assert_eq!(*key().open(HERE, &sealed).unwrap(), b"secret");
        for (what, place) in [
            ("other row", Place { row: b"trn_2", ..HERE }),
            ("other column", Place { column: "bodz", ..HERE }),
            ("other table", Place { table: "turnt", ..HERE }),
            ("other schema", Place { schema: 2, ..HERE }),
            ("shifted boundary", Place { table: "turnsb", column: "ody", ..HERE }),
            ("empty row", Place { row: b"", ..HERE }),
        ] {
            assert_eq!(key().open(place, &sealed), Err(OpenError), "{what}");
        }
        for (what, other) in [
            ("other key", key_of(8, name())),
            ("other tenant", key_of(7, KeyName { tenant: "other", ..name() })),
            ("other purpose", key_of(7, KeyName { purpose: Purpose::System, ..name() })),
            ("other number", key_of(7, KeyName { number: KeyNumber::new([4; 8]), ..name() })),
        ] {
            assert_eq!(other.open(HERE, &sealed), Err(OpenError), "{what}");
        }
    }

    #[test]
    fn a_cell_names_its_key() {
        let sealed = key().seal(HERE, b"").unwrap();
        assert_eq!(CellKey::number_of(&sealed), Some(key().number()));
        for (what, bytes) in [
            ("nothing", &[][..]),
            ("format 1", &[1; 40]),
            ("other algorithm", &[2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            ("cut", &[2, 1, 0]),
        ] {
            assert_eq!(CellKey::number_of(bytes), None, "{what}");
        }
    }

    #[test]
    fn salts_differ_by_key_and_by_what_they_are_for() {
        let (key, other) = (key(), key_of(8, name()));
        assert_eq!(key.salt(b"entry 1"), key.salt(b"entry 1"));
        assert_ne!(key.salt(b"entry 1"), key.salt(b"entry 2"));
        assert_ne!(key.salt(b"entry 1"), other.salt(b"entry 1"));
    }

    #[test]
    fn hashes_differ_by_key_column_and_value() {
        let (key, other) = (key(), key_of(8, name()));
        let hash = key.hash("turns.body", b"hello");
        assert_eq!(key.hash("turns.body", b"hello"), hash);
        assert_ne!(key.hash("turns.body", b"hallo"), hash);
        assert_ne!(key.hash("turns.idempotency", b"hello"), hash);
        assert_ne!(other.hash("turns.body", b"hello"), hash);
        assert_ne!(key.salt(b"hello").as_slice(), key.hash("", b"hello").as_bytes());
    }

    #[test]
    fn sealing_twice_gives_two_texts() {
        assert_ne!(key().seal(HERE, b"same").unwrap(), key().seal(HERE, b"same").unwrap());
    }

    proptest! {
        #[test]
        fn open_undoes_seal(plain: Vec<u8>, row: Vec<u8>) {
            let place = Place { row: &row, ..HERE };
            let sealed = key().seal(place, &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + OVERHEAD_BYTES);
            prop_assert_eq!(&*key().open(place, &sealed).unwrap(), &plain);
        }

        #[test]
        fn one_flipped_bit_and_it_does_not_open(plain: Vec<u8>, at: prop::sample::Index, bit in 0..8u8) {
            let mut sealed = key().seal(HERE, &plain).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(key().open(HERE, &sealed), Err(OpenError));
        }

        #[test]
        fn a_cut_or_foreign_text_does_not_open(plain: Vec<u8>, cut: prop::sample::Index, noise: Vec<u8>) {
            let sealed = key().seal(HERE, &plain).unwrap();
            prop_assert_eq!(key().open(HERE, &sealed[..cut.index(sealed.len())]), Err(OpenError));
            prop_assert_eq!(key().open(HERE, &noise), Err(OpenError));
        }
    }
}
