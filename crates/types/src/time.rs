//! Time as a value: `now` is an argument, so that tests can turn it and limits do not follow a wall clock that steps.

use std::time::Duration;

/// Milliseconds since the machine was booted, suspended time included. It never goes back and does not follow the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// Milliseconds from `earlier` to `self`; 0 if `earlier` is later.
    pub fn since_ms(self, earlier: Tick) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant `span` after this one.
    pub fn after(self, span: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z by the wall clock: for expiry dates and records, never for limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// The instant `span` after this one.
    pub fn after(self, span: Duration) -> UnixMs {
        UnixMs(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Whole seconds since 1970.
    pub fn secs(self) -> u64 {
        self.0 / 1000
    }
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For durations and limits.
    pub tick: Tick,
    /// For dates.
    pub wall: UnixMs,
}

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Reads both clocks.
    fn now(&self) -> Now;

    /// Reads the monotonic clock alone.
    fn tick(&self) -> Tick {
        self.now().tick
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// Counts suspended time too, so that a laptop that slept does not find its windows still full.
#[cfg(target_os = "linux")]
const MONOTONIC: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const MONOTONIC: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now { tick: self.tick(), wall: UnixMs(read_ms(rustix::time::ClockId::Realtime)) }
    }

    fn tick(&self) -> Tick {
        Tick(read_ms(MONOTONIC))
    }
}

fn read_ms(clock: rustix::time::ClockId) -> u64 {
    let at = rustix::time::clock_gettime(clock);
    let secs = u64::try_from(at.tv_sec).unwrap_or(0);
    let millis = u64::try_from(at.tv_nsec).unwrap_or(0) / 1_000_000;
    secs * 1000 + millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_do_not_underflow() {
        for (name, now, earlier, want) in [
            ("forwards", Tick(70), Tick(50), 20),
            ("same", Tick(5), Tick(5), 0),
            ("backwards", Tick(5), Tick(6), 0),
        ] {
            assert_eq!(now.since_ms(earlier), want, "{name}");
        }
    }

    #[test]
    fn the_system_clock_goes_forwards() {
        let first = SystemClock.now();
        let second = SystemClock.now();
        assert!(second.tick >= first.tick);
        assert!(first.wall.secs() > 1_600_000_000, "after 2020");
    }
}
