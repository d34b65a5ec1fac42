//! Fernet tokens: small messages sealed under a shared key, as <https://github.com/fernet/spec> defines them and as Python's
//! `cryptography` reads and writes them.
//!
//! [`Key`] is the secret, [`Fernet`] seals and opens with one key, [`MultiFernet`] with several: the first writes, all read.
//! [`Decoding`] says which spellings of a token are taken: the one canonical one, or all that Python takes. [`Age`] says
//! whether a token may be of any age. Time is an argument, in seconds since 1970; so is the IV, where a caller wants.
//!
//! Promises: with [`Decoding::PyCompat`] a token gets the verdict that Python `cryptography` gives it, whatever its bytes;
//! no input panics or overflows; there is one opaque error, [`InvalidToken`]; no plaintext leaves before its MAC is checked,
//! in constant time; what was deciphered of a refused token is wiped, and so are keys on drop (copies that the compiler
//! leaves on a stack are out of reach). A fast way through AES-NI and SHA-NI is taken only after it agreed with the portable
//! one ([`backend`] says which is used).
//!
//! Left to others: keeping keys, reading clocks, and binding a token to its place. Fernet has no associated data: a token
//! is good wherever its key is. And where [`Decoding::PyCompat`] reads, a token has endlessly many spellings: never use its text as a
//! key of a cache or of a list of revoked tokens.

mod base64url;
mod batch;
mod body;
mod engine;
mod fernet;
mod fork;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod iv;
mod key;
mod multi;
#[cfg(test)]
mod tests;

pub use base64url::Decoding;
pub use body::{Age, InvalidToken, MAX_CLOCK_SKEW_S};
pub use engine::{Backend, backend};
pub use fernet::{EncryptError, Fernet};
pub use iv::RandomnessError;
pub use key::{Key, KeyError};
pub use multi::{MultiFernet, NoKey, RotateError};
