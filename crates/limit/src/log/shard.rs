//! One shard of a table: cells in a hash table of buckets, their rings, and the logs that newcomers share.
//!
//! An id is counted in the cell with its tag. Cells whose calls have all left the window are free at once: nothing
//! is lost with them. While all cells are live and the table may not grow, nobody's log is evicted; a newcomer is
//! counted in one of [`SHARED`] logs that it shares with others, and gets a cell of its own only when nothing in that log
//! counts any more. So it may be refused for the calls of others, but never admitted beyond its own limit.

use std::hint::black_box;

use super::bucket::{Bucket, Tag, WIDTH};
use super::cell::Cell;
use super::rings::Rings;
use super::{CALLS_MAX, Count, Counted, Step};
use crate::record::{Reader, Unread, Writer};

/// Logs that newcomers share while a shard is full of live ones.
const SHARED: usize = 16;

/// Windows after which expired cells are dropped at the latest: cells keep 24 bits of their step, of which one tells
/// late readings of the clock apart; 64 windows and the one before are 3.9 million steps.
const SWEEP_WINDOWS: u64 = 64;

/// At most 4 of 5 places are taken: nearly every search ends in its first bucket, and always at one with a free place.
const FULL: (usize, usize) = (4, 5);

/// Grown so that 17 of 25 places are taken: growth comes after every sixth new key, and memory stays close to use.
const GROWN: (usize, usize) = (17, 25);

/// In a snapshot: a log of one id, and one that newcomers share.
const OWN: u8 = 0;
const SHARE: u8 = 1;

/// Logs by id. What every decision reads fits a cache line, the lock included.
pub(crate) struct Shard {
    buckets: Box<[Bucket]>,
    /// The last step at which something expired was dropped. Who arrives with an older reading is taken to come now: what was
    /// dropped may have counted then.
    floor: Step,
    /// Steps after `floor` in which the 24 bits that cells keep of their step are not ambiguous.
    sweep_after: u32,
    /// The step after which nothing counts in any shared log.
    shared_until: Step,
    /// Changes made, ever: orders the records of this shard.
    pub(crate) seq: u64,
    /// Length of the window, in steps.
    window: u32,
    rest: Box<Rest>,
}

const _: () = assert!(size_of::<Shard>() <= 56);

/// What few decisions read.
struct Rest {
    rings: Rings,
    shared: [Cell; SHARED],
    /// Places that are not empty, expired cells included.
    taken: usize,
    buckets_max: usize,
    /// When expired cells were last dropped.
    swept: Step,
    /// When a full table may be searched for expired cells again.
    rebuild_due: Step,
}

/// Where an id is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In its own cell: bucket and place.
    Own(usize, usize),
    /// In a shared log.
    Shared(usize),
    /// Nowhere yet.
    Nowhere,
}

impl Shard {
    /// An empty shard for windows of `window` steps that tracks at least `keys_max` ids.
    pub(crate) fn new(window: u32, keys_max: usize) -> Self {
        let rest = Rest {
            rings: Rings::new(),
            shared: [Cell::default(); SHARED],
            taken: 0,
            buckets_max: buckets_for(keys_max, FULL),
            swept: 0,
            rebuild_due: 0,
        };
        Self {
            buckets: Box::default(),
            floor: 0,
            sweep_after: 0,
            shared_until: 0,
            seq: 0,
            window,
            rest: Box::new(rest),
        }
    }

    /// Counts one call if it is within `max` and returns 0, or the steps it has to wait: [`wait`](Self::wait) and
    /// [`charge`](Self::charge) with one search.
    ///
    /// What most calls need stands here, in few instructions: so many decisions fit the processor's window that their waits for
    /// memory overlap. The rest is called.
    #[inline(always)]
    pub(crate) fn admit(&mut self, id: u64, now: Step, max: u32) -> Step {
        let now = self.arrive(now);
        let tag = Tag::of(id);
        let home = home(tag, self.buckets.len());
        let Some(bucket) = self.buckets.get_mut(home) else { return self.admit_elsewhere(id, now, max) };
        let Some(at) = bucket.find(tag) else { return self.admit_elsewhere(id, now, max) };
        let cell = bucket.cell(at);
        if cell.has_ring() {
            return match cell.wait_if_full(now, self.window, max) {
                Some(wait) if wait > 0 => wait,
                // Not full, or full of calls of which the oldest has left.
                _ if cell.is_live(now, self.window) && u32::from(cell.calls()) <= max => {
                    self.charge_own(home, at, now);
                    0
                }
                _ => self.admit_elsewhere(id, now, max),
            };
        }
        match cell.pushed_inline(now, self.window, max) {
            // A log that has left the window begins anew, unless its owner may be counted in a shared one.
            Some(cell) if (cell.calls() > 1) | (now > self.shared_until) => {
                self.seq += 1;
                bucket.update(at, cell);
                0
            }
            _ => self.admit_elsewhere(id, now, max),
        }
    }

