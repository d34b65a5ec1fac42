//! The Merkle tree of RFC 6962 §2: hashes, a range that grows at its end, proofs.

mod proof;
mod range;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use botwarden_crypto::{SHA256_BYTES, Sha256, sha256};

pub(crate) use proof::{Nodes, consistency, inclusion};
pub use proof::{ProofError, check_consistency, check_inclusion};
pub(crate) use range::Range;

/// Bytes of a hash.
pub const HASH_BYTES: usize = SHA256_BYTES;

/// A SHA-256 hash in the tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// The hash of plain bytes, outside the tree.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }

    /// A hash as it stands in a tile; `None` if `bytes` are not as many as a hash has.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads standard base64 with padding, spelled in the one canonical way.
    pub(crate) fn parse_base64(text: &str) -> Option<Self> {
        // 44 characters are 32 bytes and one of padding, and what the decoder takes is canonical.
        let mut bytes = [0; HASH_BYTES];
        match STANDARD.decode_slice(text, &mut bytes) {
            Ok(HASH_BYTES) => Some(Self(bytes)),
            _ => None,
        }
    }

    /// Standard base64 (RFC 4648 §4), as checkpoints and proofs have it.
    pub(crate) fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

impl fmt::Display for Hash {
    /// Lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Hash of an entry. Source: RFC 6962 §2.1 (prefix 0x00, so that an entry cannot pose as a node).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hash = Sha256::default();
    hash.update(&[0]);
    hash.update(entry);
    Hash(hash.finish())
}

/// Hash of the node over `left` and `right`. Source: RFC 6962 §2.1 (prefix 0x01).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0; 1 + 2 * HASH_BYTES];
    bytes[0] = 1;
    bytes[1..=HASH_BYTES].copy_from_slice(&left.0);
    bytes[1 + HASH_BYTES..].copy_from_slice(&right.0);
    Hash(sha256(&bytes))
}

/// Root of the tree without entries: the hash of no bytes. Source: RFC 6962 §2.1.
pub fn empty_root() -> Hash {
    Hash(sha256(&[]))
}
