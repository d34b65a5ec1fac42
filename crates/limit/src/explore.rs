//! Interleavings of threads, explored: `cargo test -p botwarden-limit --features shuttle`.
//!
//! Every lock is a point where another thread may go on. Each test runs under thousands of schedules, random ones and such
//! with few but badly placed switches (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding
//! bugs", ASPLOS 2010).
#![cfg(feature = "shuttle")]

use std::sync::Arc;
use std::time::Duration;

use botwarden_types::{Now, Tick, UnixMs};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::atomic::{AtomicU32, Ordering};
use shuttle::{Config, Runner, thread};

use crate::sync::Mutex;
use crate::{Journal, JournalError, Limiter, Measure, Per, Plan, Rule, Settings, Subject};

const SCHEDULES: usize = if cfg!(feature = "prove") { 10_000 } else { 300 };

fn explore(run: impl Fn() + Send + Sync + Clone + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    Runner::new(RandomScheduler::new(SCHEDULES), config.clone()).run(run.clone());
    Runner::new(PctScheduler::new(3, SCHEDULES), config).run(run);
}

fn limiter() -> Limiter {
    Limiter::new(Settings { keys_max: 64, sums_max: 64, open_max: 64, hash_key: [7; 32] })
}

fn at(ms: u64) -> Now {
    Now { tick: Tick(ms), wall: UnixMs(ms) }
}

fn requests(per: Per, max: u32) -> Rule {
    Rule::new(per, Measure::Requests { max, window: Duration::from_secs(1) }).unwrap()
}

fn tokens(per: Per, max: u64) -> Rule {
    Rule::new(per, Measure::Tokens { max, window: Duration::from_secs(1) }).unwrap()
}

fn user(name: &str) -> Subject<'_> {
    Subject { user: Some(name), key: Some("key"), address: None }
}

