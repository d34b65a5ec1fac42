//! Wrapping: a key sealed under another, bound to its name and committed to.

use std::fmt;

use zeroize::Zeroizing;

use super::name::KeyName;
use super::nonce;
use super::secret::{COMMITMENT_BYTES, SecretKey};
use crate::aead::{Aead, NONCE_BYTES, TAG_BYTES};
use crate::derive::KEY_BYTES;
use crate::seal::{OpenError, SealError};

/// Version of the format, its first byte: `1 | nonce (12) | ciphertext (32) | tag (16) | commitment (32)`.
const FORMAT: u8 = 1;
/// Bytes of the sealed key.
const SEALED_BYTES: usize = KEY_BYTES + TAG_BYTES;

/// A key that wraps others: the root's, or a tenant's. Never printed.
pub struct WrappingKey(Aead);

impl WrappingKey {
    /// Bytes of a wrapped key.
    pub const WRAPPED_BYTES: usize = 1 + NONCE_BYTES + SEALED_BYTES + COMMITMENT_BYTES;

    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(Aead::new(key))
    }

    /// Wraps `key` under its name: [`WrappingKey::unwrap`] gives it back under that name and no other.
    pub fn wrap(&self, name: KeyName<'_>, key: &SecretKey) -> Result<Vec<u8>, SealError> {
        self.wrap_with(nonce::next()?, name, key)
    }

    /// The same with a given nonce: the same bytes for the same key.
    pub(crate) fn wrap_with(
        &self,
        nonce: [u8; NONCE_BYTES],
        name: KeyName<'_>,
        key: &SecretKey,
    ) -> Result<Vec<u8>, SealError> {
        let commitment = key.commitment();
        let mut sealed = Zeroizing::new(Vec::with_capacity(SEALED_BYTES));
        sealed.extend_from_slice(key.expose());
        let aad = associated_data(name, &*commitment);
        self.0.seal(nonce, &aad, &mut sealed, 0).map_err(|_| SealError::TooLong)?;
        let mut wrapped = Vec::with_capacity(Self::WRAPPED_BYTES);
        wrapped.push(FORMAT);
        wrapped.extend_from_slice(&nonce);
        wrapped.extend_from_slice(&sealed);
        wrapped.extend_from_slice(&*commitment);
        Ok(wrapped)
    }

    /// Gives back the key that was wrapped under `name`.
    pub fn unwrap(&self, name: KeyName<'_>, wrapped: &[u8]) -> Result<SecretKey, OpenError> {
        let (&version, rest) = wrapped.split_first().ok_or(OpenError)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError)?;
        let (sealed, commitment) = rest.split_first_chunk::<SEALED_BYTES>().ok_or(OpenError)?;
        if version != FORMAT || commitment.len() != COMMITMENT_BYTES {
            return Err(OpenError);
        }
        let mut plain = Zeroizing::new(*sealed);
        let aad = associated_data(name, commitment);
        let opened = self.0.open(*nonce, &aad, &mut *plain).map_err(|_| OpenError)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(opened.first_chunk::<KEY_BYTES>().ok_or(OpenError)?);
        let key = SecretKey::from_bytes(key);
        if key.is_committed_to(commitment) { Ok(key) } else { Err(OpenError) }
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey(…)")
    }
}

fn associated_data(name: KeyName<'_>, commitment: &[u8]) -> Vec<u8> {
    let mut aad = vec![FORMAT];
    aad.extend_from_slice(&name.associated_data());
    aad.extend_from_slice(commitment);
    aad
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keyring::{KeyNumber, Purpose};

    fn name() -> KeyName<'static> {
        KeyName { tenant: "default", purpose: Purpose::Subject, number: KeyNumber::new([1; 8]) }
    }

    fn wrapping(byte: u8) -> WrappingKey {
        SecretKey::from_bytes(Zeroizing::new([byte; KEY_BYTES])).wrapping()
    }

    #[test]
    fn a_key_unwraps_under_its_name_alone() {
        let key = SecretKey::generate().unwrap();
        let wrapped = wrapping(1).wrap(name(), &key).unwrap();
        assert_eq!(wrapped.len(), WrappingKey::WRAPPED_BYTES);
        assert_eq!(wrapping(1).unwrap(name(), &wrapped).unwrap().expose(), key.expose());
        for (what, wrapping, name) in [
            ("other wrapping key", wrapping(2), name()),
            ("other tenant", wrapping(1), KeyName { tenant: "other", ..name() }),
            ("other purpose", wrapping(1), KeyName { purpose: Purpose::System, ..name() }),
            ("other number", wrapping(1), KeyName { number: KeyNumber::new([2; 8]), ..name() }),
        ] {
            assert_eq!(wrapping.unwrap(name, &wrapped).map(drop), Err(OpenError), "{what}");
        }
    }

    /// A wrapper who is hostile can seal anything; the commitment of another key is noticed all the same.
    #[test]
    fn a_commitment_to_another_key_is_refused() {
        let (key, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let wrapping = wrapping(1);
        let commitment = other.commitment();
        let mut sealed = key.expose().to_vec();
        wrapping.0.seal([0; NONCE_BYTES], &associated_data(name(), &*commitment), &mut sealed, 0).unwrap();
        let wrapped = [&[FORMAT][..], &[0; NONCE_BYTES], &sealed, &*commitment].concat();
        assert_eq!(wrapping.unwrap(name(), &wrapped).map(drop), Err(OpenError));
    }

    proptest! {
        #[test]
        fn one_flipped_bit_and_it_does_not_unwrap(at in 0..WrappingKey::WRAPPED_BYTES, bit in 0..8u8) {
            let mut wrapped = wrapping(1).wrap(name(), &SecretKey::generate().unwrap()).unwrap();
            wrapped[at] ^= 1 << bit;
            prop_assert!(wrapping(1).unwrap(name(), &wrapped).is_err());
        }

        #[test]
        fn a_foreign_text_does_not_unwrap(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(wrapping(1).unwrap(name(), &noise).is_err());
        }
    }
}
