//! What a service is given to wrap: a key together with its name, so that it unwraps under that name alone whatever the service binds.

use std::fmt;

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

use super::name::KeyName;
use super::secret::SecretKey;
use crate::derive::KEY_BYTES;
use crate::seal::OpenError;
use crate::sha::{SHA256_BYTES, sha256};

/// Version of the format, its first byte: `1 | SHA-256 of the name (32) | key (32)`.
const FORMAT: u8 = 1;

/// A key on its way to a service that wraps it. Never printed, wiped on drop.
pub struct Letter(Zeroizing<[u8; Self::BYTES]>);

impl Letter {
    /// Bytes of every letter.
    pub const BYTES: usize = 1 + SHA256_BYTES + KEY_BYTES;

    /// `key` under its name.
    pub fn new(name: KeyName<'_>, key: &SecretKey) -> Self {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        let name = name_hash(name);
        let parts = [FORMAT].into_iter().chain(name).chain(key.expose().iter().copied());
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = from;
        }
        Self(bytes)
    }

    /// What is given to the service. Reviewers grep for `expose`.
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The key in what the service gave back, if that was wrapped under `name`.
    pub fn open(name: KeyName<'_>, letter: &[u8]) -> Result<SecretKey, OpenError> {
        let (&version, rest) = letter.split_first().ok_or(OpenError)?;
        let (bound, key) = rest.split_first_chunk::<SHA256_BYTES>().ok_or(OpenError)?;
        let is_bound = constant_time::verify_slices_are_equal(bound, &name_hash(name)).is_ok();
        if version != FORMAT || !is_bound || key.len() != KEY_BYTES {
            return Err(OpenError);
        }
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        bytes.copy_from_slice(key);
        Ok(SecretKey::from_bytes(bytes))
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter(…)")
    }
}

fn name_hash(name: KeyName<'_>) -> [u8; SHA256_BYTES] {
    sha256(&name.associated_data())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::{KeyNumber, Purpose};

    #[test]
    fn a_letter_opens_under_its_name_alone() {
        let name = KeyName { tenant: "default", purpose: Purpose::Tenant, number: KeyNumber::new([1; 8]) };
        let key = SecretKey::generate().unwrap();
        let letter = Letter::new(name, &key);
        assert!(Letter::open(name, letter.expose()).unwrap().is(&key));
        for (what, name) in [
            ("other tenant", KeyName { tenant: "other", ..name }),
            ("other purpose", KeyName { purpose: Purpose::System, ..name }),
            ("other number", KeyName { number: KeyNumber::new([2; 8]), ..name }),
        ] {
            assert_eq!(Letter::open(name, letter.expose()).map(drop), Err(OpenError), "{what}");
        }
        let whole = letter.expose().to_vec();
        for (what, bytes) in [
            ("empty", Vec::new()),
            ("cut", whole[..whole.len() - 1].to_vec()),
            ("longer", [&whole[..], &[0]].concat()),
            ("a later version", [&[2], &whole[1..]].concat()),
        ] {
            assert_eq!(Letter::open(name, &bytes).map(drop), Err(OpenError), "{what}");
        }
        assert_eq!(format!("{letter:?}"), "Letter(…)");
    }
}
