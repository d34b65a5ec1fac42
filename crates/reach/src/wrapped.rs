//! What is kept of a key that a service wrapped: `2 | what the service gave`.

use botwarden_crypto::OpenError;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Version of the format, its first byte; 1 is what a local key wraps.
const FORMAT: u8 = 2;
/// Bytes of what a service gives: Vault's text takes 160, the blob of AWS 220.
pub(crate) const OPAQUE_BYTES_MAX: usize = 6 << 10;

/// What a service gave, to be kept.
pub(crate) fn keep(opaque: &[u8]) -> Vec<u8> {
    [&[FORMAT], opaque].concat()
}

/// What the service gave, from what was kept.
pub(crate) fn opaque(kept: &[u8]) -> Result<&[u8], OpenError> {
    match kept.split_first() {
        Some((&FORMAT, opaque)) if opaque.len() <= OPAQUE_BYTES_MAX => Ok(opaque),
        _ => Err(OpenError),
    }
}

/// A key in an answer, in base64. Wiped on drop.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(crate) struct Plaintext(Zeroizing<String>);

impl Plaintext {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for Plaintext {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}
