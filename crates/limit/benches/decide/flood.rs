//! A flood of keys that are never seen again, beside users who call as before.

use std::time::Duration;

use botwarden_limit::ExactLog;
use botwarden_types::Tick;

use crate::measure::{Dice, Table, Target};
use crate::{MAX, SECRET};

const STRANGERS: u64 = 100_000_000;
const USERS: u64 = 10_000;
/// Calls of strangers between two of a user.
const BETWEEN: u64 = 100;
/// Calls of strangers in a millisecond: the flood takes 100 s of the limiter's time.
const A_MILLISECOND: u64 = 1000;

/// The same calls of users are decided with and without the flood, and compared.
pub(crate) fn rotating_keys(table: &mut Table) {
    let limiter = || ExactLog::new(MAX, Duration::from_secs(60), crate::KEYS as usize, &SECRET);
    let (flooded, alone) = (limiter(), limiter());
    let mut dice = Dice(77);
    let (mut users, mut unchanged) = (0u64, 0u64);
    let (mut early_bytes, mut most_bytes) = (0, 0);
    // Users are there before the flood.
    for user in 0..USERS {
        let _ = (flooded.admit_number(Tick(0), user), alone.admit_number(Tick(0), user));
    }
    for n in 0..STRANGERS {
        let tick = Tick(n / A_MILLISECOND);
        let _ = flooded.admit_number(tick, USERS + n);
        if n % BETWEEN == 0 {
            // A tenth of the users call ten times as often, and reach their limit.
            let user = if dice.roll(2) == 0 { dice.roll(USERS / 10) } else { dice.roll(USERS) };
            users += 1;
            let same = flooded.admit_number(tick, user).is_ok() == alone.admit_number(tick, user).is_ok();
            unchanged += u64::from(same);
        }
        if n % 1_000_000 == 0 {
            let bytes = flooded.bytes();
            most_bytes = most_bytes.max(bytes);
            if n == STRANGERS / 20 {
                early_bytes = bytes;
            }
        }
    }
    table.heading("100,000,000 keys that are never seen again, in 100 s, beside 10,000 users");
    let percent = unchanged as f64 / users as f64 * 100.0;
    table.figure("decisions about users that stayed the same", percent, "%", Target::AtLeast(99.9));
    table.figure("memory at most", most_bytes as f64 / 1e6, "MB", Target::AtMost(32.0));
    let growth = most_bytes as f64 / early_bytes.max(1) as f64;
    table.figure("most memory / memory after 5 % of the flood", growth, "x", Target::AtMost(1.1));
}
