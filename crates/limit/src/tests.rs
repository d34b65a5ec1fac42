//! The limiter from outside: the golden test, hierarchies, open calls, tokens.
#![cfg(not(feature = "shuttle"))]

use std::time::Duration;

use botwarden_types::{Now, Tick, UnixMs};

use crate::{Admission, Denied, Limiter, Measure, Per, Plan, Rule, Settings, Subject};

fn limiter() -> Limiter {
    Limiter::new(Settings { keys_max: 10_000, ..Settings::new([7; 32]) })
}

fn at(ms: u64) -> Now {
    Now { tick: Tick(ms), wall: UnixMs(1_700_000_000_000 + ms) }
}

fn user(name: &str) -> Subject<'_> {
    Subject { user: Some(name), key: Some("key-1"), address: Some([192, 0, 2, 1].into()) }
}

fn requests(per: Per, max: u32, secs: u64) -> Rule {
    Rule::new(per, Measure::Requests { max, window: Duration::from_secs(secs) }).unwrap()
}

/// Sums count in 64 spans, which begin at multiples of their length since boot; here a span is 1024 ms.
const SPANS: Duration = Duration::from_millis(64 * 1024);

fn tokens(per: Per, max: u64) -> Rule {
    Rule::new(per, Measure::Tokens { max, window: SPANS }).unwrap()
}

fn open(per: Per, max: u32) -> Rule {
    Rule::new(per, Measure::Open { max }).unwrap()
}

/// What a refusal says: rule and wait.
fn refusal(result: Result<Admission, Denied>) -> (String, Option<u64>) {
    match result.map(drop).unwrap_err() {
        Denied::Over { violated, retry_ms, .. } => (violated.rule.to_string(), retry_ms),
        Denied::Journal(error) => panic!("{error}"),
    }
}

/// The field's usual example: a decorator around `handle_request` that keeps the times of each user's calls, drops those
/// older than 60 s, raises `Rate limit exceeded` at 30, and appends the time otherwise.
#[test]
fn handle_request_thirty_a_minute() {
    let limiter = limiter();
    let plan = limiter.plan("shop", &[requests(Per::User, 30, 60)]);
    let call = |ms, name| limiter.admit(at(ms), &plan, &user(name), 0);

    // 30 calls, a second apart, pass.
    for n in 0..30 {
        assert!(call(n * 1000, "alice").is_ok(), "call {n}");
    }
    // The 31st inside 60 s is refused, in these words.
    let denied = call(30_000, "alice").map(drop).unwrap_err();
    assert!(denied.to_string().starts_with("Rate limit exceeded"), "{denied}");
    // Another user has a window of their own.
    assert!(call(30_000, "bob").is_ok());
    // The first call leaves only when its age is over 60 s; refused calls in between were not logged.
    for ms in [31_000, 59_999, 60_000] {
        assert_eq!(
            refusal(call(ms, "alice")),
            ("user-requests-60s".to_owned(), Some(60_001 - ms)),
            "at {ms}"
        );
    }
    assert!(call(60_001, "alice").is_ok());
    // One left, one came: the next place is free when the second call is over 60 s old.
    assert!(call(60_001, "alice").is_err());
    assert!(call(61_000, "alice").is_err());
    assert!(call(61_001, "alice").is_ok());
}

#[test]
fn all_levels_are_charged_or_none() {
    let limiter = limiter();
    let rules = [requests(Per::User, 5, 60), requests(Per::Key, 8, 60), requests(Per::Bot, 100, 3600)];
    let plan = limiter.plan("shop", &rules);
    for _ in 0..5 {
        drop(limiter.admit(at(0), &plan, &user("alice"), 0).unwrap());
    }
    assert_eq!(refusal(limiter.admit(at(10), &plan, &user("alice"), 0)).0, "user-requests-60s");
    // The refused call cost key and bot nothing: three more pass by another user.
    for left in [2, 1, 0] {
        let admission = limiter.admit(at(10), &plan, &user("bob"), 0).unwrap();
        let remaining: Vec<u64> = admission.standings().iter().map(|s| s.remaining).collect();
        assert_eq!(remaining, [2 + left, left, 92 + left]);
    }
    assert_eq!(
        refusal(limiter.admit(at(10), &plan, &user("bob"), 0)),
        ("key-requests-60s".to_owned(), Some(59_991))
    );
    // The longest wait of all levels is told.
    for _ in 0..92 {
        let subject = Subject { key: Some("key-2"), ..Subject::default() };
        let bot_only = limiter.plan("shop", &rules[2..]);
        drop(limiter.admit(at(20), &bot_only, &subject, 0).unwrap());
    }
    let (rule, retry_ms) = refusal(limiter.admit(at(30), &plan, &user("alice"), 0));
    assert_eq!(rule, "bot-requests-1h");
    // An hour is counted in steps of 60 ms: at most two of them late.
    assert!((3_599_971..=3_600_091).contains(&retry_ms.unwrap()), "{retry_ms:?}");
}

