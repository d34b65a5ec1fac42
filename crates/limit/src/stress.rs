//! Real threads on few keys: exact counts.
#![cfg(not(feature = "shuttle"))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use botwarden_types::Tick;

use crate::ExactLog;

const KEYS: u64 = 64;
const MAX: u32 = 30;
const THREADS: u64 = 3;

/// Calls in all.
const CALLS: u64 = if cfg!(feature = "prove") { 12_000_000 } else { 300_000 };

/// Within one window, threads whose readings of the clock cross admit exactly `KEYS * MAX` calls: a reading older than the
/// newest call's does not look like a window later.
#[test]
fn exact_counts_under_contention() {
    let log = ExactLog::new(MAX, Duration::from_secs(60), 1000, &[7; 32]);
    let admitted = AtomicU64::new(0);
    let clock = AtomicU64::new(100_000);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (log, admitted, clock) = (&log, &admitted, &clock);
            scope.spawn(move || {
                let mut dice = thread + 1;
                for n in 0..CALLS / THREADS {
                    // The clock advances by at most half a window during the whole test; readings lag by up to 40 ms.
                    if n % (CALLS / 10_000) == 0 {
                        clock.fetch_add(1, Ordering::Relaxed);
                    }
                    dice ^= dice << 13;
                    dice ^= dice >> 7;
                    dice ^= dice << 17;
                    let now = clock.load(Ordering::Relaxed) - dice % 40;
                    let key = dice >> 32 & (KEYS - 1);
                    if log.admit_number(Tick(now), key).is_ok() {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(admitted.load(Ordering::Relaxed), KEYS * u64::from(MAX));
}

/// The wall clock plays no part: an hour forwards or back changes no decision.
#[test]
fn steps_of_the_wall_clock_change_nothing() {
    use botwarden_types::{Now, UnixMs};

    use crate::{Limiter, Measure, Per, Rule, Settings, Subject};

    let decide = |wall_of: fn(u64) -> u64| {
        let limiter = Limiter::new(Settings::new([7; 32]));
        let rule =
            Rule::new(Per::User, Measure::Requests { max: 3, window: Duration::from_secs(1) }).unwrap();
        let plan = limiter.plan("shop", &[rule]);
        let subject = Subject { user: Some("alice"), ..Subject::default() };
        let decide = |n: u64| {
            let now = Now { tick: Tick(n * 130), wall: UnixMs(wall_of(n * 130)) };
            limiter.admit(now, &plan, &subject, 0).is_ok()
        };
        (0..1000).map(decide).collect::<Vec<_>>()
    };
    const HOUR: u64 = 3_600_000;
    let steady = decide(|tick| 10 * HOUR + tick);
    assert_eq!(steady, decide(|tick| 10 * HOUR + tick + tick / 5000 % 2 * HOUR), "forwards and back");
    assert_eq!(steady, decide(|tick| 10 * HOUR - tick), "backwards");
}
