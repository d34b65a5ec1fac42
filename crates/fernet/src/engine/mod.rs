//! What seals and opens: the portable way everywhere, the fast one where the processor has it and it agrees.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

mod agree;

use std::sync::OnceLock;

use zeroize::Zeroize as _;

use crate::base64url;
use crate::body::{self, BLOCK_BYTES, HEAD_BYTES, IV_BYTES, InvalidToken, TAG_BYTES};
use crate::key::Key;

/// Which way is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The loop over AES-NI and SHA-NI.
    Fused,
    /// AWS-LC, step by step.
    Portable {
        /// The processor has the instructions, but their results were not those of the portable way: the processor or this
        /// build is broken, and somebody should know.
        alarm: bool,
    },
}

/// Which way [`Fernet::new`](crate::Fernet::new) takes. The first call compares the two ways on known answers and random messages.
pub fn backend() -> Backend {
    static BACKEND: OnceLock<Backend> = OnceLock::new();
    *BACKEND.get_or_init(agree::choose)
}

/// What goes into a token.
#[derive(Clone, Copy)]
pub(crate) struct Sealing<'a> {
    pub(crate) stamp_s: u64,
    pub(crate) iv: [u8; IV_BYTES],
    pub(crate) message: &'a [u8],
}

/// A key made ready for either way.
pub(crate) enum Engine {
    Portable(Box<portable::Keys>),
    #[cfg(target_arch = "x86_64")]
    Fused(Box<x86::Keys>),
}

impl Engine {
    pub(crate) fn new(key: &Key) -> Self {
        match backend() {
            Backend::Fused => Self::fused(key).unwrap_or_else(|| Self::portable(key)),
            Backend::Portable { .. } => Self::portable(key),
        }
    }

    pub(crate) fn portable(key: &Key) -> Self {
        Self::Portable(Box::new(portable::Keys::new(key)))
    }

    /// `None` where the processor cannot.
    pub(crate) fn fused(key: &Key) -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return x86::Keys::new(key).map(|keys| Self::Fused(Box::new(keys)));
        #[cfg(not(target_arch = "x86_64"))]
        return {
            let _ = key;
            None
        };
    }

    /// A token. `None` if the cipher fails, which it does only where AWS-LC is broken.
    pub(crate) fn seal(&self, sealing: &Sealing<'_>) -> Option<String> {
        match self {
            Self::Portable(keys) => {
                let body = keys.seal(sealing.stamp_s, &sealing.iv, sealing.message)?;
                Some(text(&body))
            }
            #[cfg(target_arch = "x86_64")]
            Self::Fused(keys) => Some(keys.seal(sealing)),
        }
    }

    /// The body of a token, before base64.
    pub(crate) fn seal_body(&self, sealing: &Sealing<'_>) -> Option<Vec<u8>> {
        match self {
            Self::Portable(keys) => keys.seal(sealing.stamp_s, &sealing.iv, sealing.message),
            #[cfg(target_arch = "x86_64")]
            Self::Fused(keys) => Some(keys.seal_body(sealing)),
        }
    }

    /// Tokens, in the order of what goes into them; made together by length, so that none waits long for another.
    pub(crate) fn seal_many(&self, sealings: &[Sealing<'_>]) -> Option<Vec<String>> {
        match self {
            Self::Portable(_) => sealings.iter().map(|sealing| self.seal(sealing)).collect(),
            #[cfg(target_arch = "x86_64")]
            Self::Fused(keys) => Some(keys.seal_many(sealings)),
        }
    }

    /// Whether the body's MAC is right.
    pub(crate) fn is_authentic(&self, body: &[u8]) -> bool {
        match self {
            Self::Portable(keys) => keys.is_authentic(body),
            #[cfg(target_arch = "x86_64")]
            Self::Fused(keys) => keys.is_authentic(body),
        }
    }

    /// Whether the MAC of each body is right, several at a time.
    pub(crate) fn are_authentic(&self, bodies: &[&[u8]]) -> Vec<bool> {
        match self {
            Self::Portable(keys) => bodies.iter().map(|body| keys.is_authentic(body)).collect(),
            #[cfg(target_arch = "x86_64")]
            Self::Fused(keys) => keys.are_authentic(bodies),
        }
    }

    /// The message of a body.
    pub(crate) fn open(&self, mut body: Vec<u8>) -> Result<Vec<u8>, InvalidToken> {
        match self {
            Self::Portable(_) => {
                if !self.is_authentic(&body) {
                    return Err(InvalidToken);
                }
                self.decipher(body).map_err(|_| InvalidToken)
            }
            #[cfg(target_arch = "x86_64")]
            Self::Fused(keys) => match keys.open(&mut body) {
                Some(len) => {
                    body.truncate(len);
                    Ok(body)
                }
                None => {
                    body.zeroize();
                    Err(InvalidToken)
                }
            },
        }
    }

    /// The message of a body whose MAC is right. Gives the body back as it was if it holds none under this key.
    pub(crate) fn decipher(&self, mut body: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
        match self.decipher_in_place(&mut body) {
            Some(message) => {
                body.copy_within(HEAD_BYTES..HEAD_BYTES + message, 0);
                body.truncate(message);
                Ok(body)
            }
            None => Err(body),
        }
    }

    /// Deciphers what stands behind the head, if its last block, which is looked at first, is padded rightly.
    fn decipher_in_place(&self, body: &mut [u8]) -> Option<usize> {
        let len = body::ciphertext_len(body)?;
        let (before, _tag) = body.split_last_chunk_mut::<TAG_BYTES>()?;
        let (_, [.., chain, last]) = before.as_rchunks::<BLOCK_BYTES>() else { return None };
        let padding = match self {
            Self::Portable(keys) => keys.padding(chain, *last),
            #[cfg(target_arch = "x86_64")]
            Self::Fused(keys) => keys.padding(*chain, *last),
        }?;
        let (head, ciphertext) = before.split_first_chunk_mut::<HEAD_BYTES>()?;
        let iv = *head.last_chunk()?;
        match self {
            Self::Portable(keys) => {
                keys.decipher(&iv, ciphertext)?;
            }
            #[cfg(target_arch = "x86_64")]
            Self::Fused(keys) => keys.decipher(iv, ciphertext),
        }
        Some(len - padding)
    }
}

/// The text of a body.
pub(crate) fn text(body: &[u8]) -> String {
    let mut text = String::with_capacity(base64url::text_len(body.len()));
    base64url::append(body, &mut text);
    text
}
