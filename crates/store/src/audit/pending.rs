//! What waits for the next write.

use std::sync::atomic::{AtomicBool, AtomicU64};

use botwarden_audit::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, Batch, Entry};
use parking_lot::{Condvar, Mutex};

use super::receipt::{Receipt, Settler};
use super::{NotRecorded, Person, Subject};

/// An entry whose person's key is not at hand: the committer looks it up.
pub(super) struct Raw {
    pub(super) entry: Entry,
    pub(super) subject: Subject,
    pub(super) person: Person,
    /// By which whoever brought it learns what became of it: its own, because its key may fail alone.
    pub(super) done: Settler,
}

/// The next batch, gathered while the disk is busy with the one before.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) batch: Batch,
    pub(super) raw: Vec<Raw>,
    /// Bytes of what is in the clear in those.
    raw_bytes: usize,
    done: Settler,
    /// So many wait for it.
    pub(super) awaited: usize,
    /// The writer lets time pass: it need not be woken.
    pub(super) is_paced: bool,
    pub(super) stopping: bool,
}

/// A batch taken to be written, and who waits for it.
pub(super) struct Taken {
    pub(super) batch: Batch,
    pub(super) raw: Vec<Raw>,
    pub(super) done: Settler,
    /// So many wait for it.
    pub(super) awaited: usize,
}

/// What the threads share.
pub(super) struct Shared {
    pub(super) pending: Mutex<Pending>,
    pub(super) wake: Condvar,
    /// The last write failed.
    pub(super) failing: AtomicBool,
    /// The writer is gone, and not because it was told to.
    pub(super) broken: AtomicBool,
    /// Entries on disk.
    pub(super) committed: AtomicU64,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.raw.is_empty()
    }

    pub(super) fn push_raw(&mut self, raw: Raw) -> Result<(), NotRecorded> {
        self.raw_bytes += raw.person.arguments.as_ref().map_or(0, |arguments| arguments.len());
        if self.raw.len() >= BATCH_ENTRIES_MAX || self.raw_bytes > BATCH_BYTES_MAX {
            return Err(NotRecorded);
        }
        self.raw.push(raw);
        Ok(())
    }

    /// By which whoever brought an entry learns what became of the batch.
    pub(super) fn receipt(&self) -> Receipt {
        self.done.receipt()
    }

    /// Takes everything; `room` is an empty batch to go on with.
    pub(super) fn take(&mut self, room: Batch) -> Taken {
        Taken {
            batch: std::mem::replace(&mut self.batch, room),
            raw: {
                self.raw_bytes = 0;
                std::mem::take(&mut self.raw)
            },
            done: std::mem::take(&mut self.done),
            awaited: std::mem::take(&mut self.awaited),
        }
    }
}
