//! One subject's log in 12 bytes, one of which is part of whose it is.
//!
//! A log is the step of its newest call and the gaps between calls, so that ages are sums. Up to four calls lie in
//! the cell itself; more lie in a ring ([`super::rings`]), and the cell keeps the sum of their gaps: how old the oldest call
//! is, and with it whether a full log has a place, is known from the cell alone.
//!
//! ```text
//! low     tag:8  newest:24                    newest call, in steps, modulo 2^24
//! state   0:3  calls:10  -  gaps:48           up to three gaps of 16 bits, the newest lowest
//!         class:3  calls:10  sum:18  block:33 a ring of `calls - 1` gaps
//! ```
//!
//! INVARIANT: when a call is counted, those that have left the window are dropped first. So no gap, and no sum of gaps, is
//! longer than a window (at most 60,000 steps): 16 bits hold a gap.

use super::rings::{Block, Rings};
use super::{Count, Counted, Step};

/// Bits of a step that a cell keeps.
pub(super) const NEWEST_BITS: u32 = 24;
const NEWEST_MASK: u32 = (1 << NEWEST_BITS) - 1;

/// Calls that fit the cell itself.
const INLINE_MAX: u32 = 4;
const GAPS_MASK: u64 = (1 << 48) - 1;

/// A log of this few calls goes back into its cell.
const INLINE_AGAIN: u32 = 2;

/// See the module's page. Without calls where nobody's log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) low: u32,
    pub(super) state: State,
}

/// The 64 bits of a cell that hold its gaps, or say where they are. 0 stands for no log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State(u64);

impl Cell {
    /// A log of one call, of whom the tag's lower part tells.
    #[inline]
    pub(super) fn first(tag: u8, now: Step) -> Self {
        let low = u32::from(tag) << NEWEST_BITS | now as u32 & NEWEST_MASK;
        Self { low, state: State::inline(1, 0) }
    }

    /// The lower part of the tag.
    pub(super) fn tag(self) -> u8 {
        (self.low >> NEWEST_BITS) as u8
    }

    /// Whether a call of it is in the window. There is at least one.
    #[inline]
    pub(super) fn is_live(self, now: Step, window: u32) -> bool {
        self.difference(now) <= window as i32
    }

    /// Whether there is no log.
    pub(super) fn is_none(self) -> bool {
        self.state == State(0)
    }

    /// Steps since the newest call, below 0 if it is the later one: a thread may arrive with a reading of the clock from before
    /// another's. Right for up to 2^23 steps.
    #[inline]
    fn difference(self, now: Step) -> i32 {
        // The shift drops the tag.
        ((now as u32).wrapping_sub(self.low) << (32 - NEWEST_BITS)) as i32 >> (32 - NEWEST_BITS)
    }

    /// What [`wait`](Self::wait) says of a log in a ring, if it holds exactly `max` calls; 0 if none of them is in the window.
    #[inline(always)]
    pub(super) fn wait_if_full(self, now: Step, window: u32, max: u32) -> Option<Step> {
        (self.state.calls() == max).then(|| self.leaves_in(now, window, self.state.ring_sum()))
    }

    /// What [`charge`](Self::charge) does to a log that is in its cell (no ring), if the new call is within `max` and has room there.
    /// Which calls have left the window is computed with, not branched on: it cannot be guessed.
    #[inline(always)]
    pub(super) fn pushed_inline(self, now: Step, window: u32, max: u32) -> Option<Self> {
        let newest = self.difference(now);
        let (state, window) = (self.state.0, window as i32);
        // Ages of the calls, newest first. Gaps that are not there are 0: their calls are as old as the oldest.
        let second = newest + (state & 0xffff) as i32;
        let third = second + (state >> 16 & 0xffff) as i32;
        let fourth = third + (state >> 32 & 0xffff) as i32;
        let left = [newest, second, third, fourth].map(|age| u32::from(age > window));
        let live = self.state.calls().min(INLINE_MAX - (left[0] + left[1] + left[2] + left[3]));
        if (live >= INLINE_MAX.min(max)) | (newest < 0) {
            return None;
        }
        // The gaps before calls that have left go too; without a live call, so does the new one's.
        let kept = state & ((1 << (16 * live)) - 1) >> 16;
        let gap = if live > 0 { newest as u64 } else { 0 };
        let low = self.low & !NEWEST_MASK | now as u32 & NEWEST_MASK;
        let state = State::inline(live + 1, (kept << 16 | gap) & GAPS_MASK);
        Some(Self { low, state })
    }

