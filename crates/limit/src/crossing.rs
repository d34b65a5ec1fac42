//! Rules whose maximum crosses the border between logs and sums (1000 calls), and rules after a restart, when nobody knows
//! which way they were counted: what counts in both ways together is the limit's business.
#![cfg(not(feature = "shuttle"))]

use std::time::Duration;

use botwarden_types::{Now, Tick, UnixMs};
use proptest::prelude::*;

use crate::{Denied, Limiter, Measure, Per, Plan, Rule, Settings, Subject};

/// Sums count in 64 spans, which begin at multiples of their length since boot; here a span is 1024 ms.
const SPAN_MS: u64 = 1024;
const WINDOW_MS: u64 = 64 * SPAN_MS;

fn limiter() -> Limiter {
    Limiter::new(Settings { keys_max: 10_000, ..Settings::new([7; 32]) })
}

fn at(ms: u64) -> Now {
    Now { tick: Tick(ms), wall: UnixMs(1_700_000_000_000 + ms) }
}

fn requests(per: Per, max: u32, window_ms: u64) -> Rule {
    Rule::new(per, Measure::Requests { max, window: Duration::from_millis(window_ms) }).unwrap()
}

/// Alice calls; other levels know nothing of her.
fn call(limiter: &Limiter, plan: &Plan, ms: u64) -> Result<u64, Denied> {
    let subject = Subject { user: Some("alice"), ..Subject::default() };
    limiter.admit(at(ms), plan, &subject, 0).map(|admission| admission.standings()[0].remaining)
}

/// How many of so many calls at one moment are admitted.
fn fill(limiter: &Limiter, plan: &Plan, ms: u64, calls: u32) -> usize {
    (0..calls).filter(|_| call(limiter, plan, ms).is_ok()).count()
}

fn wait_ms(result: Result<u64, Denied>) -> u64 {
    match result.unwrap_err() {
        Denied::Over { retry_ms, .. } => retry_ms.unwrap(),
        Denied::Journal(error) => panic!("{error}"),
    }
}

/// The limiter of a process that takes over: it has read what the other wrote.
fn restarted(limiter: &Limiter, ms: u64) -> Limiter {
    let mut records = Vec::new();
    limiter
        .snapshot(at(ms), &mut |record| {
            records.push(record.to_vec());
            Ok(())
        })
        .unwrap();
    let next = self::limiter();
    next.restore(&mut records.into_iter(), at(ms)).unwrap();
    next
}

#[test]
fn a_maximum_that_crosses_the_border_keeps_the_windows() {
    let plan = |limiter: &Limiter, max| limiter.plan("shop", &[requests(Per::User, max, WINDOW_MS)]);
    let limiter = limiter();
    assert_eq!(fill(&limiter, &plan(&limiter, 900), SPAN_MS, 1000), 900);
    let raised = plan(&limiter, 5000);
    assert_eq!(raised.rules().count(), 1);
    // What is left is told of both ways together, and exactly that much is admitted.
    assert_eq!(call(&limiter, &raised, 2 * SPAN_MS).unwrap(), 4099);
    assert_eq!(fill(&limiter, &raised, 2 * SPAN_MS, 6000), 4099);
    assert_eq!(fill(&limiter, &plan(&limiter, 5000), 2 * SPAN_MS, 1), 0, "planning again changes nothing");
    // The 900 leave to the step (of 2 ms), the others with their span.
    let log_free = SPAN_MS + WINDOW_MS + 2;
    assert_eq!(wait_ms(call(&limiter, &raised, log_free - 1)), 1);
    assert_eq!(fill(&limiter, &raised, log_free, 1000), 900);
    assert_eq!(wait_ms(call(&limiter, &raised, log_free)), 2 * SPAN_MS + 65 * SPAN_MS - log_free);
    assert_eq!(fill(&limiter, &raised, 67 * SPAN_MS, 5000), 4100);
    // Back: of 5000 calls in the sum none is forgotten, and none that the sum had before.
    let lowered = plan(&limiter, 900);
    assert_eq!(fill(&limiter, &lowered, 68 * SPAN_MS, 1), 0);
    assert_eq!(wait_ms(call(&limiter, &lowered, 68 * SPAN_MS)), 64 * SPAN_MS, "4101 have to leave");
    assert_eq!(fill(&limiter, &lowered, 132 * SPAN_MS, 1000), 900);
}

