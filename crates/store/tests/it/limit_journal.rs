//! Limits over `kill -9`: a process that decides is killed at arbitrary moments, again and again. Over all its lives nobody is
//! admitted beyond the limit, and every call that was admitted is counted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use botwarden_limit::{Limiter, Measure, Per, Plan, Rule, Settings, Subject};
use botwarden_store::{DataDir, FileJournal};
use botwarden_types::{Clock, SystemClock};

use crate::child::{Part, Player, say};

const USERS: u64 = 40;
const LIMIT: u32 = 300;
/// So long that no call leaves it during the test.
const WINDOW: Duration = Duration::from_secs(86_400);
/// Calls that may be recorded and not said yet when a process is killed: one for each thread.
const THREADS: u64 = 2;

/// Calls a thread makes in one life, so that all lives together cannot use up any limit.
const CALLS: usize = 700;
/// What follows the user in what a process says: a line that the kill cuts short has no such end, and counts for nobody.
const ADMITTED: &str = " admitted";
/// What a process says that has made all its calls: nothing else will come from it.
const DONE: &str = "done";

struct Node {
    journal: Arc<FileJournal>,
    limiter: Limiter,
    plan: Plan,
}

fn start(data: &DataDir) -> Node {
    let now = SystemClock.now();
    let (journal, mut recovery) = FileJournal::open(&data.path().join("limits"), now).unwrap();
    let settings = Settings { keys_max: 1000, ..Settings::new([7; 32]) };
    let limiter = Limiter::new(settings).with_journal(Arc::clone(&journal) as _);
    limiter.restore(&mut recovery, now).unwrap();
    journal.snapshot(&limiter, now).unwrap();
    let rule = |per, max| Rule::new(per, Measure::Requests { max, window: WINDOW }).unwrap();
    // The bot's rule is counted by sums, so that both kinds of tables are in the journal.
    let plan = limiter.plan("shop", &[rule(Per::User, LIMIT), rule(Per::Bot, 1_000_000)]);
    Node { journal, limiter, plan }
}

impl Node {
    fn call(&self, user: u64) -> bool {
        let name = user.to_string();
        let subject = Subject { user: Some(&name), ..Subject::default() };
        self.limiter.admit(SystemClock.now(), &self.plan, &subject, 0).is_ok()
    }
}

/// The child: two threads call as all users in turn and say who was admitted, once it is recorded; now and then one takes a
/// snapshot. When all calls are made it says so and waits to be killed.
pub(crate) fn decide_until_killed(data: &DataDir) {
    let node = start(data);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let node = &node;
            scope.spawn(move || {
                for n in (thread..).take(CALLS) {
                    let user = n * 7 % USERS;
                    if node.call(user) {
                        say(&format!("{user}{ADMITTED}"));
                    }
                    if n % 200 == 0 {
                        node.journal.snapshot(&node.limiter, SystemClock.now()).unwrap();
                    }
                }
            });
        }
    });
    say(DONE);
    loop {
        std::thread::park();
    }
}

#[test]
fn limits_hold_over_kill_minus_nine() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(dir.path().join("data")).unwrap();
    let mut admitted: HashMap<u64, u64> = HashMap::new();
    let lives = [1, 13, 150, 401, 77, 5, 600, 202];
    for life in lives {
        let mut player = Player::start(Part::Limit, data.path());
        let mut heard: Vec<String> =
            (0..life).map_while(|_| player.hear().filter(|line| line != DONE)).collect();
        heard.extend(player.kill());
        for user in heard.iter().filter_map(|line| line.strip_suffix(ADMITTED)) {
            *admitted.entry(user.parse().unwrap()).or_default() += 1;
        }
    }
    let said: u64 = admitted.values().sum();
    assert!(said >= lives.iter().sum::<u64>(), "the processes decided");
    let node = start(&data);
    let mut unsaid = 0;
    for user in 0..USERS {
        let before = admitted.get(&user).copied().unwrap_or(0);
        let after = (0..=LIMIT).filter(|_| node.call(user)).count() as u64;
        assert!(before + after <= u64::from(LIMIT), "user {user}: {before} before, {after} after");
        unsaid += u64::from(LIMIT) - before - after;
    }
    assert!(unsaid <= THREADS * lives.len() as u64, "{unsaid} calls were counted that nobody heard of");
    let left: HashSet<_> =
        std::fs::read_dir(data.path().join("limits")).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
