//! What does a decision cost, and what does a key weigh, beside the limiters people use today?
#![expect(missing_docs, reason = "a program")]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use botwarden_limit::ExactLog;
use botwarden_types::Tick;
use governor::{Quota, RateLimiter};

const KEYS: u64 = 1_000_000;
const N: u32 = 30;
fn cpu_ns() -> u64 {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    at.tv_sec as u64 * 1_000_000_000 + at.tv_nsec as u64
}

fn keys(seed: u64, n: usize) -> Vec<u64> {
    let mut x = seed;
    (0..n)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            ((x as u128 * KEYS as u128) >> 64) as u64
        })
        .collect()
}

fn time(name: &str, keys: &[u64], mut f: impl FnMut(usize, u64) -> bool) -> f64 {
    let t = cpu_ns();
    let mut n = 0u64;
    for (i, k) in keys.iter().enumerate() {
        n += u64::from(f(i, *k));
    }
    let ns = (cpu_ns() - t) as f64 / keys.len() as f64;
    println!("{name:40} {ns:7.1} ns  admitted {n}");
    black_box(n);
    ns
}

fn main() {
    let light = keys(88172645463325252, 2_000_000);
    for _ in 0..3 {
        let quota = Quota::per_minute(NonZeroU32::new(N).unwrap());
        let ours = ExactLog::new(N, Duration::from_secs(60), KEYS as usize, &[7; 32]);
        for k in 0..KEYS {
            let _ = ours.admit_number(Tick(1000), k);
        }
        println!("ours light bytes/key {:.1}", ours.bytes() as f64 / KEYS as f64);
        time("ours light", &light, |i, k| ours.admit_number(Tick(2000 + (i as u64 >> 11)), k).is_ok());
        let sip = RateLimiter::dashmap(quota);
        for k in 0..KEYS {
            let _ = sip.check_key(&k);
        }
        time("governor light", &light, |_, k| sip.check_key(&k).is_ok());
        let fast = RateLimiter::dashmap_with_hasher(quota, ahash::RandomState::new());
        for k in 0..KEYS {
            let _ = fast.check_key(&k);
        }
        time("governor ahash light", &light, |_, k| fast.check_key(&k).is_ok());
        for k in 0..KEYS * u64::from(N) {
            let _ = fast.check_key(&(k % KEYS));
            let _ = sip.check_key(&(k % KEYS));
            let _ = ours.admit_number(Tick(3000), k % KEYS);
        }
        println!("ours full bytes/key {:.1}", ours.bytes() as f64 / KEYS as f64);
        time("ours full", &light, |i, k| ours.admit_number(Tick(4000 + (i as u64 >> 11)), k).is_ok());
        time("governor full", &light, |_, k| sip.check_key(&k).is_ok());
        time("governor ahash full", &light, |_, k| fast.check_key(&k).is_ok());
        time("ours hot", &light, |i, _| ours.admit_number(Tick(4000 + (i as u64 >> 11)), 5).is_ok());
        time("governor hot", &light, |_, _| sip.check_key(&5).is_ok());
        time("governor ahash hot", &light, |_, _| fast.check_key(&5).is_ok());
    }
}