    /// Steps until one more call is within `max`; 0 if it is now. The log is live.
    #[inline]
    pub(super) fn wait(self, rings: &Rings, now: Step, window: u32, max: u32) -> Step {
        let calls = self.state.calls();
        if calls < max {
            return 0;
        }
        let sum = if calls == max { self.state.sum() } else { self.sum_of_newest(rings, max) };
        self.leaves_in(now, window, sum)
    }

    /// Steps from `now` until the call that is `sum` older than the newest leaves the window.
    #[inline]
    fn leaves_in(self, now: Step, window: u32, sum: u32) -> Step {
        let wait = window as i32 + 1 - self.difference(now) - sum as i32;
        wait.max(0) as Step
    }

    /// Steps between the newest call and the `n`-th newest. The log is longer than a rule allows when its maximum was
    /// lowered, and a shared log may be.
    #[cold]
    fn sum_of_newest(self, rings: &Rings, n: u32) -> u32 {
        let calls = self.state.calls();
        let mut sum = self.state.sum();
        for oldest in 0..calls.saturating_sub(n.max(1)) {
            sum -= self.state.gap(rings, oldest).min(sum);
        }
        sum
    }

    /// How the log stands.
    pub(super) fn count(self, rings: &Rings, now: Step, window: u32) -> Count {
        if self.is_none() || !self.is_live(now, window) {
            return Count { used: 0, leaves_in: 0 };
        }
        let age = self.difference(now).max(0) as u32;
        let (gone, sum) = self.expired(rings, age, window);
        Count { used: self.state.calls() - gone, leaves_in: self.leaves_in(now, window, sum) }
    }

    /// Counts a call, after dropping those that have left the window. At most `calls_max` are kept. The log is live.
    #[inline]
    pub(super) fn charge(&mut self, rings: &mut Rings, now: Step, window: u32, calls_max: u32) -> Counted {
        let difference = self.difference(now);
        let age = difference.max(0) as u32;
        let (mut gone, mut sum) = self.expired(rings, age, window);
        if self.state.calls() - gone >= calls_max {
            sum -= self.state.gap(rings, gone).min(sum);
            gone += 1;
        }
        let left = self.state.calls() - gone;
        self.state = match self.state.block() {
            Some(block) if left > INLINE_AGAIN && left <= block.room() => {
                rings.advance(block, gone, left - 1, age as u16);
                State::ring(left + 1, sum + age, block)
            }
            _ => self.state.without_oldest(rings, gone, sum).pushed(rings, age as u16),
        };
        if difference > 0 {
            self.low = self.low & !NEWEST_MASK | now as u32 & NEWEST_MASK;
        }
        let leaves_in = Step::from((window + 1).saturating_sub(self.state.sum()));
        let at = now + Step::from(difference.min(0).unsigned_abs());
        Counted { count: Count { used: self.state.calls(), leaves_in }, at }
    }

    /// How many of the oldest calls have left the window, and the sum of the gaps of the others. The newest is in.
    fn expired(self, rings: &Rings, age: u32, window: u32) -> (u32, u32) {
        let mut sum = self.state.sum();
        let mut gone = 0;
        if age + sum <= window {
            return (gone, sum);
        }
        let ring = self.state.block().map(|block| rings.gaps(block));
        while age + sum > window && gone + 1 < self.state.calls() {
            let gap =
                ring.as_ref().map_or_else(|| self.state.inline_gap(gone), |ring| u32::from(ring.nth(gone)));
            sum -= gap.min(sum);
            gone += 1;
        }
        (gone, sum)
    }

    /// Whether its log takes room outside of it.
    #[inline]
    pub(super) fn has_ring(self) -> bool {
        self.state.block().is_some()
    }

    /// Gives back the room its log takes outside of it.
    pub(super) fn release(self, rings: &mut Rings) {
        if let Some(block) = self.state.block() {
            rings.give_back(block);
        }
    }

    /// Calls kept.
    pub(super) fn calls(self) -> u16 {
        self.state.calls() as u16
    }

    /// Steps of all calls kept, oldest first. `now` tells the turns of the counter apart.
    pub(super) fn steps(self, rings: &Rings, now: Step) -> impl Iterator<Item = Step> {
        let gaps = self.state.calls().saturating_sub(1);
        let newest = now.wrapping_sub(i64::from(self.difference(now)) as u64);
        let mut step = newest.saturating_sub(u64::from(self.state.sum()));
        let first = (!self.is_none()).then_some(step);
        first.into_iter().chain((0..gaps).map(move |n| {
            step += u64::from(self.state.gap(rings, n));
            step
        }))
    }
}

