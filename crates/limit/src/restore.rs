//! Over a restart: writing everything that counts as a snapshot, and counting it again.

use std::collections::HashMap;
use std::time::Duration;

use botwarden_types::Now;

use crate::journal::{JournalError, Recorded, RecordedClock};
use crate::limiter::Limiter;
use crate::record::{Counter, Head, Kind, Reader, Unread, Writer};
use crate::rule::{WINDOW_MAX, WINDOW_MIN};
use crate::time::{self, Ms};
use crate::{log, sum};

/// What a restore found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Records read.
    pub records: u64,
    /// Milliseconds the limiter was away by the clocks: since the last record.
    pub away_ms: u64,
}

/// Why a limiter cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Written by another release.
    #[error("the limit journal is of version {found}; this release reads version 1")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Written under another secret: its hashes name nobody we know.
    #[error("the limit journal was written under another root key")]
    OtherKey,
    /// Whole, by its checksum, but not a record.
    #[error("the limit journal holds a record that makes no sense")]
    Malformed,
}

impl From<Unread> for RestoreError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Version(found) => Self::Version { found },
            Unread::Malformed => Self::Malformed,
        }
    }
}

/// Names a shard: its table and its number.
type ShardName = (Counter, u64, u8);

/// A restore under way.
struct Restore<'l> {
    limiter: &'l Limiter,
    now: Ms,
    /// Milliseconds to add to the moment of a record.
    shift_ms: i64,
    /// Changes that the snapshot holds already, by shard.
    held: HashMap<ShardName, u64>,
}

impl Limiter {
    /// Counts again what a journal kept. Call it before the first decision. Calls that cannot be placed in time exactly count
    /// longer, never shorter.
    pub fn restore(&self, recorded: &mut dyn Recorded, now: Now) -> Result<Restored, RestoreError> {
        let at = time::ms(now.tick);
        let shift_ms = match recorded.clock() {
            RecordedClock::SameBoot => 0,
            RecordedClock::Booted { last } => {
                let away_ms = now.wall.0.saturating_sub(last.wall.0);
                let last_seen = at.saturating_sub(away_ms);
                last_seen.cast_signed().saturating_sub(time::ms(last.tick).cast_signed())
            }
        };
        let mut restore = Restore { limiter: self, now: at, shift_ms, held: HashMap::new() };
        let mut restored = Restored::default();
        let mut last_at = 0;
        let mut record = Vec::new();
        while recorded.next(&mut record)? {
            let (head, reader) = Reader::open(&record)?;
            last_at = last_at.max(restore.shifted(head.at));
            restore.record(head, reader)?;
            restored.records += 1;
        }
        if restored.records > 0 {
            self.note_restored();
            restored.away_ms = at.saturating_sub(last_at);
        }
        Ok(restored)
    }

    /// Writes everything that counts at `now` as records. Decisions go on meanwhile: what a shard holds when it is written
    /// carries the number of its last change, and a restore leaves out the changes up to it.
    pub fn snapshot(
        &self,
        now: Now,
        write: &mut dyn FnMut(&[u8]) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let at = time::ms(now.tick);
        let head = |kind| Head { kind, at, wall_ms: now.wall.0 };
        let mut origin = Writer::<Vec<u8>>::new(head(Kind::Origin));
        origin.u64(self.key_check());
        write(origin.bytes())?;
        for table in self.logs() {
            for number in 0..=u8::MAX {
                let Some(shard) = table.shard(number) else { continue };
                let mut record = Writer::<Vec<u8>>::new(head(Kind::Shard));
                record.table(Counter::Log, table.window_ms());
                record.u8(number);
                shard.lock().write(table.step(at), table.unit_ms(), &mut record);
                write(record.bytes())?;
            }
        }
        for table in self.sums() {
            for number in 0..=u8::MAX {
                let Some(shard) = table.shard(number) else { continue };
                let mut record = Writer::<Vec<u8>>::new(head(Kind::Shard));
                record.table(Counter::Sum, table.window_ms());
                record.u8(number);
                shard.lock().write(at, &mut record);
                write(record.bytes())?;
            }
        }
        Ok(())
    }
}

