//! Several keys: how keys are replaced without losing what the old ones sealed.

use crate::base64url::{self, Decoding};
use crate::body::{self, Age, InvalidToken};
use crate::fernet::{EncryptError, Fernet};
use crate::key::Key;

/// There is no key among the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at least one key is needed")]
pub struct NoKey;

/// Why a token was not sealed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    /// No key opens it.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    /// The first key could not seal.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
}

/// Several keys: the first seals, all open.
#[derive(Debug)]
pub struct MultiFernet {
    first: Fernet,
    others: Vec<Fernet>,
}

impl MultiFernet {
    /// The keys, newest first.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Result<Self, NoKey> {
        let mut fernets = keys.into_iter().map(Fernet::new);
        let first = fernets.next().ok_or(NoKey)?;
        Ok(Self { first, others: fernets.collect() })
    }

    /// The key that seals.
    pub fn first(&self) -> &Fernet {
        &self.first
    }

    /// Seals under the first key: [`Fernet::encrypt`].
    pub fn encrypt(&self, message: &[u8], now_s: u64) -> Result<String, EncryptError> {
        self.first.encrypt(message, now_s)
    }

    /// The message of a token under any of the keys: [`Fernet::decrypt`].
    pub fn decrypt(
        &self,
        token: impl AsRef<[u8]>,
        decoding: Decoding,
        age: Age,
    ) -> Result<Vec<u8>, InvalidToken> {
        if self.others.is_empty() {
            return self.first.decrypt(token, decoding, age);
        }
        let (stamp_s, body) = parse(token.as_ref(), decoding)?;
        if !age.admits(stamp_s) {
            return Err(InvalidToken);
        }
        self.open(body)
    }

    /// Seals the token's message anew under the first key, with a new IV and the old time stamp. Its age is not looked at.
    pub fn rotate(&self, token: impl AsRef<[u8]>, decoding: Decoding) -> Result<String, RotateError> {
        let (stamp_s, body) = parse(token.as_ref(), decoding)?;
        let message = zeroize::Zeroizing::new(self.open(body)?);
        Ok(self.first.encrypt(&message, stamp_s)?)
    }

    /// The time stamp of a token that is authentic under any of the keys: [`Fernet::extract_timestamp`].
    pub fn extract_timestamp(
        &self,
        token: impl AsRef<[u8]>,
        decoding: Decoding,
    ) -> Result<u64, InvalidToken> {
        let (stamp_s, body) = parse(token.as_ref(), decoding)?;
        if self.keys().any(|it| it.engine.is_authentic(&body)) { Ok(stamp_s) } else { Err(InvalidToken) }
    }

    /// Two keys may sign alike and encrypt differently, so a right MAC does not end the search; a message does.
    fn open(&self, mut body: Vec<u8>) -> Result<Vec<u8>, InvalidToken> {
        for fernet in self.keys() {
            if !fernet.engine.is_authentic(&body) {
                continue;
            }
            match fernet.engine.decipher(body) {
                Ok(message) => return Ok(message),
                Err(unchanged) => body = unchanged,
            }
        }
        Err(InvalidToken)
    }

    fn keys(&self) -> impl Iterator<Item = &Fernet> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

fn parse(token: &[u8], decoding: Decoding) -> Result<(u64, Vec<u8>), InvalidToken> {
    let body = base64url::decode(token, decoding).ok_or(InvalidToken)?;
    Ok((body::claimed_stamp(&body)?, body))
}
