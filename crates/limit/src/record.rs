//! What the journal is told. All numbers are little-endian; `docs/formats/limit-journal.md` describes the bytes.

use botwarden_types::Now;
use smallvec::SmallVec;

/// Version of every record; a reader refuses others.
const VERSION: u8 = 1;

/// How a level counts, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Counter {
    /// A log of time stamps.
    Log = 1,
    /// Sums over a window.
    Sum = 2,
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Charges of one decision, all at one moment.
    Charge = 1,
    /// Tokens given back.
    Refund = 2,
}

/// One level's part in a charge or a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) counter: Counter,
    /// Length of the rule's window: with `counter`, the table.
    pub(crate) window_ms: u64,
    /// Hash of rule and subject.
    pub(crate) id: u64,
    /// Number of the change within the shard.
    pub(crate) seq: u64,
    /// What was charged or given back.
    pub(crate) weight: u64,
}

/// A record being written.
pub(crate) struct Writer(SmallVec<[u8; 256]>);

impl Writer {
    /// A record of `kind` made at `now`.
    pub(crate) fn new(kind: Kind, now: Now) -> Self {
        let mut writer = Self(SmallVec::new());
        writer.0.extend_from_slice(&[VERSION, kind as u8]);
        writer.u64(now.tick.0);
        writer.u64(now.wall.0);
        writer
    }

    pub(crate) fn line(&mut self, line: Line) {
        self.0.push(line.counter as u8);
        self.u64(line.window_ms);
        self.u64(line.id);
        self.u64(line.seq);
        self.u64(line.weight);
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
