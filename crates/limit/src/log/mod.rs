//! Logs of time stamps: request rules of up to [`CALLS_MAX`] calls.
//!
//! All rules of one window length share a table. Time is counted in steps of `unit` milliseconds, chosen so that a
//! window is at most [`STEPS_MAX`] steps.

mod bucket;
mod cell;
mod equal;
mod rings;
mod shard;

use std::time::Duration;

use crate::sync::Mutex;
use crate::time::Ms;
pub(crate) use shard::{Place, Shard};

/// The most calls a log holds; larger rules are counted by [`crate::sum`].
pub(crate) const CALLS_MAX: u32 = 1000;

/// The most steps in a window.
const STEPS_MAX: u64 = 60_000;

/// Shards of a table, each under its own lock.
pub(crate) const SHARDS: usize = 256;

/// Time in steps of a table's unit.
pub(crate) type Step = u64;

/// The logs of all rules with one window length.
pub(crate) struct Table {
    window_ms: u64,
    unit_ms: u64,
    shards: Box<[Line; SHARDS]>,
}

/// A shard and its lock in a cache line of their own.
#[repr(align(64))]
struct Line(Mutex<Shard>);

/// How a subject stands in one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// Calls in the window.
    pub(crate) used: u32,
    /// Steps until the oldest of them leaves; 0 if there is none.
    pub(crate) leaves_in: Step,
}

/// A call counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// How the log stands, the call included.
    pub(crate) count: Count,
    /// The step it is counted at: not the caller's, if the log or the shard has seen a later one.
    pub(crate) at: Step,
}

impl Counted {
    /// The first call of a log.
    fn first(at: Step, window: u32) -> Self {
        Self { count: Count { used: 1, leaves_in: Step::from(window) + 1 }, at }
    }
}

impl Table {
    pub(crate) fn new(window: Duration, keys_max: usize) -> Self {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        let unit_ms = window_ms.div_ceil(STEPS_MAX).max(1);
        let steps = window_ms.div_ceil(unit_ms);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        // Keys fall to shards by chance: six standard deviations above the mean, no shard is full before the table is.
        let mean = keys_max.div_ceil(SHARDS);
        let per_shard = mean + 6 * mean.isqrt();
        let shards = Box::new(std::array::from_fn(|_| Line(Mutex::new(Shard::new(steps, per_shard)))));
        Self { window_ms, unit_ms, shards }
    }

    pub(crate) fn window_ms(&self) -> u64 {
        self.window_ms
    }

    /// Milliseconds a step takes.
    pub(crate) fn unit_ms(&self) -> u64 {
        self.unit_ms
    }

    /// The step that `now` lies in.
    #[inline]
    pub(crate) fn step(&self, now: Ms) -> Step {
        if self.unit_ms == 1 { now } else { now / self.unit_ms }
    }

    /// Milliseconds from `now`, which lies in `step`, to the beginning of the step `steps` after it.
    pub(crate) fn until(&self, now: Ms, step: Step, steps: Step) -> u64 {
        if steps == 0 { 0 } else { ((step + steps) * self.unit_ms).saturating_sub(now) }
    }

    /// The number of the shard that holds `id`: its highest byte.
    #[inline]
    pub(crate) fn shard_of(id: u64) -> u8 {
        id.to_be_bytes()[0]
    }

    pub(crate) fn shard(&self, number: u8) -> Option<&Mutex<Shard>> {
        self.shards.get(usize::from(number)).map(|line| &line.0)
    }

    /// Bytes taken from the allocator.
    pub(crate) fn bytes(&self) -> usize {
        let shards: usize = self.shards.iter().map(|line| line.0.lock().bytes()).sum();
        size_of::<Self>() + size_of_val(&*self.shards) + shards
    }
}

#[cfg(test)]
mod tests;