/// Runs each of these at once and waits for all.
fn together(parts: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = parts.into_iter().map(thread::spawn).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Threads that read the clock before others took the lock do not open the window: 3 calls a second are 3, whoever comes when.
#[test]
fn late_readings_of_the_clock_admit_nobody_twice() {
    explore(|| {
        let limiter = Arc::new(limiter());
        let plan = limiter.plan("shop", &[requests(Per::User, 3), requests(Per::Key, 100)]);
        let admitted = Arc::new(AtomicU32::new(0));
        let part = |ticks: [u64; 3]| -> Box<dyn FnOnce() + Send> {
            let (limiter, plan, admitted) = (Arc::clone(&limiter), plan.clone(), Arc::clone(&admitted));
            Box::new(move || {
                for tick in ticks {
                    if limiter.admit(at(tick), &plan, &user("alice"), 0).is_ok() {
                        admitted.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        };
        together(vec![part([5000, 5001, 5002]), part([4990, 5990, 4000]), part([5500, 4999, 5003])]);
        assert_eq!(admitted.load(Ordering::SeqCst), 3);
    });
}

/// Levels are charged together or not at all: what the bot's level counts is what the users' levels admitted.
#[test]
fn all_levels_or_none() {
    explore(|| {
        let limiter = Arc::new(limiter());
        let rules = [requests(Per::User, 2), requests(Per::Key, 3), tokens(Per::Bot, 40)];
        let plan = limiter.plan("shop", &rules);
        let admitted = Arc::new(AtomicU32::new(0));
        let part = |name: &'static str| -> Box<dyn FnOnce() + Send> {
            let (limiter, plan, admitted) = (Arc::clone(&limiter), plan.clone(), Arc::clone(&admitted));
            Box::new(move || {
                for _ in 0..3 {
                    if limiter.admit(at(5000), &plan, &user(name), 10).is_ok() {
                        admitted.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        };
        together(vec![part("alice"), part("bob")]);
        assert_eq!(admitted.load(Ordering::SeqCst), 3, "the key's three places are filled");
        let bot = limiter.plan("shop", &rules[2..]);
        let left = limiter.admit(at(5000), &bot, &user("carol"), 0).unwrap().standings()[0].remaining;
        assert_eq!(left, 10, "thirty tokens were reserved, and none by those refused");
    });
}

/// At no moment are more calls open than allowed, and at the end all places are free again.
#[test]
fn open_calls() {
    explore(|| {
        let limiter = Arc::new(limiter());
        let open = Rule::new(Per::User, Measure::Open { max: 2 }).unwrap();
        let plan = limiter.plan("shop", &[open, requests(Per::User, 100)]);
        let now_open = Arc::new(AtomicU32::new(0));
        let part = || -> Box<dyn FnOnce() + Send> {
            let (limiter, plan, now_open) = (Arc::clone(&limiter), plan.clone(), Arc::clone(&now_open));
            Box::new(move || {
                for _ in 0..2 {
                    let Ok(admission) = limiter.admit(at(5000), &plan, &user("alice"), 0) else { continue };
                    assert!(now_open.fetch_add(1, Ordering::SeqCst) < 2);
                    thread::yield_now();
                    now_open.fetch_sub(1, Ordering::SeqCst);
                    drop(admission);
                }
            })
        };
        together(vec![part(), part(), part()]);
        let both = [(); 2].map(|()| limiter.admit(at(5000), &plan, &user("alice"), 0));
        assert!(both.iter().all(Result::is_ok));
    });
}

/// A plan that replaces another while calls come in keeps their windows.
#[test]
fn plans_change_under_way() {
    explore(|| {
        let limiter = Arc::new(limiter());
        let plan = limiter.plan("shop", &[requests(Per::User, 2)]);
        let admitted = Arc::new(AtomicU32::new(0));
        let part = |plan: Option<Plan>| -> Box<dyn FnOnce() + Send> {
            let (limiter, admitted) = (Arc::clone(&limiter), Arc::clone(&admitted));
            Box::new(move || {
                let plan = plan.unwrap_or_else(|| limiter.plan("shop", &[requests(Per::User, 4)]));
                for _ in 0..4 {
                    if limiter.admit(at(5000), &plan, &user("alice"), 0).is_ok() {
                        admitted.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        };
        together(vec![part(Some(plan)), part(None)]);
        assert_eq!(admitted.load(Ordering::SeqCst), 4);
    });
}

/// The same when the new plan counts in the other way: the old one's calls and the new one's are seen by both.
#[test]
fn plans_that_count_in_another_way_under_way() {
    explore(|| {
        let limiter = Arc::new(limiter());
        // A user whose log is full but for two calls.
        let plan = limiter.plan("shop", &[requests(Per::User, 1000)]);
        for _ in 0..998 {
            drop(limiter.admit(at(5000), &plan, &user("alice"), 0).unwrap());
        }
        let admitted = Arc::new(AtomicU32::new(0));
        let part = |plan: Option<Plan>| -> Box<dyn FnOnce() + Send> {
            let (limiter, admitted) = (Arc::clone(&limiter), Arc::clone(&admitted));
            Box::new(move || {
                let plan = plan.unwrap_or_else(|| limiter.plan("shop", &[requests(Per::User, 1003)]));
                for _ in 0..6 {
                    if limiter.admit(at(5000), &plan, &user("alice"), 0).is_ok() {
                        admitted.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        };
        together(vec![part(Some(plan)), part(None)]);
        assert_eq!(admitted.load(Ordering::SeqCst), 5);
    });
}

/// Records in memory; taking a snapshot begins again.
#[derive(Default)]
struct Memory(Mutex<Vec<Vec<u8>>>);

impl Journal for Memory {
    fn append(&self, record: &[u8]) -> Result<(), JournalError> {
        self.0.lock().push(record.to_vec());
        Ok(())
    }
}

/// A snapshot taken while others decide, and the records around it, count every admitted call once.
#[test]
fn snapshots_under_way() {
    explore(|| {
        let journal = Arc::new(Memory::default());
        let limiter = Arc::new(limiter().with_journal(Arc::clone(&journal) as _));
        let plan = limiter.plan("shop", &[requests(Per::User, 6), tokens(Per::User, 1000)]);
        let call = || -> Box<dyn FnOnce() + Send> {
            let (limiter, plan) = (Arc::clone(&limiter), plan.clone());
            Box::new(move || {
                for _ in 0..2 {
                    let mut admission = limiter.admit(at(5000), &plan, &user("alice"), 100).unwrap();
                    admission.settle(at(5000), 30);
                }
            })
        };
        let kept = Arc::new(Mutex::new(Vec::new()));
        let snapshot: Box<dyn FnOnce() + Send> = {
            let (limiter, journal, kept) = (Arc::clone(&limiter), Arc::clone(&journal), Arc::clone(&kept));
            Box::new(move || {
                // As the file journal does: a new log first, then the snapshot, which makes the old log unnecessary.
                journal.0.lock().clear();
                let mut records = Vec::new();
                limiter
                    .snapshot(at(5000), &mut |record| {
                        records.push(record.to_vec());
                        Ok(())
                    })
                    .unwrap();
                *kept.lock() = records;
            })
        };
        together(vec![call(), snapshot, call()]);
        let mut records = std::mem::take(&mut *kept.lock());
        records.append(&mut journal.0.lock());
        let again = self::limiter();
        again.restore(&mut records.into_iter(), at(5000)).unwrap();
        let plan = again.plan("shop", &[requests(Per::User, 6), tokens(Per::User, 1000)]);
        let admission = again.admit(at(5000), &plan, &user("alice"), 0).unwrap();
        let left: Vec<u64> = admission.standings().iter().map(|standing| standing.remaining).collect();
        assert_eq!(left, [1, 880]);
    });
}
