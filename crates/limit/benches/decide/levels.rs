//! Six rules for a request against one.

use std::time::Duration;

use botwarden_limit::{Limiter, Measure, Per, Plan, Rule, Settings, Subject};
use botwarden_types::{Now, Tick, UnixMs};

use crate::measure::{Table, Target, median, ratio, time};
use crate::{KEYS, SECRET, draws};

const ROUNDS: usize = 9;
const DECISIONS: usize = 300_000;

fn requests(per: Per, max: u32, secs: u64) -> Rule {
    Rule::new(per, Measure::Requests { max, window: Duration::from_secs(secs) }).unwrap()
}

/// A million users, as many addresses, a thousand keys; each user calls now and then and is admitted.
pub(crate) fn six_against_one(table: &mut Table) {
    let limiter = || Limiter::new(Settings::new(SECRET));
    let (one, six) = (limiter(), limiter());
    let one_rule = one.plan("shop", &[requests(Per::User, 30, 60)]);
    let six_rules = six.plan(
        "shop",
        &[
            requests(Per::User, 30, 60),
            requests(Per::User, 300, 3600),
            requests(Per::User, 1000, 86_400),
            requests(Per::Address, 60, 60),
            requests(Per::Key, 1000, 60),
            Rule::new(Per::Bot, Measure::Open { max: 1000 }).unwrap(),
        ],
    );
    let (mut single, mut several) = (Vec::new(), Vec::new());
    for key in 0..KEYS {
        decide(&one, &one_rule, 0, key);
        decide(&six, &six_rules, 0, key);
    }
    for round in 0..ROUNDS as u64 {
        let keys = draws(0x1234_5678_9abc_def1 + round, DECISIONS);
        let tick = |n: u64| 200_000 + round * 60_000 + n * 60_000 / DECISIONS as u64;
        single.push(time(&keys, |n, key| decide(&one, &one_rule, tick(n), key)));
        several.push(time(&keys, |n, key| decide(&six, &six_rules, tick(n), key)));
    }
    table.heading(
        "the limiter as the gateway calls it: by name, with an admission that gives its places back",
    );
    table.row("one level (user)", median(&single));
    table.row("six levels (user in 3 windows, address, key, bot)", median(&several));
    table.ratio("six levels / one level", ratio(&several, &single), Target::AtMost(2.5));
}

fn decide(limiter: &Limiter, plan: &Plan, tick: u64, key: u64) -> bool {
    let mut name = *b"user-00000000";
    for (digit, byte) in name.iter_mut().rev().take(7).enumerate() {
        *byte = b'0' + (key >> (4 * digit) & 0xf) as u8;
    }
    let user = std::str::from_utf8(&name).ok();
    let id = [b"key-0", b"key-1", b"key-2", b"key-3"].get(key as usize % 4).copied();
    let address = std::net::Ipv4Addr::from(key as u32 ^ 0x0a00_0000).into();
    let key = id.and_then(|id| std::str::from_utf8(id).ok());
    let subject = Subject { user, key, address: Some(address) };
    let now = Now { tick: Tick(tick), wall: UnixMs(tick) };
    limiter.admit(now, plan, &subject, 0).is_ok()
}
