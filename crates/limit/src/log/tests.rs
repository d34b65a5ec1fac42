//! The table against plain logs of time stamps.
#![cfg(not(feature = "shuttle"))]

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{CALLS_MAX, Place, Step, Table};

/// What the table is to agree with: each key's calls in a list, checked as the field's usual example does.
#[derive(Default)]
struct PlainLogs(HashMap<u64, Vec<Step>>);

impl PlainLogs {
    /// Admits and logs a call if fewer than `max` are at most `window` old. A late reading of the clock counts as the
    /// newest call's.
    fn admit(&mut self, key: u64, now: Step, window: Step, max: u32) -> bool {
        let log = self.0.entry(key).or_default();
        let now = log.last().map_or(now, |newest| now.max(*newest));
        log.retain(|call| now - call <= window);
        let admitted = log.len() < max as usize;
        if admitted {
            log.push(now);
        }
        admitted
    }
}

/// A small generator of its own, so that twelve million decisions take seconds.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * u128::from(sides)) >> 64) as u64
    }

    /// A key's hash.
    fn id(&mut self, keys: u64) -> u64 {
        (self.roll(keys) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Runs `decisions` under one rule and compares each with the plain log's.
fn agree(seed: u64, decisions: u64, window: u64, max: u32, keys: u64, pace: u64) {
    // One decides step by step, as several levels do; the other at once.
    let [table, at_once] = [(); 2].map(|()| Table::new(Duration::from_millis(window), 20_000));
    let mut plain = PlainLogs::default();
    let mut dice = Dice(seed | 1);
    let mut now = 1 << 40;
    for n in 0..decisions {
        now += match dice.roll(1000) {
            0 => dice.roll(3 * window),
            1 => window - 1 + dice.roll(3),
            2 => 70 * window,
            _ => dice.roll(pace + 1),
        };
        // One in eight comes with a reading of the clock from a little earlier.
        let read = if dice.roll(8) == 0 { now - dice.roll(3 * pace + 2) } else { now };
        // Half of the calls crowd on a few keys.
        let id = if dice.roll(2) == 0 { dice.id(keys.min(5)) } else { dice.id(keys) };
        let mut shard = table.shard(Table::shard_of(id)).unwrap().lock();
        let late = read.max(shard.floor());
        let want = plain.admit(id, late, window, max);
        let (wait, place) = shard.wait(id, read, max);
        let used = shard.count(id, read).used;
        let admitted = at_once.shard(Table::shard_of(id)).unwrap().lock().admit(id, read, max);
        assert_eq!(wait == 0, want, "decision {n} of seed {seed}: max {max} window {window}");
        if want {
            let counted = shard.charge(id, read, place);
            assert_eq!(admitted, 0);
            assert_eq!(counted.count, shard.count(id, counted.at));
            assert_eq!(counted.count.used, used + 1);
            let log = &plain.0[&id];
            assert_eq!((counted.count.used as usize, counted.at), (log.len(), *log.last().unwrap()));
        } else {
            assert_eq!(admitted, wait);
            // The wait is exact: one step earlier there is no place.
            assert_eq!(wait, plain.0[&id][plain.0[&id].len() - max as usize] + window + 1 - late);
        }
    }
}

/// Decisions in all.
const DECISIONS: u64 = if cfg!(feature = "prove") { 12_000_000 } else { 300_000 };

#[test]
fn agrees_with_a_plain_log() {
    let shapes = [
        (1000, 1, 50, 100),
        (1000, 2, 50, 30),
        (2000, 3, 500, 20),
        (60_000, 4, 100, 900),
        (60_000, 5, 100, 900),
        (60_000, 30, 3, 700),
        (60_000, 30, 1000, 20),
        (60_000, 31, 40, 40),
        (60_000, 32, 40, 40),
        (60_000, 33, 40, 40),
        (60_000, 65, 9, 40),
        (10_000, 1000, 2, 6),
        (60_000, 1000, 40, 3),
        (1000, 30, 10_000, 1),
    ];
    let each = DECISIONS / shapes.len() as u64 + 1;
    for (seed, (window, max, keys, pace)) in (1..).zip(shapes) {
        agree(seed * 0x1234_5678_9abc, each, window, max, keys, pace);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn agrees_with_a_plain_log_of_any_shape(
        seed in 1u64..,
        window in 1000u64..=60_000,
        max in 1u32..=CALLS_MAX,
        keys in 1u64..200,
        pace in 0u64..2000,
    ) {
        agree(seed, 2000, window, max, keys, pace);
    }

    /// A changing maximum applies to the same log: a call is admitted if fewer calls than it are in the window.
    #[test]
    fn a_changing_maximum_applies_to_the_same_log(seed in 1u64.., window in 1000u64..=3000) {
        let table = Table::new(Duration::from_millis(window), 100);
        let mut plain = PlainLogs::default();
        let mut dice = Dice(seed);
        let mut now = 1 << 40;
        for _ in 0..3000 {
            now += dice.roll(window / 20);
            let max = [1, 3, 4, 6, 31, 40, 70][dice.roll(7) as usize];
            let id = dice.id(2);
            let mut shard = table.shard(Table::shard_of(id)).unwrap().lock();
            prop_assert_eq!(shard.admit(id, now, max) == 0, plain.admit(id, now, window, max));
        }
    }

    /// Full of live keys, the table may refuse a newcomer but admits nobody beyond the limit, and those who have a log
    /// of their own notice nothing.
    #[test]
    fn a_flood_of_keys_admits_nobody_beyond_the_limit(seed in 1u64.., max in 1u32..6, pace in 0u64..3) {
        let window = 1000;
        let table = Table::new(Duration::from_millis(window), 1);
        let mut own = PlainLogs::default();
        let mut all: HashMap<u64, Vec<Step>> = HashMap::new();
        let mut dice = Dice(seed);
        let mut now = 1 << 40;
        // All in one shard.
        let in_shard = |id: u64| id >> 8;
        let regulars: Vec<u64> = (0..4).map(|_| in_shard(dice.id(1 << 40))).collect();
        for n in 0..20_000 {
            now += dice.roll(pace + 1);
            let regular = n < 4 || dice.roll(4) == 0;
            let id = match n {
                0..4 => regulars[n],
                _ if regular => regulars[dice.roll(4) as usize],
                _ => in_shard(dice.id(2000)),
            };
            let admitted = table.shard(0).unwrap().lock().admit(id, now, max) == 0;
            // A regular is one as long as it calls before its last call has left the window.
            let kept = own.0.get(&id).is_some_and(|log| log.last().is_some_and(|last| now - last <= window));
            if regular && (n < 4 || kept) {
                prop_assert_eq!(admitted, own.admit(id, now, window, max), "a regular at {}", n);
            }
            if admitted {
                let log = all.entry(id).or_default();
                log.push(now);
                let first = log.len().saturating_sub(max as usize + 1);
                prop_assert!(log.len() <= max as usize || now - log[first] > window, "{max} + 1 in the window");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Several levels of a decision may count in one shard: all are asked where their logs are, then all are charged, and
    /// charging one may move, drop or reuse what the others found. A place is a hint, however old: with it every call is
    /// counted as without.
    #[test]
    fn a_place_is_a_hint(seed in 1u64.., keys_max in prop::sample::select(vec![1, 20_000]), keys in 2u64..400) {
        let window = 1000;
        let [hinted, searched] = [(); 2].map(|()| Table::new(Duration::from_millis(window), keys_max));
        let (mut hinted, mut searched) =
            (hinted.shard(0).unwrap().lock(), searched.shard(0).unwrap().lock());
        let mut dice = Dice(seed);
        let mut now = 1 << 40;
        let mut old = vec![Place::Own(usize::MAX, usize::MAX), Place::Own(0, 0)];
        for _ in 0..2000 {
            now += match dice.roll(200) {
                0 => dice.roll(70 * window),
                1 => window + 1,
                _ => dice.roll(20),
            };
            let read = now - dice.roll(2) * dice.roll(30);
            let ids: Vec<u64> = (0..=dice.roll(6)).map(|_| dice.id(keys) >> 8).collect();
            let max = [1, 3, 5, 40][dice.roll(4) as usize];
            let found: Vec<(Step, Place)> = ids.iter().map(|id| hinted.wait(*id, read, max)).collect();
            for (id, (wait, _)) in ids.iter().zip(&found) {
                prop_assert_eq!(*wait, searched.wait(*id, read, max).0);
            }
            for (id, (wait, place)) in ids.iter().zip(&found) {
                let place = if dice.roll(4) == 0 { old[dice.roll(old.len() as u64) as usize] } else { *place };
                if *wait == 0 {
                    prop_assert_eq!(hinted.charge(*id, read, place), searched.charge(*id, read, Place::Nowhere));
                    prop_assert_eq!(hinted.count(*id, now), searched.count(*id, now));
                }
                old.push(place);
            }
        }
    }
}

/// Bounds: memory follows use, up and down, and has an end.
#[test]
fn memory_follows_use() {
    let table = Table::new(Duration::from_secs(1), 50_000);
    let mut dice = Dice(9);
    let empty = table.bytes();
    let fill = |now: Step, keys: u64, dice: &mut Dice| {
        for _ in 0..keys {
            let id = dice.id(u64::MAX);
            table.shard(Table::shard_of(id)).unwrap().lock().admit(id, now, 30);
        }
        table.bytes()
    };
    let now = 1 << 40;
    let half = fill(now, 25_000, &mut dice) - empty;
    assert!((16..=25).contains(&(half / 25_000)), "{} bytes a key", half / 25_000);
    let full = fill(now, 200_000, &mut dice) - empty;
    assert!(full < 50_000 * 40, "{full} bytes: the table has a bound");
    let later = fill(now + 2000, 1000, &mut dice);
    assert!(later <= empty + full, "expired entries make room");
    assert!(fill(now + 200_000, 1000, &mut dice) < empty + full / 2, "a table mostly empty is given back");
}

/// The resolution of long windows: never early, at most two steps late.
#[test]
fn long_windows_count_in_steps() {
    let window = 3_600_000;
    let table = Table::new(Duration::from_millis(window), 100_000);
    for start in (0..120).map(|n| (1 << 40) + n) {
        let mut shard = table.shard(0).unwrap().lock();
        let id = start & 0xff;
        let step = |at| table.step(at);
        assert!(shard.admit(id, step(start), 1) == 0);
        let steps = shard.wait(id, step(start + 5), 1).0;
        let wait = table.until(start + 5, step(start + 5), steps);
        let free = start + 5 + wait;
        assert!(free > start + window && free <= start + window + 120, "{}", free - start - window);
        assert!(shard.wait(id, step(free - 1), 1).0 > 0 && shard.wait(id, step(free), 1).0 == 0);
    }
}
