//! Appending: one write and one sync for a batch, after which all of it is signed and on disk.

use std::io;
use std::sync::Arc;

use super::batch::{Batch, Ticket};
use crate::c2sp::{NoteSigner, SignedCheckpoint};
use crate::journal::{Frame, SegmentHead, segments};
use crate::port::Disk;
use crate::tree::Range;

/// Bytes after which a segment ends.
pub(super) const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// Why a batch is not in the log. It is not: nothing of it is acknowledged, nor will it be there later unless the process ends now.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The medium refused; the log is as it was, and may be tried again.
    #[error("writing the audit log `{file}`")]
    Storage {
        /// Which file.
        file: String,
        /// What the medium said.
        source: io::Error,
    },
    /// An earlier write failed and could not be taken back: nobody knows what is on disk.
    #[error("the audit log cannot be written since an earlier write failed; open it anew")]
    Broken,
    /// More than a frame can hold.
    #[error("a batch of {bytes} bytes is too large")]
    TooLarge {
        /// Bytes of the batch.
        bytes: usize,
    },
}

/// Where a batch stands.
#[derive(Clone, Debug)]
pub struct Appended {
    first: u64,
    checkpoint: SignedCheckpoint,
}

impl Appended {
    /// The index of an entry of the batch.
    pub fn index(&self, ticket: Ticket) -> u64 {
        self.first.saturating_add(u64::from(ticket.0))
    }

    /// The checkpoint that includes the batch; on disk beside it.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

/// The end of a log, where entries are appended. One at a time; who gathers batches from many threads is the adapter.
///
/// Promise: when [`Log::append`] returns, every entry of the batch is on disk with a signed checkpoint that includes it.
pub struct Log {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) signer: NoteSigner,
    pub(super) range: Range,
    pub(super) checkpoint: SignedCheckpoint,
    pub(super) segment: Option<Segment>,
    pub(crate) segment_bytes_max: u64,
    pub(super) broken: bool,
    /// Room for the next write.
    pub(super) buffer: Vec<u8>,
}

/// The segment that is appended to.
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) length: u64,
}

impl Log {
    /// Entries on disk.
    pub fn size(&self) -> u64 {
        self.range.size()
    }

    /// The checkpoint over all of them.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Writes a batch: one append, one sync. Of an empty one nothing is written.
    pub fn append(&mut self, batch: &Batch) -> Result<Appended, AppendError> {
        if self.broken {
            return Err(AppendError::Broken);
        }
        let first = self.range.size();
        if batch.is_empty() {
            return Ok(Appended { first, checkpoint: self.checkpoint.clone() });
        }
        let mut range = self.range.clone();
        batch.leaves.iter().for_each(|leaf| range.push(*leaf));
        let checkpoint = SignedCheckpoint::sign(range.size(), range.root(), &self.signer);
        self.write(first, batch, &checkpoint)?;
        self.range = range;
        self.checkpoint = checkpoint.clone();
        Ok(Appended { first, checkpoint })
    }

    /// Makes the frame durable, in a new segment if this one is full.
    fn write(&mut self, first: u64, batch: &Batch, checkpoint: &SignedCheckpoint) -> Result<(), AppendError> {
        self.buffer.clear();
        let current = self.segment.take_if(|segment| segment.length < self.segment_bytes_max);
        let segment = current.unwrap_or(Segment { first, length: 0 });
        if segment.length == 0 {
            SegmentHead { first, root: self.range.root() }.write(&mut self.buffer);
        }
        let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        let note = checkpoint.note().as_bytes();
        let frame = Frame { first, count, entries: &batch.entries, note, contents: &batch.contents };
        let fits = frame.write(&mut self.buffer);
        let file = segments::name(segment.first);
        let written = if fits {
            self.disk.append(&file, &self.buffer).and_then(|()| self.disk.sync(&file))
        } else {
            let bytes = batch.bytes();
            self.keep(segment);
            return Err(AppendError::TooLarge { bytes });
        };
        match written {
            Ok(()) => {
                let length = segment.length + self.buffer.len() as u64;
                self.segment = Some(Segment { length, ..segment });
                Ok(())
            }
            Err(source) => {
                self.broken = self.take_back(&file, segment.length).is_err();
                self.keep(segment);
                Err(AppendError::Storage { file, source })
            }
        }
    }

    /// A segment that was not begun is none.
    fn keep(&mut self, segment: Segment) {
        self.segment = Some(segment).filter(|segment| segment.length > 0);
    }

    /// Makes the file what it was, whatever a failed write left behind.
    fn take_back(&self, file: &str, length: u64) -> io::Result<()> {
        if length == 0 {
            return self.disk.remove(file);
        }
        self.disk.truncate(file, length)?;
        self.disk.sync(file)
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log({} entries)", self.size())
    }
}
