//! Signatures: what this node says and anybody may check.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};

use crate::derive::KEY_BYTES;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Bytes of the key that checks signatures.
pub const VERIFYING_KEY_BYTES: usize = 32;

/// Signs with Ed25519 (RFC 8032). The seed is derived, so the same secret gives the same key again. Never printed; the library
/// wipes its copy on drop.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key of a secret seed. For tests and tools; a node's keys come from its [`SecretKey`](crate::SecretKey).
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Self {
        match Ed25519KeyPair::from_seed_unchecked(seed) {
            Ok(pair) => Self(pair),
            // Fails only on a seed of another length, which the type excludes; nothing may go on unsigned.
            Err(_) => std::process::abort(),
        }
    }

    /// The signature of `message`; the same message has the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        match self.0.sign(message).as_ref().first_chunk() {
            Some(signature) => *signature,
            // An Ed25519 signature has exactly these bytes; nothing may go on unsigned.
            None => std::process::abort(),
        }
    }

    /// The key that checks its signatures.
    pub fn verifying_key(&self) -> VerifyingKey {
        match VerifyingKey::from_bytes(self.0.public_key().as_ref()) {
            Some(key) => key,
            // A key pair's public half is a key.
            None => std::process::abort(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A signature that the key did not make, or not for this message. Which, cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// Checks Ed25519 signatures. Public.
#[derive(Clone)]
pub struct VerifyingKey {
    bytes: [u8; VERIFYING_KEY_BYTES],
    parsed: ParsedPublicKey,
}

impl VerifyingKey {
    /// A public key from its 32 bytes (RFC 8032 §5.1.5); `None` if they are not a point of the curve, or not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; VERIFYING_KEY_BYTES] = bytes.try_into().ok()?;
        let parsed = ParsedPublicKey::new(&ED25519, bytes).ok()?;
        Some(Self { bytes, parsed })
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; VERIFYING_KEY_BYTES] {
        &self.bytes
    }

    /// Whether `signature` is one of this key for `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.parsed.verify_sig(message, signature).map_err(|_| BadSignature)
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey(")?;
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::token::tests::unhex;

    /// Source: RFC 8032 §7.1, tests 1 to 3.
    #[test]
    fn rfc_8032_vectors() {
        for (name, seed, public, message, signature) in [
            (
                "test 1",
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "test 2",
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "test 3",
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ] {
            let key = SigningKey::from_seed(&unhex(seed).try_into().unwrap());
            let public = VerifyingKey::from_bytes(&unhex(public)).unwrap();
            assert_eq!(key.verifying_key(), public, "{name}: public key");
            assert_eq!(key.sign(&unhex(message)).to_vec(), unhex(signature), "{name}: signature");
            assert_eq!(public.verify(&unhex(message), &unhex(signature)), Ok(()), "{name}: verifies");
        }
    }

    #[test]
    fn keys_have_their_length() {
        for (len, well_formed) in [(0, false), (31, false), (33, false)] {
            assert_eq!(VerifyingKey::from_bytes(&vec![1; len]).is_some(), well_formed, "{len} bytes");
        }
    }

    #[test]
    fn a_signing_key_does_not_print() {
        assert_eq!(format!("{:?}", SigningKey::from_seed(&[7; 32])), "SigningKey(…)");
    }

    proptest! {
        #[test]
        fn one_flipped_bit_and_it_does_not_verify(message: Vec<u8>, at: prop::sample::Index, bit in 0..8u8) {
            let key = SigningKey::from_seed(&[7; 32]);
            let mut signature = key.sign(&message).to_vec();
            let public = key.verifying_key();
            prop_assert_eq!(public.verify(&message, &signature), Ok(()));
            let mut both = [message, signature.clone()].concat();
            let at = at.index(both.len());
            both[at] ^= 1 << bit;
            let message = both[..both.len() - SIGNATURE_BYTES].to_vec();
            signature = both[both.len() - SIGNATURE_BYTES..].to_vec();
            prop_assert_eq!(public.verify(&message, &signature), Err(BadSignature));
        }
    }
}
