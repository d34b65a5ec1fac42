//! AES-256-GCM-SIV: authenticated encryption that survives a repeated nonce.
//!
//! Why SIV: after a machine is cloned or a snapshot restored, nonces may repeat; then GCM would leak the authentication key, SIV leaks
//! only whether two plaintexts at one place were equal. Source: RFC 8452.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::derive::KEY_BYTES;

/// Bytes of a nonce.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes of the tag that follows the ciphertext.
pub(crate) const TAG_BYTES: usize = 16;

/// The primitive failed: on sealing, a length beyond its limits; on opening, a tag that does not fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AeadError;

/// A key of AES-256-GCM-SIV.
pub(crate) struct Aead(LessSafeKey);

impl Aead {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        match UnboundKey::new(&AES_256_GCM_SIV, key) {
            Ok(key) => Self(LessSafeKey::new(key)),
            // Fails only on a key of another length, which the type excludes; nothing may go on without encryption.
            Err(_) => std::process::abort(),
        }
    }

    /// Encrypts `buffer` from `start` on and appends the tag.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), AeadError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = buffer.get_mut(start..).ok_or(AeadError)?;
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), plain).map_err(|_| AeadError)?;
        buffer.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Checks and decrypts `sealed` (ciphertext and tag) in place; the plaintext is its first part.
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], AeadError> {
        self.0
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), sealed)
            .map_err(|_| AeadError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::unhex;

    /// Source: RFC 8452, appendix C.2 (AEAD_AES_256_GCM_SIV), and the counter-wrap vectors of C.3.
    #[test]
    fn rfc_8452_vectors() {
        const K: &str = "0100000000000000000000000000000000000000000000000000000000000000";
        const N: &str = "030000000000000000000000";
        for (name, key, nonce, aad, plain, want) in [
            ("empty", K, N, "", "", "07f5f4169bbf55a8400cd47ea6fd400f"),
            ("8 bytes", K, N, "", "0100000000000000", "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"),
            (
                "8 bytes, 1 of associated data",
                K,
                N,
                "01",
                "0200000000000000",
                "1de22967237a813291213f267e3b452f02d01ae33e4ec854",
            ),
            (
                "counter wraps",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "000000000000000000000000",
                "",
                "000000000000000000000000000000004db923dc793ee6497c76dcc03a98e108",
                "f3f80f2cf0cb2dd9c5984fcda908456cc537703b5ba70324a6793a7bf218d3eaffffffff000000000000000000000000",
            ),
        ] {
            let aead = Aead::new(&unhex(key).try_into().unwrap());
            let nonce: [u8; NONCE_BYTES] = unhex(nonce).try_into().unwrap();
            let mut buffer = unhex(plain);
            aead.seal(nonce, &unhex(aad), &mut buffer, 0).unwrap();
            assert_eq!(buffer, unhex(want), "{name}: sealed");
            assert_eq!(aead.open(nonce, &unhex(aad), &mut buffer).unwrap(), unhex(plain), "{name}: opened");
        }
    }
}
