//! One rule for a million keys and for one, beside governor.

use std::num::NonZeroU32;
use std::time::Duration;

use botwarden_limit::ExactLog;
use botwarden_types::{Clock, SystemClock, Tick};
use governor::clock::QuantaUpkeepClock;
use governor::{Quota, RateLimiter};

use crate::measure::{Table, Target, median, ratio, time};
use crate::{KEYS, MAX, SECRET, draws};

const ROUNDS: usize = 9;
const DECISIONS: usize = 500_000;
const MINUTE: Duration = Duration::from_secs(60);

fn exact(keys_max: u64) -> ExactLog {
    ExactLog::new(MAX, MINUTE, keys_max as usize, &SECRET)
}

/// A quota whose keys stay as they are while the bench runs: a burst of 30, and one more every two hours.
fn full_quota() -> Quota {
    Quota::with_period(Duration::from_secs(7200)).unwrap().allow_burst(NonZeroU32::new(MAX).unwrap())
}

/// A quota that admits everything in the bench.
fn light_quota() -> Quota {
    Quota::per_second(NonZeroU32::new(1_000_000).unwrap())
}

/// A million keys drawn evenly: all that a rule of 30 a minute admits has been admitted (what a flood meets), and each key
/// calls once in two minutes (what users meet).
pub(crate) fn million_keys(table: &mut Table) {
    table.heading("1,000,000 keys, 30 calls a minute, drawn evenly, one decision at a time");
    table.note(
        "ours takes the tick as an argument; governor reads its own clock, and a cheap one in the last rows",
    );
    for full in [true, false] {
        let quota = if full { full_quota() } else { light_quota() };
        let ours = exact(KEYS);
        let shipped = RateLimiter::dashmap(quota);
        let ahash = RateLimiter::dashmap_with_hasher(quota, ahash::RandomState::new());
        let upkeep = QuantaUpkeepClock::from_interval(Duration::from_millis(1)).unwrap();
        let cheap = RateLimiter::dashmap_with_clock_and_hasher(quota, upkeep, ahash::RandomState::new());
        let calls = if full { MAX } else { 1 };
        for key in 0..KEYS {
            let n = NonZeroU32::new(calls).unwrap();
            let _ = (shipped.check_key_n(&key, n), ahash.check_key_n(&key, n), cheap.check_key_n(&key, n));
        }
        for call in 0..calls {
            for key in 0..KEYS {
                let _ = ours.admit_number(Tick(1000 + u64::from(call)), key);
            }
        }
        let bytes = ours.bytes() as f64 / KEYS as f64;
        let mut times: [Vec<f64>; 5] = Default::default();
        let mut began = if full { 2000 } else { 200_000 };
        for round in 0..ROUNDS as u64 {
            let keys = draws(88_172_645_463_325_252 + round, DECISIONS);
            // Light keys: the round takes a minute (31/256 ms a decision), in which half of the keys call.
            let tick = |n: u64| if full { began } else { began + ((n * 31) >> 8) };
            let [a, b, c, d, e] = &mut times;
            a.push(time(&keys, |n, key| ours.admit_number(Tick(tick(n)), key).is_ok()));
            b.push(time(&keys, |_, key| shipped.check_key(&key).is_ok()));
            c.push(time(&keys, |_, key| ahash.check_key(&key).is_ok()));
            d.push(time(&keys, |_, key| cheap.check_key(&key).is_ok()));
            e.push(time(&keys, |_, _| SystemClock.tick() > Tick(0)));
            began += if full { 1 } else { (DECISIONS as u64 * 31) >> 8 };
        }
        let [ours, shipped, ahash, cheap, clock] = &times;
        let state = if full { "full, refused" } else { "light, admitted" };
        table.row(&format!("{state}: ours"), median(ours));
        table.row(&format!("{state}: governor as shipped"), median(shipped));
        table.ratio("governor / ours", ratio(shipped, ours), Target::AtLeast(3.0));
        table.row(&format!("{state}: governor with ahash"), median(ahash));
        table.ratio("governor / ours", ratio(ahash, ours), Target::AtLeast(1.5));
        table.row(&format!("{state}: governor with ahash and a cheap clock"), median(cheap));
        table.ratio("governor / ours", ratio(cheap, ours), Target::None);
        table.row("reading the machine's clock, once a request", median(clock));
        let (what, most) = if full { ("30 live calls", 96.0) } else { ("1 call", 24.0) };
        table.figure(&format!("memory a key, {what}"), bytes, "B", Target::AtMost(most));
    }
}

/// One key that everybody asks for, its limit reached.
pub(crate) fn one_key(table: &mut Table) {
    let keys = vec![0; DECISIONS];
    let mut times: [Vec<f64>; 3] = Default::default();
    // Where a key stands in a table is chance: another one each round.
    for key in 0..ROUNDS as u64 {
        let ours = exact(1000);
        let shipped = RateLimiter::dashmap(full_quota());
        let ahash = RateLimiter::dashmap_with_hasher(full_quota(), ahash::RandomState::new());
        for _ in 0..MAX {
            let _ = (ours.admit_number(Tick(0), key), shipped.check_key(&key), ahash.check_key(&key));
        }
        let [a, b, c] = &mut times;
        a.push(time(&keys, |n, _| ours.admit_number(Tick(n >> 14), key).is_ok()));
        b.push(time(&keys, |_, _| shipped.check_key(&key).is_ok()));
        c.push(time(&keys, |_, _| ahash.check_key(&key).is_ok()));
    }
    let [ours, shipped, ahash] = &times;
    table.heading("one hot key, refused");
    table.row("ours", median(ours));
    table.row("governor as shipped", median(shipped));
    table.ratio("governor / ours", ratio(shipped, ours), Target::AtLeast(1.5));
    table.row("governor with ahash", median(ahash));
    table.ratio("governor / ours", ratio(ahash, ours), Target::AtLeast(1.5));
}

/// One key by its name: admitted (30 a minute, two seconds apart and a bit), refused.
pub(crate) fn one_key_like_python() -> (f64, f64) {
    let keys = vec![0; DECISIONS];
    let name = b"user-1";
    let (mut admitted, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ours = exact(1000);
        admitted.push(time(&keys, |n, _| ours.admit(Tick(n * 2001), name).is_ok()));
        let ours = exact(1000);
        refused.push(time(&keys, |n, _| ours.admit(Tick(n >> 14), name).is_ok()));
    }
    (median(&admitted), median(&refused))
}
