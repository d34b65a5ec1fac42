//! The way that works everywhere: AWS-LC's AES-CBC, HMAC and comparison.

use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use crate::body::{self, BLOCK_BYTES, HEAD_BYTES, IV_BYTES, TAG_BYTES};
use crate::key::Key;

/// A key made ready. AWS-LC wipes what it keeps of it.
pub(crate) struct Keys {
    /// `None` if AWS-LC refuses the key, which it does for wrong lengths only: then nothing is sealed or opened.
    cipher: Option<(PaddedBlockEncryptingKey, PaddedBlockDecryptingKey)>,
    signing: hmac::Key,
}

impl Keys {
    pub(crate) fn new(key: &Key) -> Self {
        let unbound = || UnboundCipherKey::new(&AES_128, key.expose_encrypting()).ok();
        let encrypting = unbound().and_then(|key| PaddedBlockEncryptingKey::cbc_pkcs7(key).ok());
        let decrypting = unbound().and_then(|key| PaddedBlockDecryptingKey::cbc_pkcs7(key).ok());
        Self {
            cipher: encrypting.zip(decrypting),
            signing: hmac::Key::new(hmac::HMAC_SHA256, key.expose_signing()),
        }
    }

    /// The body of a token.
    pub(crate) fn seal(&self, stamp_s: u64, iv: &[u8; IV_BYTES], message: &[u8]) -> Option<Vec<u8>> {
        let (encrypting, _) = self.cipher.as_ref()?;
        let len = HEAD_BYTES + body::padded_len(message.len()) + TAG_BYTES;
        // All the room at once: a vector that grows leaves copies of the message behind.
        let mut body = Vec::with_capacity(len);
        body.extend_from_slice(&body::head(stamp_s, iv));
        body.extend_from_slice(message);
        let context = EncryptionContext::Iv128(FixedLength::from(*iv));
        encrypting.less_safe_encrypt(&mut AfterHead(&mut body), context).ok()?;
        let tag = hmac::sign(&self.signing, &body);
        body.extend_from_slice(tag.as_ref());
        Some(body)
    }

    /// Whether the body's MAC is right.
    pub(crate) fn is_authentic(&self, body: &[u8]) -> bool {
        body::split_tag(body).is_some_and(|(signed, tag)| hmac::verify(&self.signing, signed, tag).is_ok())
    }

    /// Deciphers the last two blocks and tells the padding.
    pub(crate) fn padding(&self, iv: &[u8; BLOCK_BYTES], mut last: [u8; BLOCK_BYTES]) -> Option<usize> {
        let left = self.decipher(iv, &mut last)?;
        Some(BLOCK_BYTES - left)
    }

    /// Deciphers in place and tells how long the message is.
    pub(crate) fn decipher(&self, iv: &[u8; BLOCK_BYTES], ciphertext: &mut [u8]) -> Option<usize> {
        let (_, decrypting) = self.cipher.as_ref()?;
        let context = DecryptionContext::Iv128(FixedLength::from(*iv));
        decrypting.decrypt(ciphertext, context).ok().map(|message| message.len())
    }
}

/// What stands after the head of a body, for a cipher that pads and works in place.
struct AfterHead<'a>(&'a mut Vec<u8>);

impl AsMut<[u8]> for AfterHead<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.0.get_mut(HEAD_BYTES..).unwrap_or_default()
    }
}

impl<'b> Extend<&'b u8> for AfterHead<'_> {
    fn extend<T: IntoIterator<Item = &'b u8>>(&mut self, bytes: T) {
        self.0.extend(bytes);
    }
}
