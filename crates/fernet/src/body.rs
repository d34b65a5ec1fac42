//! What a token's text decodes to, and the rules on its age.
//!
//! `80 | seconds since 1970 (u64, big-endian) | IV (16) | AES-128-CBC of the padded message | HMAC-SHA256 of all before (32)`.
//! Source: fernet/spec, `Spec.md`.

/// The first byte of every token.
pub(crate) const VERSION: u8 = 0x80;
/// Version, time stamp and IV.
pub(crate) const HEAD_BYTES: usize = 1 + 8 + IV_BYTES;
pub(crate) const IV_BYTES: usize = 16;
pub(crate) const BLOCK_BYTES: usize = 16;
pub(crate) const TAG_BYTES: usize = 32;

/// How many seconds the stamp of a token may lie in the future, where its age counts: the reader's clock may be late.
/// Source: `cryptography`'s `_MAX_CLOCK_SKEW`; fernet/spec has the rule in its vectors only.
pub const MAX_CLOCK_SKEW_S: u64 = 60;

/// The token is not one of these keys, not whole, too old, or from too far in the future. It does not say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid token")]
pub struct InvalidToken;

/// Which ages of a token are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Any, even from the future: the time stamp is not looked at. Python's `decrypt` without `ttl`.
    Any,
    /// At most `ttl_s` seconds at the time `now_s` (seconds since 1970), and at most [`MAX_CLOCK_SKEW_S`] in the future; both
    /// boundaries included. Python's `decrypt_at_time`.
    AtMost {
        /// Seconds it may be old.
        ttl_s: u64,
        /// The time now.
        now_s: u64,
    },
}

impl Age {
    /// Sums that do not fit are later than every clock.
    pub(crate) fn admits(self, stamp_s: u64) -> bool {
        match self {
            Self::Any => true,
            Self::AtMost { ttl_s, now_s } => {
                now_s <= stamp_s.saturating_add(ttl_s) && stamp_s <= now_s.saturating_add(MAX_CLOCK_SKEW_S)
            }
        }
    }
}

/// The head of a token's body.
pub(crate) fn head(stamp_s: u64, iv: &[u8; IV_BYTES]) -> [u8; HEAD_BYTES] {
    let mut head = [VERSION; HEAD_BYTES];
    let (version_and_stamp, rest) = head.split_at_mut(9);
    if let Some(stamp) = version_and_stamp.last_chunk_mut() {
        *stamp = stamp_s.to_be_bytes();
    }
    rest.copy_from_slice(iv);
    head
}

/// The time stamp that a body claims. Like Python this wants a version and a stamp and nothing more, so that the stamp of an
/// authentic body without a message can be told.
pub(crate) fn claimed_stamp(body: &[u8]) -> Result<u64, InvalidToken> {
    match body.split_first_chunk::<9>() {
        Some(([VERSION, stamp @ ..], _)) => Ok(u64::from_be_bytes(*stamp)),
        _ => Err(InvalidToken),
    }
}

/// The parts of a body: what the MAC is over, and the MAC. Like Python, for bodies of 32 bytes and more.
pub(crate) fn split_tag(body: &[u8]) -> Option<(&[u8], &[u8; TAG_BYTES])> {
    body.split_last_chunk()
}

/// Bytes of ciphertext, if there is a whole number of blocks, at least one.
pub(crate) fn ciphertext_len(body: &[u8]) -> Option<usize> {
    let len = body.len().checked_sub(HEAD_BYTES + TAG_BYTES)?;
    (len > 0 && len.is_multiple_of(BLOCK_BYTES)).then_some(len)
}

/// Bytes of ciphertext that a message of `len` bytes gives.
pub(crate) fn padded_len(len: usize) -> usize {
    (len / BLOCK_BYTES + 1).saturating_mul(BLOCK_BYTES)
}

/// The last block of a message, padded as PKCS #7 says (RFC 5652 §6.3). `rest` is shorter than a block.
pub(crate) fn pad(rest: &[u8]) -> [u8; BLOCK_BYTES] {
    let missing = BLOCK_BYTES.saturating_sub(rest.len());
    let mut block = [u8::try_from(missing).unwrap_or_default(); BLOCK_BYTES];
    if let Some(start) = block.get_mut(..rest.len()) {
        start.copy_from_slice(rest);
    }
    block
}

/// How many bytes of a last block are padding, if it is padded rightly. The MAC was checked before, so what can be timed
/// here was written by a holder of the key.
pub(crate) fn padding(block: &[u8; BLOCK_BYTES]) -> Option<usize> {
    let [.., last] = *block;
    let count = usize::from(last);
    let padding = block.len().checked_sub(count).and_then(|at| block.get(at..))?;
    (count > 0 && padding.iter().all(|it| *it == last)).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        const MAX: u64 = u64::MAX;
        for (name, stamp_s, ttl_s, now_s, want) in [
            ("fresh", 1000, 10, 1005, true),
            ("just old enough", 1000, 10, 1010, true),
            ("too old", 1000, 10, 1011, false),
            ("no ttl, same second", 1000, 0, 1000, true),
            ("no ttl, a second later", 1000, 0, 1001, false),
            ("a clock that is late", 1060, 10, 1000, true),
            ("a clock that is too late", 1061, 10, 1000, false),
            ("the end of time", MAX, 10, 1000, false),
            ("at the end of time", MAX, MAX, MAX, true),
            ("a minute before the end of time", MAX, 0, MAX - 60, true),
            ("more than a minute before", MAX, MAX, MAX - 61, false),
            ("the beginning, for ever", 0, MAX, MAX, true),
            ("the beginning, not for ever", 0, MAX - 1, MAX, false),
        ] {
            assert_eq!(Age::AtMost { ttl_s, now_s }.admits(stamp_s), want, "{name}");
            assert!(Age::Any.admits(stamp_s), "{name}");
        }
    }

    #[test]
    fn paddings() {
        for len in 0..BLOCK_BYTES {
            let block = pad(&[7; BLOCK_BYTES][..len]);
            assert_eq!(padding(&block), Some(BLOCK_BYTES - len));
        }
        for (name, block) in [
            ("none", [0; 16]),
            ("longer than the block", [17; 16]),
            ("not all the same", [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 2, 3, 3]),
        ] {
            assert_eq!(padding(&block), None, "{name}");
        }
    }
}
