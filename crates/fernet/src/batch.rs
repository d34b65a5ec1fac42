//! Many tokens at once.

use crate::base64url::{self, Decoding};
use crate::body::{self, Age, InvalidToken};
use crate::engine::Sealing;
use crate::fernet::{EncryptError, Fernet};
use crate::iv;

impl Fernet {
    /// Seals many messages, all with the time stamp `now_s`: the same tokens that [`Fernet::encrypt`] makes one by one, in their
    /// order, in less time. Messages of about one length gain most.
    pub fn encrypt_many<M: AsRef<[u8]>>(
        &self,
        messages: &[M],
        now_s: u64,
    ) -> Result<Vec<String>, EncryptError> {
        let sealings: Result<Vec<_>, EncryptError> = messages
            .iter()
            .map(|message| Ok(Sealing { stamp_s: now_s, iv: iv::draw()?, message: message.as_ref() }))
            .collect();
        self.engine.seal_many(&sealings?).ok_or(EncryptError::Cipher)
    }

    /// Opens many tokens: the same verdicts that [`Fernet::decrypt`] gives one by one, in their order, in less time.
    pub fn decrypt_many<T: AsRef<[u8]>>(
        &self,
        tokens: &[T],
        decoding: Decoding,
        age: Age,
    ) -> Vec<Result<Vec<u8>, InvalidToken>> {
        let bodies: Vec<Option<Vec<u8>>> =
            tokens.iter().map(|token| young(token.as_ref(), decoding, age)).collect();
        let given: Vec<&[u8]> = bodies.iter().map(|body| body.as_deref().unwrap_or_default()).collect();
        let authentic = self.engine.are_authentic(&given);
        let open = |(body, authentic): (Option<Vec<u8>>, bool)| match body {
            Some(body) if authentic => self.engine.decipher(body).map_err(|_| InvalidToken),
            _ => Err(InvalidToken),
        };
        bodies.into_iter().zip(authentic).map(open).collect()
    }
}

/// The body of a token whose claimed age is fine.
fn young(token: &[u8], decoding: Decoding, age: Age) -> Option<Vec<u8>> {
    let body = base64url::decode(token, decoding)?;
    age.admits(body::claimed_stamp(&body).ok()?).then_some(body)
}