impl Restore<'_> {
    fn record(&mut self, head: Head, mut reader: Reader<'_>) -> Result<(), RestoreError> {
        match head.kind {
            Kind::Origin if reader.u64()? == self.limiter.key_check() => Ok(()),
            Kind::Origin => Err(RestoreError::OtherKey),
            Kind::Shard => self.shard(&mut reader),
            Kind::Charge | Kind::Refund => self.lines(head, &mut reader),
        }
    }

    /// Counts all that a snapshot holds of one shard.
    fn shard(&mut self, reader: &mut Reader<'_>) -> Result<(), RestoreError> {
        let (counter, window_ms) = reader.table()?;
        check_window(window_ms)?;
        let number = reader.u8()?;
        let seq = match counter {
            Counter::Log => {
                let table = self.limiter.log_of(window_ms);
                let mut shard = self.log_shard(&table, number)?;
                shard.read(reader, table.unit_ms(), |step| self.step(&table, step))?
            }
            Counter::Sum => {
                let table = self.limiter.sum_of(window_ms);
                let mut shard = table.shard(number).ok_or(RestoreError::Malformed)?.lock();
                shard.read(reader, |at| self.shifted(at), self.now)?
            }
        };
        check_seq(seq)?;
        self.held.insert((counter, window_ms, number), seq);
        Ok(())
    }

    /// Counts the changes of one decision that the snapshot does not hold.
    fn lines(&mut self, head: Head, reader: &mut Reader<'_>) -> Result<(), RestoreError> {
        let at = match head.kind {
            Kind::Refund => reader.moment()?,
            _ => head.at,
        };
        let at = self.shifted(at).min(self.now);
        while let Some(line) = reader.line()? {
            check_window(line.window_ms)?;
            check_seq(line.seq)?;
            let number = match line.counter {
                Counter::Log => log::Table::shard_of(line.id),
                Counter::Sum => sum::Table::shard_of(line.id),
            };
            let held = self.held.get(&(line.counter, line.window_ms, number));
            if held.is_some_and(|held| line.seq <= *held) {
                continue;
            }
            match line.counter {
                Counter::Log => {
                    let table = self.limiter.log_of(line.window_ms);
                    let mut shard = self.log_shard(&table, number)?;
                    let before = shard.seq;
                    if at.saturating_add(line.window_ms + 2 * table.unit_ms()) >= self.now {
                        shard.charge(line.id, table.step(at), log::Place::Nowhere);
                    }
                    shard.seq = before.max(line.seq);
                }
                Counter::Sum => {
                    let table = self.limiter.sum_of(line.window_ms);
                    let mut shard = table.shard(number).ok_or(RestoreError::Malformed)?.lock();
                    let before = shard.seq;
                    match head.kind {
                        Kind::Refund => shard.refund(line.id, table.span_of(at), line.weight),
                        _ => drop(shard.charge(line.id, at, line.weight)),
                    }
                    shard.seq = before.max(line.seq);
                }
            }
        }
        Ok(())
    }

    /// A shard that takes calls from up to a window ago.
    fn log_shard<'t>(
        &self,
        table: &'t log::Table,
        number: u8,
    ) -> Result<crate::sync::MutexGuard<'t, log::Shard>, RestoreError> {
        let mut shard = table.shard(number).ok_or(RestoreError::Malformed)?.lock();
        shard.open_since_a_window(table.step(self.now));
        Ok(shard)
    }

    fn shifted(&self, at: Ms) -> Ms {
        at.saturating_add_signed(self.shift_ms)
    }

    /// Where a step of the recorded clock falls on today's: the latest it may have been.
    fn step(&self, table: &log::Table, step: log::Step) -> log::Step {
        let last_ms = (step + 1) * table.unit_ms() - 1;
        table.step(self.shifted(last_ms).min(self.now))
    }
}

/// No rule has another window, and sums of those within stay far from the end of the scale.
fn check_window(window_ms: u64) -> Result<(), RestoreError> {
    let is_a_rules = (WINDOW_MIN..=WINDOW_MAX).contains(&Duration::from_millis(window_ms));
    if is_a_rules { Ok(()) } else { Err(RestoreError::Malformed) }
}

/// No shard lives to count so many changes; those that follow have numbers too.
fn check_seq(seq: u64) -> Result<(), RestoreError> {
    const SEQ_MAX: u64 = 1 << 62;
    if seq <= SEQ_MAX { Ok(()) } else { Err(RestoreError::Malformed) }
}
