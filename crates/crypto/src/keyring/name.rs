//! What keys are called, and what each may be used for.

use std::fmt;
use std::str::FromStr;

use crate::token::{RandomnessError, random};

/// Bytes of a number.
const NUMBER_BYTES: usize = 8;

/// Names a key: random, not secret. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyNumber([u8; NUMBER_BYTES]);

impl KeyNumber {
    /// A number nobody has. Two equal ones are not to be expected among fewer than 2^28; a store refuses a second.
    pub fn random() -> Result<Self, RandomnessError> {
        random().map(|bytes| Self(*bytes))
    }

    /// A number read back from a store; `None` if `bytes` are not as many as it has.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn new(bytes: [u8; NUMBER_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store.
    pub fn as_bytes(&self) -> &[u8; NUMBER_BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyNumber({self})")
    }
}

/// What a key is for. A key wrapped for one purpose does not unwrap for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Wraps the keys below, and nothing else.
    Tenant,
    /// Hashes credentials.
    Pepper,
    /// Hashes by which sealed values are found again.
    Index,
    /// Hash tables of the limiter.
    LimitHash,
    /// Signs the audit log's checkpoints.
    AuditSigning,
    /// Seals what belongs to nobody in particular.
    System,
    /// Seals what belongs to one person. Destroying it erases the person.
    Subject,
    /// Seals an archive of keys.
    Archive,
    /// Opens cells of format 1, which were sealed under a key of the root itself.
    FormatOne,
}

/// Not the name of a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a purpose that keys have")]
pub struct PurposeError;

impl Purpose {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::Tenant,
        Self::Pepper,
        Self::Index,
        Self::LimitHash,
        Self::AuditSigning,
        Self::System,
        Self::Subject,
        Self::Archive,
        Self::FormatOne,
    ];

    /// Its name, in stores and in what is bound to a wrapped key. Never changed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Pepper => "pepper",
            Self::Index => "index",
            Self::LimitHash => "limit-hash",
            Self::AuditSigning => "audit-signing",
            Self::System => "system",
            Self::Subject => "subject",
            Self::Archive => "archive",
            Self::FormatOne => "format-1",
        }
    }
}

impl FromStr for Purpose {
    type Err = PurposeError;

    fn from_str(text: &str) -> Result<Self, PurposeError> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(PurposeError)
    }
}

/// Everything a wrapped key is bound to: it unwraps under this name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyName<'a> {
    /// Whose it is.
    pub tenant: &'a str,
    /// What it is for.
    pub purpose: Purpose,
    /// Which it is.
    pub number: KeyNumber,
}

impl KeyName<'_> {
    /// The name as associated data. Each part is preceded by its length: no two names have the same bytes.
    pub fn associated_data(&self) -> Vec<u8> {
        let mut aad = Vec::with_capacity(64);
        for part in [self.tenant.as_bytes(), self.purpose.as_str().as_bytes(), self.number.as_bytes()] {
            aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
            aad.extend_from_slice(part);
        }
        aad
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_have_one_name_each() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
        }
        for text in ["", "Tenant", "subject ", "root"] {
            assert_eq!(text.parse::<Purpose>(), Err(PurposeError), "{text}");
        }
    }

    #[test]
    fn a_number_reads_as_it_is_kept() {
        let number = KeyNumber::from_stored(&[0, 1, 2, 3, 4, 5, 6, 0xff]).unwrap();
        assert_eq!(number.to_string(), "00010203040506ff");
        assert_eq!(KeyNumber::from_stored(number.as_bytes()), Some(number));
        for len in [0, 7, 9] {
            assert_eq!(KeyNumber::from_stored(&vec![0; len]), None, "{len} bytes");
        }
    }
}