#[test]
fn standings_and_checks_count_both_ways() {
    let limiter = limiter();
    let alice = Subject { user: Some("alice"), ..Subject::default() };
    let plan = limiter.plan("shop", &[requests(Per::User, 1000, WINDOW_MS)]);
    assert_eq!(fill(&limiter, &plan, SPAN_MS, 1000), 1000);
    let plan = limiter.plan("shop", &[requests(Per::User, 1002, WINDOW_MS)]);
    for remaining in [1, 0] {
        limiter.check(Tick(3 * SPAN_MS), &plan, &alice).unwrap();
        let admission = limiter.admit(at(3 * SPAN_MS), &plan, &alice, 0).unwrap();
        let standing = &admission.standings()[0];
        assert_eq!((standing.remaining, standing.reset_ms), (remaining, WINDOW_MS - 2 * SPAN_MS + 2));
    }
    let refusals = [
        limiter.check(Tick(3 * SPAN_MS), &plan, &alice),
        limiter.admit(at(3 * SPAN_MS), &plan, &alice, 0).map(drop),
    ];
    for refusal in refusals {
        let Err(Denied::Over { violated, retry_ms, standings }) = refusal else { panic!("admitted") };
        assert_eq!((violated.remaining, retry_ms), (0, Some(WINDOW_MS - 2 * SPAN_MS + 2)));
        assert_eq!(standings, [violated]);
    }
}

/// A request under way may still decide by the plan that was in force when it came.
#[test]
fn an_old_plan_in_use_does_not_add_to_a_new_one() {
    for (old, new) in [(900, 5000), (5000, 900)] {
        let limiter = limiter();
        let plan = |max| limiter.plan("shop", &[requests(Per::User, max, WINDOW_MS)]);
        let old_plan = plan(old);
        assert_eq!(fill(&limiter, &old_plan, SPAN_MS, 300), 300);
        let new_plan = plan(new);
        assert_eq!(fill(&limiter, &old_plan, 2 * SPAN_MS, 200), 200);
        assert_eq!(fill(&limiter, &new_plan, 3 * SPAN_MS, 6000), new as usize - 500);
        assert_eq!(fill(&limiter, &old_plan, 4 * SPAN_MS, 6000), 0, "{old} to {new}");
    }
}

/// After a restart a large rule beside a small one is held to its own maximum, not to what a log holds.
#[test]
fn a_large_rule_beside_a_small_one_goes_on_after_a_restart() {
    const MAX: usize = 2500;
    let before = limiter();
    let rules = [requests(Per::Bot, MAX as u32, WINDOW_MS), requests(Per::User, 300, WINDOW_MS)];
    let names: Vec<String> = (0..20).map(|n| format!("user-{n}")).collect();
    let fill = |limiter: &Limiter, ms, each| {
        let plan = limiter.plan("shop", &rules);
        let calls = names.iter().flat_map(|name| std::iter::repeat_n(name, each));
        let admitted = |name: &String| {
            limiter.admit(at(ms), &plan, &Subject { user: Some(name), ..Subject::default() }, 0).is_ok()
        };
        calls.filter(|name| admitted(name)).count()
    };
    assert_eq!(fill(&before, SPAN_MS, 20), 400);
    let after = restarted(&before, 2 * SPAN_MS);
    assert_eq!(fill(&after, 2 * SPAN_MS, 100), 2000);
    let again = restarted(&after, 3 * SPAN_MS);
    assert_eq!(fill(&again, 3 * SPAN_MS, 300), 100);
}

