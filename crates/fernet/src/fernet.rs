//! Sealing and opening under one key.

use std::fmt;

use crate::base64url::{self, Decoding};
use crate::body::{self, Age, IV_BYTES, InvalidToken};
use crate::engine::{Engine, Sealing};
use crate::iv::{self, RandomnessError};
use crate::key::Key;

/// Why nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// No IV.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// AWS-LC's cipher failed, which it has no reason to.
    #[error("the cipher failed")]
    Cipher,
}

/// Seals and opens tokens under one key. The key made ready for use is wiped on drop.
pub struct Fernet {
    pub(crate) engine: Engine,
}

impl Fernet {
    /// Takes the way that [`backend`](crate::backend) names.
    pub fn new(key: &Key) -> Self {
        Self { engine: Engine::new(key) }
    }

    /// Takes the portable way, whatever the processor can.
    pub fn portable(key: &Key) -> Self {
        Self { engine: Engine::portable(key) }
    }

    /// Seals a message. The token tells everybody the time `now_s` (seconds since 1970) and about how long the message is.
    pub fn encrypt(&self, message: &[u8], now_s: u64) -> Result<String, EncryptError> {
        self.encrypt_with_iv(message, now_s, iv::draw()?)
    }

    /// Seals a message with an IV of the caller's, who promises that it is random and never used before: for known answers,
    /// and for generators of one's own.
    pub fn encrypt_with_iv(
        &self,
        message: &[u8],
        now_s: u64,
        iv: [u8; IV_BYTES],
    ) -> Result<String, EncryptError> {
        self.engine.seal(&Sealing { stamp_s: now_s, iv, message }).ok_or(EncryptError::Cipher)
    }

    /// The message of a token. What was deciphered of a refused one is wiped; the message is the caller's to wipe.
    pub fn decrypt(
        &self,
        token: impl AsRef<[u8]>,
        decoding: Decoding,
        age: Age,
    ) -> Result<Vec<u8>, InvalidToken> {
        let body = base64url::decode(token.as_ref(), decoding).ok_or(InvalidToken)?;
        if !age.admits(body::claimed_stamp(&body)?) {
            return Err(InvalidToken);
        }
        self.engine.open(body)
    }

    /// The time stamp of an authentic token, in seconds since 1970. Checks the MAC and nothing else: neither age nor message
    /// need be right, or there.
    pub fn extract_timestamp(
        &self,
        token: impl AsRef<[u8]>,
        decoding: Decoding,
    ) -> Result<u64, InvalidToken> {
        let body = base64url::decode(token.as_ref(), decoding).ok_or(InvalidToken)?;
        let stamp_s = body::claimed_stamp(&body)?;
        if self.engine.is_authentic(&body) { Ok(stamp_s) } else { Err(InvalidToken) }
    }

    /// The body of a token before base64, for measuring.
    #[doc(hidden)]
    pub fn seal_body(&self, message: &[u8], now_s: u64, iv: [u8; IV_BYTES]) -> Result<Vec<u8>, EncryptError> {
        self.engine.seal_body(&Sealing { stamp_s: now_s, iv, message }).ok_or(EncryptError::Cipher)
    }
}

impl fmt::Debug for Fernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fernet(…)")
    }
}
