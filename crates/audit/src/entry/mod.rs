//! What the log records, and its bytes.
//!
//! An entry is one line of JSON in a form that has no second spelling: fixed order of fields, no white space, no escapes (texts are of
//! a closed alphabet), absent fields left out. JSON, because an auditor reads it with any tool in any language, without ours;
//! one spelling, because the bytes are hashed. It costs twice the bytes of a binary form and is read as fast as it needs to be, since
//! a reader compares fixed text instead of parsing. `docs/formats/audit-log.md` lists the fields.

mod canonical;
mod event;
mod personal;
#[cfg(test)]
pub(crate) mod tests;
mod value;

use std::fmt;

use botwarden_types::UnixMs;

use canonical::{Fields, Reader, Writer};
pub use event::{
    Change, Decision, Erasure, Event, KeyOperation, KeyUse, OperatorAction, Outcome, Start, Stop, ToolCall,
    ToolPlace, Verdict,
};
pub use personal::{Commitment, Personal, Salt};
pub use value::{Word, WordError};

use crate::c2sp::bundle;
use crate::tree::Hash;

/// Bytes of the longest entry: bundles count them in two bytes.
pub const ENTRY_BYTES_MAX: usize = bundle::ENTRY_BYTES_MAX;

/// Version of the form, the first field of every entry.
const VERSION: u64 = 1;

/// Names an entry: 16 random bytes, drawn before it is written, so that salts can be made from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub [u8; 16]);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryId({self})")
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its own id.
    pub id: EntryId,
    /// When, by the wall clock.
    pub at: UnixMs,
    /// SHA-256 of the sealed content that lies beside it, if any. Set by the log from the content it is given.
    pub content: Option<Hash>,
    /// What.
    pub event: Event,
}

/// Why bytes are not an entry, or an entry has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Longer than a bundle can hold.
    #[error("the entry is {got} bytes; the log takes at most {ENTRY_BYTES_MAX}")]
    TooLong {
        /// Its bytes.
        got: usize,
    },
    /// Of a later release.
    #[error("an entry of version {0}, which this release does not know")]
    Version(u64),
    /// Not the canonical form.
    #[error("not an entry: expected {expected} at byte {at}")]
    Malformed {
        /// Where.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
}

impl Entry {
    /// Its canonical bytes: equal entries have equal bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let mut bytes = Vec::with_capacity(512);
        self.write(&mut bytes);
        if bytes.len() > ENTRY_BYTES_MAX { Err(EntryError::TooLong { got: bytes.len() }) } else { Ok(bytes) }
    }

    /// Appends its canonical bytes, of which there may be too many.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        let mut to = Writer::new(VERSION, to);
        to.field("id", &self.id);
        to.field("at", &self.at.0);
        to.optional("content", &self.content);
        self.event.write(&mut to);
        to.finish();
    }

    /// Reads canonical bytes; anything else is refused, so [`Entry::encode`] gives the same bytes back.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLong { got: bytes.len() });
        }
        let (version, mut from) = Reader::open(bytes)?;
        if version != VERSION {
            return Err(EntryError::Version(version));
        }
        let (id, at, content) = (from.field("id")?, UnixMs(from.field("at")?), from.optional("content")?);
        let event = Event::read(&mut from)?;
        from.finish()?;
        Ok(Self { id, at, content, event })
    }
}
