//! SHA-256: the one hash without a key, for what anybody must be able to compute again.
//!
//! By RustCrypto, here and in `digest`: what is hashed for a request is a block or two, and a context of AWS-LC costs more than that,
//! because it lies on the heap.

use sha2::Digest as _;

/// Bytes of a SHA-256 hash.
pub const SHA256_BYTES: usize = 32;

/// The SHA-256 hash of `data`. Source: FIPS 180-4 §6.2.
pub fn sha256(data: &[u8]) -> [u8; SHA256_BYTES] {
    sha2::Sha256::digest(data).into()
}

/// A SHA-256 hash over pieces that come one after the other.
#[derive(Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Adds a piece.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash of all pieces.
    pub fn finish(self) -> [u8; SHA256_BYTES] {
        self.0.finalize().into()
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sha256(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::unhex;

    /// Source: NIST CAVP examples for SHA-256 (FIPS 180-4): empty, one block, two blocks.
    #[test]
    fn fips_180_vectors() {
        for (name, data, want) in [
            ("empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("one block", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "two blocks",
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(sha256(data.as_bytes()).to_vec(), unhex(want), "{name}");
            let mut pieces = Sha256::default();
            data.as_bytes().chunks(5).for_each(|piece| pieces.update(piece));
            assert_eq!(pieces.finish().to_vec(), unhex(want), "{name}, in pieces");
        }
    }
}
