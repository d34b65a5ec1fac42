//! What is personal stands in an entry as a commitment only.

use std::fmt;

use botwarden_crypto::Sha256;
use zeroize::Zeroizing;

use crate::tree::Hash;

/// Which personal value is committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personal {
    /// The user's name.
    User,
    /// The address a request came from.
    Address,
    /// The arguments of a tool call.
    Arguments,
    /// What else an operator's action was about.
    Details,
}

impl Personal {
    /// The name of the field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Address => "address",
            Self::Arguments => "arguments",
            Self::Details => "details",
        }
    }
}

/// Bytes of a salt.
const SALT_BYTES: usize = 32;

/// The secret that makes commitments of one entry: derived from the subject's key and the entry's id, so that destroying the key
/// leaves hashes of which nobody can tell what they hide, nor whether two hide the same. Never printed, wiped on drop.
pub struct Salt(Zeroizing<[u8; SALT_BYTES]>);

impl Salt {
    /// Takes a salt over. It is secret, and used for one entry.
    pub fn new(bytes: Zeroizing<[u8; SALT_BYTES]>) -> Self {
        Self(bytes)
    }

    /// Commits to the value of a field: SHA-256 of the salt, the field's name, a zero byte, and the value.
    pub fn commit(&self, field: Personal, value: &[u8]) -> Commitment {
        let mut hash = Sha256::default();
        hash.update(&*self.0);
        hash.update(field.as_str().as_bytes());
        hash.update(&[0]);
        hash.update(value);
        Commitment(Hash(hash.finish()))
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// A personal value that can be shown to be the one recorded by whoever holds the salt, and by nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment(Hash);

impl Commitment {
    /// The hash that stands in the entry.
    pub fn hash(&self) -> &Hash {
        &self.0
    }

    /// A commitment as it was recorded.
    pub(super) fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }
}
