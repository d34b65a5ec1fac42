//! Cells that are searched at once.

use super::cell::{Cell, NEWEST_BITS, State};
use super::equal::{LINE, equal};

/// Cells of a bucket.
pub(super) const WIDTH: usize = 8;

/// What tells an id from the others of its shard: 39 bits, of which the higher part is never 0. With the 8 bits of the shard's
/// number, two of a million live ids meet with a chance of 0.4 %; they would share a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) high: u32,
    pub(super) low: u8,
}

impl Tag {
    #[inline]
    pub(super) fn of(id: u64) -> Self {
        Self { high: (id >> 8) as u32 | 1, low: id as u8 }
    }

    /// An id with this tag, less the shard's number.
    pub(super) fn id(self) -> u64 {
        u64::from(self.high) << 8 | u64::from(self.low)
    }
}

/// The first place among hits.
#[inline]
fn first(hits: u32) -> usize {
    hits.trailing_zeros() as usize % WIDTH
}

/// Eight cells in two cache lines side by side. All tags are compared before anything is decided on: a guess that
/// depends on a line not yet in the cache would often be wrong, and a wrong guess throws away the waits that overlap.
#[derive(Clone, Default)]
#[repr(align(128))]
pub(super) struct Bucket([Line; 2]);

/// Four cells, tags first.
#[derive(Clone, Default)]
#[repr(C, align(64))]
struct Line {
    /// The higher part of each cell's tag; 0 where there is none.
    high: [u32; LINE],
    /// The lower part, above the step of the newest call.
    low: [u32; LINE],
    state: [State; LINE],
}

impl Bucket {
    /// The place of the cell with this tag.
    #[inline]
    pub(super) fn find(&self, tag: Tag) -> Option<usize> {
        let mut hits = self.hits(tag.high);
        while hits != 0 {
            let at = first(hits);
            if self.low(at) >> NEWEST_BITS == u32::from(tag.low) {
                return Some(at);
            }
            hits &= hits - 1;
        }
        None
    }

    /// Whether the cell at a place has this tag.
    #[inline]
    pub(super) fn has(&self, at: usize, tag: Tag) -> bool {
        let high = self.0.get(at / LINE).and_then(|line| line.high.get(at % LINE));
        high == Some(&tag.high) && self.low(at) >> NEWEST_BITS == u32::from(tag.low)
    }

    /// A free place.
    #[inline]
    pub(super) fn empty(&self) -> Option<usize> {
        let hits = self.hits(0);
        (hits != 0).then_some(first(hits))
    }

    /// One bit for each place with this higher part.
    #[inline]
    fn hits(&self, high: u32) -> u32 {
        equal(&self.0[0].high, &self.0[1].high, high)
    }

    #[inline]
    fn low(&self, at: usize) -> u32 {
        self.0.get(at / LINE).and_then(|line| line.low.get(at % LINE)).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn cell(&self, at: usize) -> Cell {
        let state = self.0.get(at / LINE).and_then(|line| line.state.get(at % LINE));
        Cell { low: self.low(at), state: state.copied().unwrap_or_default() }
    }

    /// Writes a cell of the same owner.
    #[inline]
    pub(super) fn update(&mut self, at: usize, cell: Cell) {
        let Some(line) = self.0.get_mut(at / LINE) else { return };
        let (Some(low), Some(state)) = (line.low.get_mut(at % LINE), line.state.get_mut(at % LINE)) else {
            return;
        };
        *low = cell.low;
        *state = cell.state;
    }

    /// Writes a cell and the higher part of whose it is.
    pub(super) fn put(&mut self, at: usize, high: u32, cell: Cell) {
        if let Some(to) = self.0.get_mut(at / LINE).and_then(|line| line.high.get_mut(at % LINE)) {
            *to = high;
        }
        self.update(at, cell);
    }

    /// All cells there are.
    pub(super) fn cells(&self) -> impl Iterator<Item = (Tag, Cell)> {
        let highs = (0..).zip(self.0.iter().flat_map(|line| line.high));
        highs.filter(|(_, high)| *high != 0).map(|(at, high)| {
            let cell = self.cell(at);
            (Tag { high, low: cell.tag() }, cell)
        })
    }
}
