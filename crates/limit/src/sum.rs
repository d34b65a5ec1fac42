//! Sums over a window: tokens, and request rules too large for a log.
//!
//! The window is cut into [`PARTS`] spans. What was charged in a span counts until the whole span has left the window: never
//! over the limit, and at most one span too long.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use crate::record::{Reader, Unread, Writer};
use crate::sync::Mutex;
use crate::time::Ms;

/// Spans a window is cut into.
const PARTS: u64 = 64;

/// Shards of a table, each under its own lock.
pub(crate) const SHARDS: usize = 64;

/// Cells of a shard that newcomers share while it is full of live ones.
const SHARED: u64 = 16;

/// In a snapshot: a cell of one id, and one that newcomers share.
const OWN: u8 = 0;
const SHARE: u8 = 1;

/// The sums of all rules with one window length.
pub(crate) struct Table {
    window_ms: u64,
    span_ms: u64,
    shards: Box<[Mutex<Shard>]>,
}

/// How a subject stands in one sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    /// What counts now.
    pub(crate) used: u64,
    /// Milliseconds until some of it leaves; 0 if nothing counts.
    pub(crate) leaves_in_ms: u64,
}

/// Until when a weight has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all.
    None,
    /// Milliseconds, at least 1.
    Ms(u64),
    /// It is more than the limit itself.
    Forever,
}

impl Table {
    pub(crate) fn new(window: Duration, keys_max: usize) -> Self {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        let span_ms = window_ms.div_ceil(PARTS).max(1);
        let keys_max = keys_max.div_ceil(SHARDS).max(1);
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::new(span_ms, keys_max))).collect();
        Self { window_ms, span_ms, shards }
    }

    pub(crate) fn window_ms(&self) -> u64 {
        self.window_ms
    }

    /// The number of the shard that holds `id`: its six highest bits.
    pub(crate) fn shard_of(id: u64) -> u8 {
        id.to_be_bytes()[0] >> 2
    }

    pub(crate) fn shard(&self, number: u8) -> Option<&Mutex<Shard>> {
        self.shards.get(usize::from(number))
    }

    /// The number of the span that `at` lies in.
    pub(crate) fn span_of(&self, at: Ms) -> u64 {
        at / self.span_ms
    }
}

/// Sums by id.
pub(crate) struct Shard {
    span_ms: u64,
    keys_max: usize,
    cells: HashMap<u64, Cell, BuildHasherDefault<Hashed>>,
    /// The cells newcomers share, by number.
    shared: HashMap<u64, Cell, BuildHasherDefault<Hashed>>,
    /// The moment at which expired cells were last dropped. Who arrives with an older reading is taken to come then: what was
    /// dropped may have counted.
    floor: Ms,
    /// Charges made, ever: orders the records of this shard.
    pub(crate) seq: u64,
}

/// What one subject used.
#[derive(Default)]
struct Cell {
    /// By span, oldest first; at most `PARTS + 1`.
    spans: VecDeque<(u64, u64)>,
    /// All of it. Wider than what is charged, so that taking away what was added is exact.
    sum: u128,
    /// The latest span that anybody came in. Who comes with an older reading is taken to come then: what has been dropped
    /// since may have counted.
    seen: u64,
}

impl Shard {
    fn new(span_ms: u64, keys_max: usize) -> Self {
        Self { span_ms, keys_max, cells: HashMap::default(), shared: HashMap::default(), floor: 0, seq: 0 }
    }

    /// How long `weight` more has to wait to be within `max`.
    pub(crate) fn wait(&mut self, id: u64, now: Ms, max: u64, weight: u64) -> Wait {
        if weight > max {
            return Wait::Forever;
        }
        let now = now.max(self.floor);
        let span = now / self.span_ms;
        let span_ms = self.span_ms;
        let Some(cell) = self.seek(id, span) else { return Wait::None };
        let (mut used, room) = (cell.used(span), u128::from(max - weight));
        if used <= room {
            return Wait::None;
        }
        for (number, charged) in &cell.spans {
            used -= u128::from(*charged);
            if used <= room {
                return Wait::Ms(leaves_ms(*number, span_ms).saturating_sub(now));
            }
        }
        Wait::Forever
    }

    /// Counts `weight`.
    pub(crate) fn charge(&mut self, id: u64, now: Ms, weight: u64) -> Total {
        self.seq += 1;
        let now = now.max(self.floor);
        let (span, span_ms) = (now / self.span_ms, self.span_ms);
        let own = self.cells.get_mut(&id).filter(|own| own.is_live(span));
        let cell = if let Some(own) = own { own } else { self.place_newcomer(id, now) };
        cell.add(span, weight);
        cell.total(now, span, span_ms)
    }

    /// Gives back `weight` of what was charged in `span`, as far as it still counts.
    pub(crate) fn refund(&mut self, id: u64, span: u64, weight: u64) {
        self.seq += 1;
        if let Some(cell) = self.seek(id, span) {
            cell.take_back(span, weight);
        }
    }