    /// Counts a call in a live log that has a place for it.
    #[inline(never)]
    fn charge_own(&mut self, home: usize, at: usize, now: Step) -> Counted {
        let window = self.window;
        self.seq += 1;
        let Some(bucket) = self.buckets.get_mut(home) else { return Counted::first(now, window) };
        let mut cell = bucket.cell(at);
        let counted = cell.charge(&mut self.rest.rings, now, window, CALLS_MAX);
        bucket.update(at, cell);
        counted
    }

    /// The same without haste.
    #[inline(never)]
    fn admit_elsewhere(&mut self, id: u64, now: Step, max: u32) -> Step {
        let place = self.place(Tag::of(id), now);
        let wait = self.wait_at(place, now, max);
        if wait == 0 {
            self.charge_at(place, id, now);
        }
        wait
    }

    /// Steps until one more call would be within `max`; 0 if it is now. Changes nothing that counts.
    #[inline]
    pub(crate) fn wait(&mut self, id: u64, now: Step, max: u32) -> (Step, Place) {
        let now = self.arrive(now);
        let place = self.place(Tag::of(id), now);
        (self.wait_at(place, now, max), place)
    }

    /// Counts one call of an id that was found at `place`, if it is still there.
    #[inline]
    pub(crate) fn charge(&mut self, id: u64, now: Step, place: Place) -> Counted {
        let now = self.arrive(now);
        let tag = Tag::of(id);
        if let Place::Own(number, at) = place
            && let Some(bucket) = self.buckets.get(number)
            && bucket.has(at, tag)
            && bucket.cell(at).is_live(now, self.window)
        {
            return self.charge_own(number, at, now);
        }
        let place = self.place(tag, now);
        self.charge_at(place, id, now)
    }

    /// How `id` stands.
    pub(crate) fn count(&mut self, id: u64, now: Step) -> Count {
        let now = self.arrive(now);
        let place = self.place(Tag::of(id), now);
        self.cell(place).count(&self.rest.rings, now, self.window)
    }

    /// Reads the bucket where `id` is probably found, so that the waits for several overlap.
    #[inline]
    pub(crate) fn touch(&self, id: u64) {
        black_box(self.buckets.get(home(Tag::of(id), self.buckets.len())).map(|bucket| bucket.cell(0)));
    }

    /// Before a restore: nothing has been dropped that was younger than a window.
    pub(crate) fn open_since_a_window(&mut self, now: Step) {
        if self.buckets.is_empty() {
            self.rebuild(now.saturating_sub(Step::from(self.window) + 1));
        }
    }

    /// Writes the number of its last change and every log: whose it is, calls, the oldest in ms, gaps in steps.
    pub(crate) fn write(&mut self, now: Step, unit_ms: u64, record: &mut Writer<Vec<u8>>) {
        let now = self.arrive(now);
        record.u64(self.seq);
        let own = self.buckets.iter().flat_map(Bucket::cells).map(|(tag, cell)| (OWN, tag.id(), cell));
        let shared = (0..).zip(&self.rest.shared).map(|(number, cell)| (SHARE, number, *cell));
        for (kind, id, cell) in own.chain(shared) {
            if cell.is_none() || !cell.is_live(now, self.window) {
                continue;
            }
            let mut steps = cell.steps(&self.rest.rings, now);
            let mut last = steps.next().unwrap_or(now);
            record.u8(kind);
            record.u64(id);
            record.u16(cell.calls());
            record.moment(last * unit_ms);
            for step in steps {
                record.u16((step - last) as u16);
                last = step;
            }
        }
    }