#[test]
fn checks_charge_nothing() {
    let limiter = limiter();
    let plan = limiter.plan("shop", &[requests(Per::User, 1, 60), requests(Per::Key, 2, 60)]);
    let stranger = Subject { key: Some("key-1"), ..Subject::default() };
    for _ in 0..10 {
        limiter.check(Tick(0), &plan, &stranger).unwrap();
    }
    drop(limiter.admit(at(0), &plan, &user("alice"), 0).unwrap());
    // The user's limit is reached, but no user is known yet.
    limiter.check(Tick(0), &plan, &stranger).unwrap();
    limiter.check(Tick(0), &plan, &user("alice")).unwrap_err();
    // Unnamed, the call counts by key under the user's rule as well.
    drop(limiter.admit(at(0), &plan, &stranger, 0).unwrap());
    limiter.check(Tick(0), &plan, &stranger).unwrap_err();
}

#[test]
fn open_calls_give_their_places_back() {
    let limiter = limiter();
    let plan = limiter.plan("shop", &[open(Per::User, 2), requests(Per::User, 3, 60)]);
    let first = limiter.admit(at(0), &plan, &user("alice"), 0).unwrap();
    let second = limiter.admit(at(0), &plan, &user("alice"), 0).unwrap();
    assert_eq!(refusal(limiter.admit(at(0), &plan, &user("alice"), 0)), ("user-open".to_owned(), None));
    assert!(limiter.admit(at(0), &plan, &user("bob"), 0).is_ok());
    drop(first);
    let third = limiter.admit(at(0), &plan, &user("alice"), 0).unwrap();
    assert_eq!(third.standings()[0].remaining, 0);
    drop((second, third));
    // Refused calls took no place of the rate: two and one were admitted.
    assert_eq!(
        refusal(limiter.admit(at(1), &plan, &user("alice"), 0)),
        ("user-requests-60s".to_owned(), Some(60_000))
    );
}

#[test]
fn tokens_are_reserved_and_settled() {
    let limiter = limiter();
    let plan = limiter.plan("shop", &[tokens(Per::User, 1000)]);
    let admit = |ms, amount| limiter.admit(at(ms), &plan, &user("alice"), amount);
    let mut first = admit(0, 600).unwrap();
    assert_eq!(refusal(admit(0, 401)).0, "user-tokens-65536ms");
    assert_eq!(refusal(admit(0, 1001)).1, None, "more than the limit never passes");
    // It used 100: 500 come back.
    first.settle(at(500), 100);
    assert_eq!(admit(500, 500).unwrap().standings()[0].remaining, 400);
    // It used more after all: the excess is charged now, over the limit if need be.
    first.settle(at(500), 1000);
    assert_eq!(refusal(admit(500, 1)).0, "user-tokens-65536ms");
    // Settling down again gives back no more than was reserved.
    first.settle(at(500), 0);
    // What was charged in a span leaves when all of it is older than the window: 65 spans after its beginning.
    assert_eq!(refusal(admit(600, 1000)).1, Some(65 * 1024 - 600));
    assert!(admit(65 * 1024 - 1, 1000).is_err());
    assert!(admit(65 * 1024, 1000).is_ok());
}

#[test]
fn a_new_plan_keeps_the_windows() {
    let limiter = limiter();
    let fill = |plan: &Plan, calls: u64| {
        (0..calls).filter(|n| limiter.admit(at(*n), plan, &user("alice"), 0).is_ok()).count()
    };
    assert_eq!(fill(&limiter.plan("shop", &[requests(Per::User, 10, 60)]), 20), 10);
    assert_eq!(fill(&limiter.plan("shop", &[requests(Per::User, 15, 60)]), 20), 5, "raised: five more");
    assert_eq!(fill(&limiter.plan("shop", &[requests(Per::User, 3, 60)]), 20), 0, "lowered: none");
    assert_eq!(fill(&limiter.plan("shop", &[requests(Per::User, 16, 60)]), 20), 1, "the log was kept");
    assert_eq!(fill(&limiter.plan("bank", &[requests(Per::User, 4, 60)]), 20), 4, "another bot, another log");
    let twice = [requests(Per::Key, 9, 60), requests(Per::Key, 4, 60)];
    assert_eq!(
        fill(&limiter.plan("shop", &twice), 20),
        4,
        "of two like rules the smaller holds, charged once"
    );
}

#[test]
fn large_request_rules_never_admit_more() {
    let limiter = limiter();
    let plan =
        limiter.plan("shop", &[Rule::new(Per::Bot, Measure::Requests { max: 5000, window: SPANS }).unwrap()]);
    let admitted = |ms: u64| limiter.admit(at(ms), &plan, &Subject::default(), 0).is_ok();
    assert_eq!((0..6000).filter(|n| admitted(*n)).count(), 5000);
    assert!(!admitted(65 * 1024 - 1));
    assert_eq!(
        (65 * 1024..66 * 1024).filter(|n| admitted(*n)).count(),
        1024,
        "the first span's calls have left"
    );
}
