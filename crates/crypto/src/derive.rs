//! HKDF-SHA256: one secret in, labelled secrets out.

use std::fmt;

use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

/// Bytes of every derived key.
pub(crate) const KEY_BYTES: usize = 32;

/// Salt of the extract step. Fixed: the root key is already uniform, the salt only separates this product from others.
const SALT: &[u8] = b"botwarden root key v1";
/// The same for keys of the hierarchy.
const DATA_KEY_SALT: &[u8] = b"botwarden data key v2";

/// The secret from which keys are derived, after HKDF's extract step.
pub(crate) struct Extracted(hkdf::Prk);

impl Extracted {
    /// Extract step over `secret`. Source: RFC 5869 §2.2.
    pub(crate) fn new(secret: &[u8; KEY_BYTES]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret))
    }

    /// The same over a key of the hierarchy.
    pub(crate) fn of_data_key(secret: &[u8; KEY_BYTES]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, DATA_KEY_SALT).extract(secret))
    }

    /// Expand step: the key named `info`. Source: RFC 5869 §2.3.
    pub(crate) fn key(&self, info: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        // Expansion fails only beyond 255 hashes of output or on a length other than the one announced: neither can be.
        // Should the library ever fail all the same, a zero key must not be used, so this ends the process.
        let done = self.0.expand(&[info], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut *key));
        if done.is_err() {
            std::process::abort();
        }
        key
    }
}

/// Key of the limiter's hash tables, so that nobody outside can choose keys that collide. Wiped on drop.
pub struct LimitHashKey(pub(crate) Zeroizing<[u8; KEY_BYTES]>);

impl LimitHashKey {
    /// The key itself. Reviewers grep for `expose`.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for LimitHashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LimitHashKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        crate::token::tests::unhex(text)
    }

    /// An output length of the vectors' choosing.
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }

    /// Source: RFC 5869, appendix A, test cases 1 to 3 (SHA-256).
    #[test]
    fn rfc_5869_vectors() {
        for (name, ikm, salt, info, okm) in [
            (
                "A.1",
                "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b".to_owned(),
                "000102030405060708090a0b0c".to_owned(),
                "f0f1f2f3f4f5f6f7f8f9".to_owned(),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                "A.2",
                hex_range(0x00, 0x4f),
                hex_range(0x60, 0xaf),
                hex_range(0xb0, 0xff),
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
                 da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                "A.3",
                "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b".to_owned(),
                String::new(),
                String::new(),
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            ),
        ] {
            let want = unhex(okm);
            let mut got = vec![0; want.len()];
            let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &unhex(&salt)).extract(&unhex(&ikm));
            let info = unhex(&info);
            prk.expand(&[&info], Len(want.len())).unwrap().fill(&mut got).unwrap();
            assert_eq!(got, want, "{name}");
        }
    }

    fn hex_range(from: u8, to: u8) -> String {
        (from..=to).map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn labels_give_unrelated_keys() {
        let extracted = Extracted::new(&[7; KEY_BYTES]);
        assert_ne!(extracted.key(b"a"), extracted.key(b"b"));
        assert_eq!(extracted.key(b"a"), Extracted::new(&[7; KEY_BYTES]).key(b"a"));
        assert_ne!(extracted.key(b"a"), Extracted::new(&[8; KEY_BYTES]).key(b"a"));
    }
}