impl State {
    const CLASS_SHIFT: u32 = 61;
    const CALLS_SHIFT: u32 = 51;
    const CALLS_MASK: u64 = (1 << 10) - 1;
    const SUM_SHIFT: u32 = 33;
    const SUM_MASK: u64 = (1 << 18) - 1;
    const BLOCK_MASK: u64 = (1 << 33) - 1;

    fn inline(calls: u32, gaps: u64) -> Self {
        Self(u64::from(calls) << Self::CALLS_SHIFT | gaps)
    }

    fn ring(calls: u32, sum: u32, block: Block) -> Self {
        Self(
            u64::from(block.class) << Self::CLASS_SHIFT
                | u64::from(calls) << Self::CALLS_SHIFT
                | u64::from(sum) << Self::SUM_SHIFT
                | u64::from(block.number),
        )
    }

    #[inline]
    fn calls(self) -> u32 {
        (self.0 >> Self::CALLS_SHIFT & Self::CALLS_MASK) as u32
    }

    #[inline]
    fn block(self) -> Option<Block> {
        let class = (self.0 >> Self::CLASS_SHIFT) as u8;
        (class != 0).then_some(Block { class, number: (self.0 & Self::BLOCK_MASK) as u32 })
    }

    fn gaps(self) -> u64 {
        self.0 & GAPS_MASK
    }

    /// Steps between the oldest call and the newest. Both forms are computed, because a guess which one it is would often be
    /// wrong.
    #[inline]
    fn sum(self) -> u32 {
        if self.0 >> Self::CLASS_SHIFT == 0 { gaps_sum(self.gaps()) } else { self.ring_sum() }
    }

    /// The same of a log that is in a ring.
    #[inline]
    fn ring_sum(self) -> u32 {
        (self.0 >> Self::SUM_SHIFT & Self::SUM_MASK) as u32
    }

    /// The `n`-th oldest gap.
    fn gap(self, rings: &Rings, n: u32) -> u32 {
        match self.block() {
            Some(block) => u32::from(rings.gap(block, n)),
            None => self.inline_gap(n),
        }
    }

    /// The same of a log that is in its cell.
    fn inline_gap(self, n: u32) -> u32 {
        (self.gaps() >> (16 * self.calls().saturating_sub(2 + n)) & 0xffff) as u32
    }

    /// The log with one more call, `gap` after the newest.
    #[inline]
    fn pushed(self, rings: &mut Rings, gap: u16) -> Self {
        let calls = self.calls();
        match self.block() {
            None if calls < INLINE_MAX => {
                Self::inline(calls + 1, (self.gaps() << 16 | u64::from(gap)) & GAPS_MASK)
            }
            Some(block) if calls - 1 < block.room() => {
                rings.push(block, calls - 1, gap);
                Self::ring(calls + 1, self.sum() + u32::from(gap), block)
            }
            _ => self.grown(rings, gap),
        }
    }

    /// The same in a larger ring.
    #[cold]
    fn grown(self, rings: &mut Rings, gap: u16) -> Self {
        let calls = self.calls();
        // Rings have classes for every length that is kept; if one had not, the log would stay as full as it is.
        let Some(block) = rings.take(calls) else { return self };
        for n in 0..calls - 1 {
            rings.push(block, n, self.gap(rings, n) as u16);
        }
        rings.push(block, calls - 1, gap);
        if let Some(old) = self.block() {
            rings.give_back(old);
        }
        Self::ring(calls + 1, self.sum() + u32::from(gap), block)
    }

    /// The log without its `gone` oldest calls; `sum` is that of the gaps left.
    fn without_oldest(self, rings: &mut Rings, gone: u32, sum: u32) -> Self {
        if gone == 0 {
            return self;
        }
        let left = self.calls() - gone;
        let Some(block) = self.block() else {
            let kept = (1 << (16 * left.saturating_sub(1))) - 1;
            return Self::inline(left, self.gaps() & kept);
        };
        if left <= INLINE_AGAIN {
            let gap = if left == 2 { self.gap(rings, gone) } else { 0 };
            rings.give_back(block);
            return Self::inline(left, u64::from(gap));
        }
        rings.drop_oldest(block, gone);
        Self::ring(left, sum, block)
    }
}

/// The sum of three gaps.
#[inline]
fn gaps_sum(gaps: u64) -> u32 {
    ((gaps & 0xffff) + (gaps >> 16 & 0xffff) + (gaps >> 32)) as u32
}
