//! The only caller of cryptographic primitives.
//!
//! Everything starts from a [`RootKey`]. From it come, by HKDF under labels of their own, the [`Pepper`] that hashes
//! credentials, the [`BlindIndex`] that lets a sealed value be looked up, the [`LimitHashKey`], and the [`Sealer`] that
//! encrypts what a store writes, and the [`SigningKey`] of the audit log, whose [`VerifyingKey`] anybody may hold. [`sha256`] and
//! [`Sha256`] are the one hash without a key. [`Token`] is where random credentials come from.
//!
//! Promises: a derived key says nothing about the root or its siblings; secrets are wiped on drop, have no `Display`, and
//! their `Debug` hides them; secrets are compared in constant time. No I/O apart from asking the system for randomness.
//! Left to others: reading the root key from disk (`store`), what a credential may do (`identity`).

mod aead;
mod derive;
mod digest;
mod label;
mod root;
mod seal;
mod sha;
mod sign;
mod token;

pub use derive::LimitHashKey;
pub use digest::{BlindIndex, Digest, Pepper};
pub use root::{RootKey, RootKeyError};
pub use seal::{OpenError, Place, SealError, Sealer};
pub use sha::{SHA256_BYTES, Sha256, sha256};
pub use sign::{BadSignature, SIGNATURE_BYTES, SigningKey, VERIFYING_KEY_BYTES, VerifyingKey};
pub use token::{RandomnessError, Token, TokenError, identifier};