    /// Writes the number of its last change and every cell: whose it is, its spans by their last ms, what was charged in each.
    pub(crate) fn write(&self, now: Ms, record: &mut Writer<Vec<u8>>) {
        record.u64(self.seq);
        let span = now / self.span_ms;
        let own = self.cells.iter().map(|(id, cell)| (OWN, *id, cell));
        let shared = self.shared.iter().map(|(number, cell)| (SHARE, *number, cell));
        for (kind, id, cell) in own.chain(shared).filter(|(.., cell)| cell.is_live(span)) {
            record.u8(kind);
            record.u64(id);
            record.u8(u8::try_from(cell.live(span).count()).unwrap_or(u8::MAX));
            for (number, charged) in cell.live(span).take(usize::from(u8::MAX)) {
                record.moment((number + 1) * self.span_ms - 1);
                record.u64(charged);
            }
        }
    }

    /// Counts what [`write`](Self::write) wrote, each moment moved by `moved`; returns the number of the last change.
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        moved: impl Fn(Ms) -> Ms,
        now: Ms,
    ) -> Result<u64, Unread> {
        let seq = reader.u64()?;
        while !reader.is_at_end() {
            let kind = reader.u8()?;
            let id = reader.u64()?;
            for _ in 0..reader.u8()? {
                let at = moved(reader.moment()?).min(now);
                let charged = reader.u64()?;
                match kind {
                    OWN => drop(self.charge(id, at, charged)),
                    SHARE => {
                        self.shared.entry(shared_number(id)).or_default().add(at / self.span_ms, charged)
                    }
                    _ => return Err(Unread::Malformed),
                }
            }
        }
        self.seq = seq;
        Ok(seq)
    }

    /// How `id` stands.
    pub(crate) fn total(&mut self, id: u64, now: Ms) -> Total {
        let now = now.max(self.floor);
        let (span, span_ms) = (now / self.span_ms, self.span_ms);
        self.seek(id, span).map_or(Total::default(), |cell| cell.total(now, span, span_ms))
    }

    /// The cell `id` is counted in: its own while something in it counts, else the one it shares.
    fn seek(&mut self, id: u64, span: u64) -> Option<&mut Cell> {
        let own = self.cells.get_mut(&id).filter(|own| own.is_live(span));
        own.or_else(|| self.shared.get_mut(&shared_number(id)))
    }

    /// The cell to charge where nothing counts in one of its own. It gets one only if nothing counts in the cell it would
    /// share either: what it used there must not be forgotten.
    fn place_newcomer(&mut self, id: u64, now: Ms) -> &mut Cell {
        let span = now / self.span_ms;
        let shares = self.shared.get(&shared_number(id)).is_some_and(|shared| shared.is_live(span));
        if !shares && self.has_room(id, now) {
            self.cells.entry(id).or_default()
        } else {
            self.shared.entry(shared_number(id)).or_default()
        }
    }

    /// Whether `id` may have a cell, after dropping expired ones (at most once a span).
    fn has_room(&mut self, id: u64, now: Ms) -> bool {
        if self.cells.len() < self.keys_max || self.cells.contains_key(&id) {
            return true;
        }
        let span = now / self.span_ms;
        if self.floor / self.span_ms < span {
            self.floor = now;
            self.cells.retain(|_, cell| cell.is_live(span));
        }
        self.cells.len() < self.keys_max
    }
}

impl Cell {
    /// The spans that count at `now`. A span is out when even its last millisecond is older than the window.
    fn live(&self, now: u64) -> impl Iterator<Item = (u64, u64)> {
        self.spans.iter().copied().filter(move |(number, _)| number + PARTS >= now)
    }

    fn is_live(&self, now: u64) -> bool {
        self.spans.back().is_some_and(|(number, _)| number + PARTS >= now)
    }

    /// What counts at `now`. What does not any more is dropped.
    fn used(&mut self, now: u64) -> u128 {
        self.seen = self.seen.max(now);
        while let Some((number, charged)) = self.spans.front().copied()
            && number + PARTS < self.seen
        {
            self.sum -= u128::from(charged);
            self.spans.pop_front();
        }
        self.sum
    }

    fn total(&mut self, now_ms: Ms, now: u64, span_ms: u64) -> Total {
        let used = u64::try_from(self.used(now)).unwrap_or(u64::MAX);
        let oldest = self.spans.iter().find(|(_, charged)| *charged > 0);
        let leaves_in_ms = oldest.map_or(0, |(number, _)| leaves_ms(*number, span_ms).saturating_sub(now_ms));
        Total { used, leaves_in_ms }
    }

    fn add(&mut self, now: u64, weight: u64) {
        self.used(now);
        let now = self.seen;
        match self.spans.back_mut() {
            Some((number, charged)) if *number >= now => {
                let weight = weight.min(u64::MAX - *charged);
                *charged += weight;
                self.sum += u128::from(weight);
            }
            _ => {
                self.spans.push_back((now, weight));
                self.sum += u128::from(weight);
            }
        }
    }

    fn take_back(&mut self, span: u64, weight: u64) {
        if let Some((_, charged)) = self.spans.iter_mut().rev().find(|(number, _)| *number == span) {
            let weight = weight.min(*charged);
            *charged -= weight;
            self.sum -= u128::from(weight);
        }
    }
}

/// The moment at which the span no longer counts.
fn leaves_ms(span: u64, span_ms: u64) -> Ms {
    (span + PARTS + 1) * span_ms
}

/// Which shared cell an id falls to.
fn shared_number(id: u64) -> u64 {
    id % SHARED
}

/// Ids are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}
