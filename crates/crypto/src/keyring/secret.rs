//! A key of the hierarchy, unwrapped.

use std::fmt;

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

use super::cell::CellKey;
use super::name::{KeyName, KeyNumber};
use super::wrap::WrappingKey;
use crate::derive::{Extracted, KEY_BYTES, LimitHashKey};
use crate::digest::{BlindIndex, Pepper};
use crate::label::Label;
use crate::seal::FormatOne;
use crate::sign::SigningKey;
use crate::token::{RandomnessError, random};

/// Bytes of a commitment.
pub(crate) const COMMITMENT_BYTES: usize = 32;

/// A key: 256 random bits for one purpose. Never printed, wiped on drop.
pub struct SecretKey(Zeroizing<[u8; KEY_BYTES]>);

impl SecretKey {
    /// Bytes of every key.
    pub const BYTES: usize = KEY_BYTES;

    /// A new key from the system's random source.
    pub fn generate() -> Result<Self, RandomnessError> {
        random().map(Self)
    }

    /// Takes the bytes over, from where a key was unwrapped elsewhere (a key service).
    pub fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(bytes)
    }

    /// The key itself, to be wrapped elsewhere (a key service). Reviewers grep for `expose`.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Says which key it is without saying anything about it. AES-GCM-SIV alone would let somebody make a cell that opens under two keys;
    /// a key whose commitment was compared is the one that was meant. Source: Albertini et al., "How to Abuse and Fix Authenticated
    /// Encryption Without Key Commitment", USENIX Security 2022.
    pub(crate) fn commitment(&self) -> Zeroizing<[u8; COMMITMENT_BYTES]> {
        self.derive(Label::Commitment)
    }

    /// Whether this is the key that was committed to. Takes the same time whatever differs.
    pub(crate) fn is_committed_to(&self, commitment: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&*self.commitment(), commitment).is_ok()
    }

    /// Whether it is the same key as another. Takes the same time whatever differs.
    pub fn is(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&*self.0, &*other.0).is_ok()
    }

    /// As a key that wraps others.
    pub fn wrapping(&self) -> WrappingKey {
        WrappingKey::new(&self.derive(Label::Wrap))
    }

    /// As the key that seals cells of `name`.
    pub fn cells(&self, name: KeyName<'_>) -> CellKey {
        let (salts, index) = (self.derive(Label::Salt), self.derive(Label::Index));
        CellKey::new(&self.derive(Label::Cell), &salts, &index, name)
    }

    /// As the hasher of credentials.
    pub fn pepper(&self) -> Pepper {
        Pepper::new(&self.0)
    }

    /// As the hasher by which sealed values are found.
    pub fn blind_index(&self) -> BlindIndex {
        BlindIndex::new(&self.0)
    }

    /// As the key of the limiter's hash tables.
    pub fn limit_hash_key(&self) -> LimitHashKey {
        LimitHashKey(self.0.clone())
    }

    /// As the key that signs checkpoints of the audit log.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.derive(Label::AuditLog))
    }

    /// As the key that signs checkpoints of the audit log of `node`: each of several nodes that share the secret has a log of its own, and so
    /// a key of its own.
    pub fn signing_key_of(&self, node: &str) -> SigningKey {
        let info = [Label::AuditLogOfNode.as_bytes(), node.as_bytes()].concat();
        SigningKey::from_seed(&Extracted::of_data_key(&self.0).key(&info))
    }

    /// As what opens cells of format 1.
    pub fn format_one(&self) -> FormatOne {
        FormatOne::new(&self.0)
    }

    /// A public name for a key that has none yet, different for each key.
    pub(crate) fn number(&self) -> KeyNumber {
        let [a, b, c, d, e, f, g, h, ..] = *self.derive(Label::Number);
        KeyNumber::new([a, b, c, d, e, f, g, h])
    }

    fn derive(&self, label: Label) -> Zeroizing<[u8; KEY_BYTES]> {
        Extracted::of_data_key(&self.0).key(label.as_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}