    /// Counts what [`write`](Self::write) wrote, each step moved by `moved`; returns the number of the last change.
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        unit_ms: u64,
        moved: impl Fn(Step) -> Step,
    ) -> Result<u64, Unread> {
        let seq = reader.u64()?;
        while !reader.is_at_end() {
            let kind = reader.u8()?;
            let id = reader.u64()?;
            let calls = reader.u16()?;
            let mut step = reader.moment()? / unit_ms;
            for call in 0..calls {
                if call > 0 {
                    step += Step::from(reader.u16()?);
                }
                let at = moved(step);
                match kind {
                    _ if at <= self.floor => {}
                    OWN => drop(self.charge(id, at, Place::Nowhere)),
                    SHARE => drop(self.charge_newcomer(Place::Shared(0), Tag::of(id), at)),
                    _ => return Err(Unread::Malformed),
                }
            }
        }
        self.seq = seq;
        Ok(seq)
    }

    /// Bytes taken from the allocator.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.buckets) + size_of::<Rest>() + self.rest.rings.bytes()
    }

    /// The step before which nobody arrives.
    #[cfg(all(test, not(feature = "shuttle")))]
    pub(super) fn floor(&self) -> Step {
        self.floor
    }

    /// What every visit begins with: the step it counts as made at.
    #[inline]
    fn arrive(&mut self, now: Step) -> Step {
        // One comparison for both: a reading before the floor wraps around to a large number.
        if now.wrapping_sub(self.floor) < Step::from(self.sweep_after) {
            now
        } else {
            self.arrive_out_of_turn(now)
        }
    }

    #[cold]
    fn arrive_out_of_turn(&mut self, now: Step) -> Step {
        let now = now.max(self.floor);
        if now >= self.rest.swept + SWEEP_WINDOWS * Step::from(self.window) {
            self.rebuild(now);
        }
        now
    }

    /// Where `id` is counted: in its own cell while something in it counts, else in the log it shares while something in that
    /// counts, else in its own again.
    #[inline]
    fn place(&self, tag: Tag, now: Step) -> Place {
        match self.find(tag) {
            Some((bucket, at)) if self.cell(Place::Own(bucket, at)).is_live(now, self.window) => {
                Place::Own(bucket, at)
            }
            found => self.place_of_newcomer(tag, now, found),
        }
    }

    #[inline(never)]
    fn place_of_newcomer(&self, tag: Tag, now: Step, found: Option<(usize, usize)>) -> Place {
        let number = shared_number(tag);
        let shares = now <= self.shared_until
            && self
                .rest
                .shared
                .get(number)
                .is_some_and(|shared| !shared.is_none() && shared.is_live(now, self.window));
        match found {
            _ if shares => Place::Shared(number),
            Some((bucket, at)) => Place::Own(bucket, at),
            None => Place::Nowhere,
        }
    }

    /// The log at a place; one without calls if there is none.
    #[inline]
    fn cell(&self, place: Place) -> Cell {
        match place {
            Place::Own(bucket, at) => self.buckets.get(bucket).map(|bucket| bucket.cell(at)),
            Place::Shared(number) => self.rest.shared.get(number).copied(),
            Place::Nowhere => None,
        }
        .unwrap_or_default()
    }

    #[inline]
    fn wait_at(&self, place: Place, now: Step, max: u32) -> Step {
        let cell = self.cell(place);
        let counts = !cell.is_none() && cell.is_live(now, self.window);
        if counts { cell.wait(&self.rest.rings, now, self.window, max) } else { 0 }
    }

    #[inline]
    fn charge_at(&mut self, place: Place, id: u64, now: Step) -> Counted {
        match place {
            Place::Own(bucket, at) if self.cell(place).is_live(now, self.window) => {
                self.charge_own(bucket, at, now)
            }
            _ => {
                self.seq += 1;
                self.charge_newcomer(place, Tag::of(id), now)
            }
        }
    }

    /// Counts the first call in a window, or one in a shared log.
    #[inline(never)]
    fn charge_newcomer(&mut self, place: Place, tag: Tag, now: Step) -> Counted {
        let window = self.window;
        let inserted = match place {
            Place::Own(bucket, at) => self.buckets.get_mut(bucket).is_some_and(|bucket| {
                bucket.cell(at).release(&mut self.rest.rings);
                bucket.update(at, Cell::first(tag.low, now));
                true
            }),
            Place::Shared(_) => false,
            Place::Nowhere => self.insert(tag, Cell::first(tag.low, now), now),
        };
        if inserted {
            return Counted::first(now, window);
        }
        self.shared_until = self.shared_until.max(now + Step::from(window));
        let rings = &mut self.rest.rings;
        match self.rest.shared.get_mut(shared_number(tag)) {
            Some(shared) if !shared.is_none() && shared.is_live(now, window) => {
                shared.charge(rings, now, window, CALLS_MAX)
            }
            Some(shared) => {
                shared.release(rings);
                *shared = Cell::first(0, now);
                Counted::first(now, window)
            }
            None => Counted::first(now, window),
        }
    }

    /// The cell with this tag, live or not.
    #[inline]
    fn find(&self, tag: Tag) -> Option<(usize, usize)> {
        let number = home(tag, self.buckets.len());
        match self.buckets.get(number)?.find(tag) {
            Some(at) => Some((number, at)),
            None => self.find_further(tag, number),
        }
    }

    #[inline(never)]
    fn find_further(&self, tag: Tag, mut number: usize) -> Option<(usize, usize)> {
        for _ in 1..self.buckets.len() {
            if self.buckets.get(number)?.empty().is_some() {
                return None;
            }
            number = self.after(number);
            if let Some(at) = self.buckets.get(number)?.find(tag) {
                return Some((number, at));
            }
        }
        None
    }

    /// Puts a newcomer's cell into the first free place of its search; false if there is none.
    fn insert(&mut self, tag: Tag, cell: Cell, now: Step) -> bool {
        if !self.may_take() && (self.buckets.len() < self.rest.buckets_max || now >= self.rest.rebuild_due) {
            self.rebuild(now);
        }
        let may_take = self.may_take();
        let mut number = home(tag, self.buckets.len());
        for _ in 0..self.buckets.len() {
            let Some(bucket) = self.buckets.get_mut(number) else { return false };
            let expired = (0..WIDTH).find(|at| {
                let cell = bucket.cell(*at);
                !cell.is_none() && !cell.is_live(now, self.window)
            });
            if let Some(at) = expired {
                self.raise_floor(now);
                let Some(bucket) = self.buckets.get_mut(number) else { return false };
                bucket.cell(at).release(&mut self.rest.rings);
                bucket.put(at, tag.high, cell);
                return true;
            }
            if let Some(at) = bucket.empty() {
                if may_take {
                    bucket.put(at, tag.high, cell);
                    self.rest.taken += 1;
                }
                return may_take;
            }
            number = self.after(number);
        }
        false
    }

    /// Whether an empty place may be taken, and one still be left for searches to end at.
    fn may_take(&self) -> bool {
        self.rest.taken < self.buckets.len() * WIDTH * FULL.0 / FULL.1
    }

    fn raise_floor(&mut self, now: Step) {
        self.floor = now;
        let due = self.rest.swept + SWEEP_WINDOWS * Step::from(self.window);
        self.sweep_after = due.saturating_sub(now) as u32;
    }

    /// Drops expired cells, and grows or shrinks the table to fit the others and one more.
    #[cold]
    fn rebuild(&mut self, now: Step) {
        let window = self.window;
        // Nothing was counted after the sweep was due. A window later nothing counts, whatever 24 bits seem to say.
        let any_live = now <= self.rest.swept + (SWEEP_WINDOWS + 1) * Step::from(window);
        let is_live = |cell: Cell| any_live && !cell.is_none() && cell.is_live(now, window);
        self.rest.swept = now;
        self.rest.rebuild_due = now + Step::from(window / 8);
        self.raise_floor(now);
        let rings = &mut self.rest.rings;
        for shared in &mut self.rest.shared {
            if !is_live(*shared) {
                shared.release(rings);
                *shared = Cell::default();
            }
        }
        let old = std::mem::take(&mut self.buckets);
        let cells = || old.iter().flat_map(Bucket::cells);
        let live = cells().filter(|(_, cell)| is_live(*cell)).count();
        let size = buckets_for(live + 1, GROWN).min(self.rest.buckets_max).max(buckets_for(live, FULL));
        self.buckets = vec![Bucket::default(); size].into_boxed_slice();
        self.rest.taken = live;
        for (tag, cell) in cells() {
            if is_live(cell) {
                self.put(tag, cell);
            } else {
                cell.release(&mut self.rest.rings);
            }
        }
    }

    /// Puts a cell into the first empty place of its search.
    fn put(&mut self, tag: Tag, cell: Cell) {
        let mut number = home(tag, self.buckets.len());
        for _ in 0..self.buckets.len() {
            let Some(bucket) = self.buckets.get_mut(number) else { return };
            if let Some(at) = bucket.empty() {
                return bucket.put(at, tag.high, cell);
            }
            number = self.after(number);
        }
    }

    #[inline]
    fn after(&self, number: usize) -> usize {
        if number + 1 < self.buckets.len() { number + 1 } else { 0 }
    }
}

/// The bucket where the search for a tag begins: tags in order, spread evenly over the buckets.
#[inline]
fn home(tag: Tag, buckets: usize) -> usize {
    ((u64::from(tag.high) * buckets as u64) >> 32) as usize
}

/// Which shared log a tag falls to.
fn shared_number(tag: Tag) -> usize {
    usize::from(tag.low) % SHARED
}

/// Buckets for `keys` cells where at most `full` of the places are taken.
fn buckets_for(keys: usize, full: (usize, usize)) -> usize {
    (keys * full.1).div_ceil(full.0 * WIDTH).max(1)
}
