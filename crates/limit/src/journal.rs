//! The ports to whatever keeps decisions over a restart.

use botwarden_types::{Now, Tick, UnixMs};

use crate::record::Reader;
use crate::time;

/// Keeps decisions. One record is written before the call it admits goes on.
pub trait Journal: Send + Sync {
    /// Appends one record, whole or not at all. When it returns `Ok` the record outlives this process (though not
    /// yet a loss of power).
    fn append(&self, record: &[u8]) -> Result<(), JournalError>;
}

/// Why a record was not kept, or cannot be read again.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The medium refused.
    #[error("writing the limit journal")]
    Write(#[source] std::io::Error),
    /// The medium cannot be read.
    #[error("reading the limit journal")]
    Read(#[source] std::io::Error),
    /// It has grown to its bound because nobody takes snapshots.
    #[error("the limit journal is full: {bytes} bytes since the last snapshot")]
    Full {
        /// Bytes written since the last snapshot.
        bytes: u64,
    },
    /// It was opened but the limiter has not been restored from it and written back yet.
    #[error("the limit journal is not in use yet: restore the limiter from it and take a snapshot first")]
    NotReady,
}

/// What a journal kept: the records of the last complete snapshot and of everything appended since, in that order.
pub trait Recorded {
    /// How its ticks relate to today's.
    fn clock(&self) -> RecordedClock;

    /// Reads the next record into `record`, replacing what is there; false after the last.
    fn next(&mut self, record: &mut Vec<u8>) -> Result<bool, JournalError>;
}

/// How the ticks of recorded decisions relate to today's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedClock {
    /// The machine has run on: they are the same.
    SameBoot,
    /// The machine was booted since. This is the last reading of both clocks before; the wall clock tells how long ago it was, and
    /// one that went backwards counts as no time at all.
    Booted {
        /// The last reading of both clocks.
        last: Now,
    },
}

/// Both clocks as a record was written, for [`RecordedClock::Booted`]; none if it is not a record.
pub fn record_time(record: &[u8]) -> Option<Now> {
    let (head, _) = Reader::open(record).ok()?;
    let tick = Tick(u64::try_from(time::since_boot(head.at)).unwrap_or(0));
    Some(Now { tick, wall: UnixMs(head.wall_ms) })
}

/// Records in memory, for tests.
#[cfg(test)]
impl Recorded for std::vec::IntoIter<Vec<u8>> {
    fn clock(&self) -> RecordedClock {
        RecordedClock::SameBoot
    }

    fn next(&mut self, record: &mut Vec<u8>) -> Result<bool, JournalError> {
        Ok(Iterator::next(self).map(|next| *record = next).is_some())
    }
}
