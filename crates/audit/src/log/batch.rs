//! Entries that will be written together.

use crate::c2sp::bundle;
use crate::entry::{Entry, EntryError};
use crate::journal::frame;
use crate::tree::{Hash, leaf_hash};

/// Entries of a batch.
pub const BATCH_ENTRIES_MAX: usize = 16_384;
/// Bytes of a batch, contents included.
pub const BATCH_BYTES_MAX: usize = 16 << 20;
/// Bytes of one sealed content.
pub const CONTENT_BYTES_MAX: usize = 8 << 20;

/// Why an entry is not in the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The entry has no bytes.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Sealed content is never empty, and has a bound.
    #[error("content of {got} bytes; the log takes 1 to {CONTENT_BYTES_MAX}")]
    Content {
        /// Its bytes.
        got: usize,
    },
    /// No room: commit the batch first.
    #[error("the batch is full")]
    Full,
}

/// Stands for an entry in a batch, until [`crate::Appended::index`] tells its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(pub(super) u32);

/// Entries that will be written and synced together: gather while the disk is busy with the batch before. It is hashed as it is
/// gathered, on the threads of those who bring the entries.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) entries: Vec<u8>,
    pub(super) contents: Vec<u8>,
    pub(super) leaves: Vec<Hash>,
}

impl Batch {
    /// Adds an entry with the sealed content that lies beside it; `entry.content` is set to the content's hash.
    pub fn push(&mut self, mut entry: Entry, content: Option<&[u8]>) -> Result<Ticket, PushError> {
        if let Some(got) = content.map(<[u8]>::len).filter(|len| !(1..=CONTENT_BYTES_MAX).contains(len)) {
            return Err(PushError::Content { got });
        }
        entry.content = content.map(Hash::of);
        let before = self.entries.len();
        let ticket = u32::try_from(self.leaves.len()).map_err(|_| PushError::Full)?;
        let leaf = match bundle::write(&mut self.entries, |to| entry.write(to)) {
            Ok(bytes) => leaf_hash(bytes),
            Err(got) => return Err(EntryError::TooLong { got }.into()),
        };
        let added = content.map_or(0, |content| content.len() + frame::CONTENT_HEAD);
        if self.leaves.len() >= BATCH_ENTRIES_MAX || self.bytes() + added > BATCH_BYTES_MAX {
            self.entries.truncate(before);
            return Err(PushError::Full);
        }
        if let Some(content) = content {
            frame::push_content(ticket, content, &mut self.contents);
        }
        self.leaves.push(leaf);
        Ok(Ticket(ticket))
    }

    /// Entries in it.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Bytes in it.
    pub fn bytes(&self) -> usize {
        self.entries.len() + self.contents.len()
    }

    /// Takes everything out and keeps the room, for the next batch.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.contents.clear();
        self.leaves.clear();
    }
}
