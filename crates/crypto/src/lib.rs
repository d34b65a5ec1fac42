//! The only caller of cryptographic primitives.
//!
//! Everything stands under a [`RootKey`], which may be made from a [`Passphrase`], or one that a service keeps ([`RootProvider`]; a [`Letter`] is
//! what it is given). It wraps a tenant's key, that wraps data keys
//! ([`SecretKey`], each for one [`Purpose`]), and those do the work: the [`Pepper`] hashes credentials, the [`BlindIndex`] lets a sealed
//! value be looked up, a [`CellKey`] seals what a store writes, for one [`Place`], and the
//! [`SigningKey`] of the audit log has a [`VerifyingKey`] that anybody may hold. [`sha256`] and [`Sha256`] are the one hash without a key.
//! [`Token`] is where random credentials come from.
//!
//! Promises: a wrapped key unwraps under its name alone; a derived key says nothing about what it came from or its siblings; secrets are wiped on drop, have no `Display`, and
//! their `Debug` hides them; secrets are compared in constant time. No I/O apart from asking the system for randomness.
//! Left to others: reading the root key from disk (`store`), what a credential may do (`identity`).

mod aead;
mod derive;
mod digest;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod keyring;
mod label;
mod mac;
mod passphrase;
mod root;
mod seal;
mod sha;
mod sign;
mod token;

pub use derive::LimitHashKey;
pub use digest::{BlindIndex, Digest, Pepper};
pub use keyring::{
    BoxFuture, CellKey, KeyName, KeyNumber, Letter, Purpose, PurposeError, RootError, RootProvider,
    SecretKey, WrappingKey,
};
pub use mac::hmac_sha256;
pub use passphrase::{MemoryError, Passphrase, PassphraseError, Stretch, StretchError};
pub use root::{RootKey, RootKeyError};
pub use seal::{FormatOne, OpenError, Place, SealError};
pub use sha::{SHA256_BYTES, Sha256, sha256};
pub use sign::{BadSignature, SIGNATURE_BYTES, SigningKey, VERIFYING_KEY_BYTES, VerifyingKey};
pub use token::{RandomnessError, Token, TokenError, identifier, random_id};
