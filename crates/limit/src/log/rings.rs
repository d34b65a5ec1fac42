//! Room for the logs that do not fit their entry: rings of gaps between calls, in blocks of a few sizes.

/// Sizes of blocks: class `c` has `2^(c-1)` lines. The largest holds 1023 gaps, for logs of up to 1000 calls.
pub(super) const CLASSES: u8 = 6;

/// No block.
const NONE: u32 = u32::MAX;

/// A cache line of gaps, in steps. The first word of a block says where its oldest gap stands.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([u16; LINE]);

const LINE: usize = 32;

/// Blocks of all classes.
pub(super) struct Rings {
    slabs: [Slab; CLASSES as usize],
}

/// Blocks of one class, side by side.
struct Slab {
    lines: Vec<Line>,
    /// First block of a list of free ones, each naming the next in its first two words.
    free: u32,
}

/// A block in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) class: u8,
    pub(super) number: u32,
}

/// The gaps of a ring.
pub(super) struct Gaps<'r> {
    lines: &'r [Line],
    head: u32,
    room: u32,
}

impl Gaps<'_> {
    /// The `n`-th oldest; 0, a call newer than it was, if the ring does not exist.
    #[inline]
    pub(super) fn nth(&self, n: u32) -> u16 {
        let at = 1 + wrap(self.head + n, self.room) as usize;
        self.lines.get(at / LINE).and_then(|line| line.0.get(at % LINE)).copied().unwrap_or(0)
    }
}

impl Block {
    /// Gaps it can hold.
    pub(super) fn room(self) -> u32 {
        room(self.class)
    }
}

/// Gaps a block of `class` can hold.
fn room(class: u8) -> u32 {
    (32 << class.saturating_sub(1)) - 1
}

impl Rings {
    pub(super) fn new() -> Self {
        Self { slabs: [const { Slab { lines: Vec::new(), free: NONE } }; CLASSES as usize] }
    }

    /// The smallest empty block with room for `gaps`.
    pub(super) fn take(&mut self, gaps: u32) -> Option<Block> {
        let class = (1..=CLASSES).find(|class| room(*class) >= gaps)?;
        let slab = self.slab(class)?;
        let number = slab.take(class)?;
        let block = Block { class, number };
        self.set(block, 0, 0);
        Some(block)
    }

    /// Gives a block back.
    pub(super) fn give_back(&mut self, block: Block) {
        let Some(slab) = self.slab(block.class) else { return };
        let next = slab.free.to_le_bytes();
        slab.free = block.number;
        self.set(block, 0, u16::from_le_bytes([next[0], next[1]]));
        self.set(block, 1, u16::from_le_bytes([next[2], next[3]]));
    }

    /// The `n`-th oldest gap of a ring.
    pub(super) fn gap(&self, block: Block, n: u32) -> u16 {
        self.gaps(block).nth(n)
    }

    /// The gaps of a ring, to read several.
    #[inline]
    pub(super) fn gaps(&self, block: Block) -> Gaps<'_> {
        let slab = self.slabs.get(usize::from(block.class.wrapping_sub(1)));
        let lines = slab.and_then(|slab| slab.lines.get(line(block, 0)..)).unwrap_or_default();
        let head = lines.first().map_or(0, |line| line.0[0]);
        Gaps { lines, head: u32::from(head), room: block.room() }
    }

    /// Writes the gap that follows `len` others.
    pub(super) fn push(&mut self, block: Block, len: u32, gap: u16) {
        self.set(block, self.position(block, len), gap);
    }

    /// Drops the `gone` oldest gaps and writes one that follows the `left` others.
    #[inline]
    pub(super) fn advance(&mut self, block: Block, gone: u32, left: u32, gap: u16) {
        let room = block.room();
        let Some(lines) = self.slab(block.class).and_then(|slab| slab.lines.get_mut(line(block, 0)..)) else {
            return;
        };
        let Some(head) = lines.first_mut().map(|line| &mut line.0[0]) else { return };
        let first = wrap(u32::from(*head) + gone, room);
        *head = first as u16;
        let at = 1 + wrap(first + left, room) as usize;
        if let Some(to) = lines.get_mut(at / LINE).and_then(|line| line.0.get_mut(at % LINE)) {
            *to = gap;
        }
    }

    /// Drops the `n` oldest gaps.
    pub(super) fn drop_oldest(&mut self, block: Block, n: u32) {
        let head = wrap(u32::from(self.get(block, 0)) + n, block.room());
        self.set(block, 0, head as u16);
    }

    /// Bytes taken from the allocator.
    pub(super) fn bytes(&self) -> usize {
        self.slabs.iter().map(|slab| slab.lines.capacity() * size_of::<Line>()).sum()
    }

    fn position(&self, block: Block, n: u32) -> u32 {
        1 + wrap(u32::from(self.get(block, 0)) + n, block.room())
    }

    fn slab(&mut self, class: u8) -> Option<&mut Slab> {
        self.slabs.get_mut(usize::from(class.wrapping_sub(1)))
    }

    /// Word `at` of a block. A block that does not exist reads as zeros: calls that are newer than they were.
    #[inline]
    fn get(&self, block: Block, at: u32) -> u16 {
        let slab = self.slabs.get(usize::from(block.class.wrapping_sub(1)));
        slab.and_then(|slab| slab.lines.get(line(block, at))?.0.get(at as usize % LINE)).copied().unwrap_or(0)
    }

    #[inline]
    fn set(&mut self, block: Block, at: u32, word: u16) {
        let Some(slab) = self.slab(block.class) else { return };
        if let Some(to) =
            slab.lines.get_mut(line(block, at)).and_then(|line| line.0.get_mut(at as usize % LINE))
        {
            *to = word;
        }
    }
}

/// A place in a ring, counted on beyond its end.
#[inline]
fn wrap(at: u32, room: u32) -> u32 {
    if at < room { at } else { at - room }
}

/// The line that word `at` of a block stands in.
#[inline]
fn line(block: Block, at: u32) -> usize {
    ((block.number as usize) << (block.class - 1)) + at as usize / LINE
}

impl Slab {
    fn take(&mut self, class: u8) -> Option<u32> {
        if self.free != NONE {
            let taken = self.free;
            let words = self.lines.get((taken as usize) << (class - 1))?.0;
            let [a, b] = words[0].to_le_bytes();
            let [c, d] = words[1].to_le_bytes();
            self.free = u32::from_le_bytes([a, b, c, d]);
            return Some(taken);
        }
        let lines = 1 << (class - 1);
        let number = self.lines.len() / lines;
        if self.lines.capacity() < self.lines.len() + lines {
            // An eighth at a time: room taken ahead of use counts against memory a key.
            self.lines.reserve_exact((self.lines.len() / 8).max(lines));
        }
        self.lines.resize(self.lines.len() + lines, Line([0; LINE]));
        u32::try_from(number).ok()
    }
}
