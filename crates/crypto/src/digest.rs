//! Keyed hashes: of credentials, and of values that must be found again without being readable.

use std::fmt;
use std::hash::{Hash, Hasher};

use aws_lc_rs::constant_time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::derive::KEY_BYTES;
use crate::sha::sha256;

/// Bytes of a keyed hash.
const DIGEST_BYTES: usize = 32;
/// Bytes that SHA-256 takes at once.
const BLOCK_BYTES: usize = 64;

/// A keyed hash (HMAC-SHA256). It may be stored: without the key it neither reveals nor confirms what was hashed.
/// Equality takes the same time whatever differs.
#[derive(Clone, Copy)]
pub struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// The bytes, for a store.
    pub fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }

    /// A hash read back from a store; `None` if `bytes` are not as many as a hash has.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The first eight bytes as a number: for the buckets of a hash table. As unpredictable as the key.
    pub fn bucket(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Digest {}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.bucket());
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// HMAC-SHA256 with its key schedule done once. Source: RFC 2104, FIPS 180-4.
#[derive(Clone)]
pub(crate) struct KeyedHash(Hmac<Sha256>);

impl KeyedHash {
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        let hashed;
        let key = if key.len() > BLOCK_BYTES {
            hashed = Zeroizing::new(sha256(key));
            hashed.as_slice()
        } else {
            key
        };
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self(Hmac::new((&*block).into()))
    }

    /// The hash of the concatenation of `parts`; the caller sees to it that no two lists mean the same bytes.
    pub(crate) fn over(&self, parts: &[&[u8]]) -> Digest {
        let mut hash = self.0.clone();
        parts.iter().for_each(|part| hash.update(part));
        Digest(hash.finalize().into_bytes().into())
    }
}

/// Hashes credentials, so that a stolen database holds none that could be used or guessed at.
#[derive(Clone)]
pub struct Pepper(KeyedHash);

impl Pepper {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(KeyedHash::new(key))
    }

    /// The keyed hash of a credential.
    pub fn hash(&self, credential: &[u8]) -> Digest {
        self.0.over(&[credential])
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

/// Finds sealed values by equality: equal values in the same column have equal hashes, and nothing else can be learned.
#[derive(Clone)]
pub struct BlindIndex(KeyedHash);

impl BlindIndex {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(KeyedHash::new(key))
    }

    /// The hash of `value` as it stands in `column` (`table.column`). Equal values in two columns have unrelated hashes.
    pub fn hash(&self, column: &str, value: &[u8]) -> Digest {
        // The length in front keeps (`ab`, `c`) apart from (`a`, `bc`).
        let length = (column.len() as u64).to_be_bytes();
        self.0.over(&[&length, column.as_bytes(), value])
    }
}

impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindIndex(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::unhex;

    /// Source: RFC 4231 §4.2–4.4, 4.7, 4.8 (test cases 1, 2, 3, 6, 7).
    #[test]
    fn rfc_4231_vectors() {
        let long_key = vec![0xaa; 131];
        for (name, key, data, want) in [
            (
                "case 1",
                vec![0x0b; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                "case 2",
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "case 3",
                vec![0xaa; 20],
                vec![0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                "case 6",
                long_key.clone(),
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                "case 7",
                long_key,
                b"This is a test using a larger than block-size key and a larger than block-size data. The key \
                  needs to be hashed before being used by the HMAC algorithm."
                    .to_vec(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(KeyedHash::new(&key).over(&[&data]).as_bytes().to_vec(), unhex(want), "{name}");
        }
    }

    #[test]
    fn an_index_keeps_columns_apart() {
        let index = BlindIndex::new(&[1; KEY_BYTES]);
        assert_eq!(index.hash("a.b", b"x"), index.hash("a.b", b"x"));
        for (name, column, value) in
            [("other value", "a.b", "y"), ("other column", "a.c", "x"), ("shifted boundary", "a.", "bx")]
        {
            assert_ne!(index.hash("a.b", b"x"), index.hash(column, value.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_stored_hash_has_its_length() {
        for (len, well_formed) in [(0, false), (31, false), (32, true), (33, false)] {
            assert_eq!(Digest::from_stored(&vec![1; len]).is_some(), well_formed, "{len} bytes");
        }
    }

    #[test]
    fn nothing_prints() {
        let pepper = Pepper::new(&[1; KEY_BYTES]);
        assert_eq!(format!("{pepper:?} {:?}", pepper.hash(b"secret")), "Pepper(…) Digest(…)");
    }
}