/// What happens to one user in a case of the property below.
#[derive(Clone, Debug)]
enum Event {
    /// So many calls, one after the other, so many ms apart.
    Calls(u32, u64),
    /// Time goes by, in 64ths of a window.
    Pass(u64),
    /// A new maximum.
    Plan(u32),
    /// Another process takes over.
    Restart,
    /// The wait of a refusal, less a millisecond, and a call; then that millisecond, and a call.
    Wait,
}

fn event() -> impl Strategy<Value = Event> {
    let max = prop::sample::select(vec![400, 900, 999, 1000, 1001, 1100, 1900]);
    prop_oneof![
        5 => (1..700u32, prop::sample::select(vec![0, 1, 7])).prop_map(|(calls, apart)| Event::Calls(calls, apart)),
        3 => (0..70u64).prop_map(Event::Pass),
        3 => max.prop_map(Event::Plan),
        1 => Just(Event::Restart),
        2 => Just(Event::Wait),
    ]
}

/// One user under changing maxima, beside a plain log of time stamps.
struct Case {
    window_ms: u64,
    now: u64,
    max: u32,
    limiter: Limiter,
    plan: Plan,
    admitted: Vec<u64>,
}

impl Case {
    fn plan(&mut self) {
        let rule = |per, max| requests(per, max, self.window_ms);
        // Another rule of the same window has calls in a table of either kind.
        let rules = [rule(Per::User, self.max), rule(Per::Key, 700), rule(Per::Bot, 1_000_000)];
        self.plan = self.limiter.plan("shop", &rules);
    }

    /// Calls that are at most so old.
    fn younger(&self, age_ms: u64) -> usize {
        self.admitted.len() - self.admitted.partition_point(|call| self.now - call > age_ms)
    }

    /// One call; the wait if it is refused. Sums may count for one span longer, and not at all for less than the window.
    fn call(&mut self) -> Option<u64> {
        match call(&self.limiter, &self.plan, self.now) {
            Ok(_) => {
                self.admitted.push(self.now);
                assert!(
                    self.younger(self.window_ms) <= self.max as usize,
                    "over {} at {}",
                    self.max,
                    self.now
                );
                None
            }
            refused => {
                let longest = 65 * self.window_ms.div_ceil(64);
                assert!(self.younger(longest) >= self.max as usize, "early at {}", self.now);
                Some(wait_ms(refused))
            }
        }
    }

    fn go_on(&mut self, event: &Event) {
        match *event {
            Event::Calls(calls, apart_ms) => {
                for _ in 0..calls {
                    self.call();
                    self.now += apart_ms;
                }
            }
            Event::Pass(parts) => self.now += parts * self.window_ms / 64,
            Event::Plan(max) => {
                self.max = max;
                self.plan();
            }
            Event::Restart => {
                self.limiter = restarted(&self.limiter, self.now);
                self.plan();
            }
            Event::Wait => {
                let Some(wait_ms) = self.call() else { return };
                self.now += wait_ms - 1;
                assert_eq!(self.call(), Some(1), "the wait was too long");
                self.now += 1;
                assert_eq!(self.call(), None, "the wait was too short");
            }
        }
    }
}

/// Cases of the property.
const CASES: u32 = if cfg!(feature = "prove") { 2000 } else { 64 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    /// Never more than the maximum in any window, never refused for calls that have left, and a wait that is right to the
    /// millisecond: whatever the maxima are, and whoever takes over.
    #[test]
    fn crossings_and_restarts_agree_with_a_plain_log(
        window_ms in 1000u64..=60_000,
        events in prop::collection::vec(event(), 1..60),
    ) {
        let limiter = limiter();
        let plan = limiter.plan("nobody", &[]);
        let mut case = Case { window_ms, now: 1 << 30, max: 1000, limiter, plan, admitted: Vec::new() };
        case.plan();
        for event in &events {
            case.go_on(event);
        }
    }
}
