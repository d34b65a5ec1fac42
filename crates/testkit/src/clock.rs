//! A clock that stands still until it is turned.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use botwarden_types::{Clock, Now, Tick, UnixMs};

/// A clock to turn. Both readings move together; the wall clock can also be set by itself.
pub struct ManualClock {
    tick: AtomicU64,
    wall: AtomicU64,
}

impl ManualClock {
    /// Stands at the given readings.
    pub fn at(tick: Tick, wall: UnixMs) -> Self {
        Self { tick: AtomicU64::new(tick.0), wall: AtomicU64::new(wall.0) }
    }

    /// Lets time pass.
    pub fn pass(&self, span: Duration) {
        let ms = u64::try_from(span.as_millis()).expect("a span of a test");
        self.tick.fetch_add(ms, Ordering::SeqCst);
        self.wall.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the wall clock, as an administrator or NTP would.
    pub fn set_wall(&self, wall: UnixMs) {
        self.wall.store(wall.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        Now { tick: Tick(self.tick.load(Ordering::SeqCst)), wall: UnixMs(self.wall.load(Ordering::SeqCst)) }
    }
}
