//! HMAC-SHA256 with a key of somebody else's choosing: for protocols that sign with it.

use zeroize::Zeroizing;

use crate::digest::KeyedHash;
use crate::sha::SHA256_BYTES;

/// The HMAC-SHA256 of `data` under `key`. It may be a key itself (AWS derives its signing keys so), and is wiped on drop.
/// Source: RFC 2104, FIPS 180-4.
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> Zeroizing<[u8; SHA256_BYTES]> {
    Zeroizing::new(*KeyedHash::new(key).over(&[data]).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::unhex;

    /// Source: RFC 4231 §4.2 and §4.3.
    #[test]
    fn rfc_4231_vectors() {
        for (name, key, data, want) in [
            (
                "1",
                vec![0x0b; 20],
                "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                "2",
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ] {
            assert_eq!(hmac_sha256(&key, data.as_bytes()).to_vec(), unhex(want), "{name}");
        }
    }
}
