//! The journal and the limiter together, over restarts of every kind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use botwarden_limit::{
    Denied, JournalError, Limiter, Measure, Per, Plan, RestoreError, Rule, Settings, Subject,
};
use botwarden_types::{Now, Tick, UnixMs};

use super::frame::FrameHead;
use super::header::Boot;
use super::log::Log;
use super::{FileJournal, OpenJournalError, Recovery};

const BOOT: Boot = Boot([1; 16]);
const OTHER_BOOT: Boot = Boot([2; 16]);
const LOG_BYTES_MAX: u64 = 10_000;

fn at(ms: u64) -> Now {
    Now { tick: Tick(ms), wall: UnixMs(1_700_000_000_000 + ms) }
}

/// A directory that its owner alone may look into, as the data directory is.
fn private_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    dir
}

/// A limiter with its journal, as the server starts them.
struct Node {
    journal: Arc<FileJournal>,
    limiter: Limiter,
    plan: Plan,
}

fn settings() -> Settings {
    Settings { keys_max: 5000, ..Settings::new([7; 32]) }
}

fn open(dir: &Path, now: Now, boot: Boot) -> Result<(Arc<FileJournal>, Recovery), OpenJournalError> {
    FileJournal::open_as(dir, now, boot, LOG_BYTES_MAX)
}

/// 30 requests a minute and 1000 tokens in 65.536 s (spans of 1024 ms) for each user.
fn start(dir: &Path, now: Now, boot: Boot) -> Node {
    let (journal, mut recovery) = open(dir, now, boot).unwrap();
    let limiter = Limiter::new(settings()).with_journal(Arc::clone(&journal) as _);
    limiter.restore(&mut recovery, now).unwrap();
    journal.snapshot(&limiter, now).unwrap();
    let requests = Measure::Requests { max: 30, window: Duration::from_secs(60) };
    let tokens = Measure::Tokens { max: 1000, window: Duration::from_millis(64 * 1024) };
    let rules = [Rule::new(Per::User, requests).unwrap(), Rule::new(Per::User, tokens).unwrap()];
    let plan = limiter.plan("shop", &rules);
    Node { journal, limiter, plan }
}

impl Node {
    fn call(&self, now: Now, user: &str, tokens: u64) -> Result<(), Denied> {
        let subject = Subject { user: Some(user), ..Subject::default() };
        self.limiter.admit(now, &self.plan, &subject, tokens).map(drop)
    }

    /// How many of `calls` pass.
    fn calls(&self, now: Now, user: &str, calls: usize) -> usize {
        (0..calls).filter(|_| self.call(now, user, 0).is_ok()).count()
    }
}

/// The newest file whose name begins so.
fn newest(dir: &Path, prefix: &str) -> std::path::PathBuf {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let named = names.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix));
    named.max().unwrap()
}

#[test]
fn limits_hold_over_a_restart() {
    let dir = private_dir();
    let dir = dir.path().join("limits");
    let node = start(&dir, at(0), BOOT);
    assert_eq!(node.calls(at(0), "alice", 20), 20);
    assert_eq!(node.calls(at(1000), "bob", 5), 5);
    node.call(at(2000), "carol", 900).unwrap();
    drop(node);
    let node = start(&dir, at(3000), BOOT);
    assert_eq!(node.calls(at(3000), "alice", 20), 10);
    assert_eq!(node.calls(at(3000), "bob", 40), 25);
    assert!(node.call(at(3000), "carol", 101).is_err());
    drop(node);
    // Ticks are the same in one run of the machine, so that calls leave the window to the millisecond.
    let node = start(&dir, at(60_000), BOOT);
    assert_eq!(node.calls(at(60_000), "alice", 40), 0);
    assert_eq!(node.calls(at(60_001), "alice", 40), 20);
    node.journal.close_clean(&node.limiter, at(60_001)).unwrap();
    drop(node);
    let node = start(&dir, at(60_002), BOOT);
    assert_eq!(node.calls(at(60_002), "alice", 40), 0, "after a clean stop too");
}

#[test]
fn a_reboot_is_bridged_by_the_wall_clock() {
    for (name, away_ms, want) in [
        ("30 s later", 30_000_i64, 0),
        ("when the first calls have left the window", 59_990, 20),
        ("a wall clock set back: no time has passed", -500_000, 0),
    ] {
        let dir = private_dir();
        let node = start(dir.path(), at(1_000_000), BOOT);
        assert_eq!(node.calls(at(1_000_000), "alice", 20), 20, "{name}");
        assert_eq!(node.calls(at(1_000_090), "alice", 20), 10, "{name}");
        drop(node);
        let wall = UnixMs(at(1_000_090).wall.0.saturating_add_signed(away_ms));
        // The machine has just come up: its ticks are small.
        let now = Now { tick: Tick(400), wall };
        let node = start(dir.path(), now, OTHER_BOOT);
        assert_eq!(node.calls(now, "alice", 40), want, "{name}");
        // And once more, to carry times from before boot on.
        drop(node);
        let node = start(dir.path(), now, OTHER_BOOT);
        assert_eq!(node.calls(now, "alice", 40), 0, "{name}");
    }
}

#[test]
fn settled_tokens_hold_over_a_restart() {
    let dir = private_dir();
    let node = start(dir.path(), at(0), BOOT);
    let subject = Subject { user: Some("alice"), ..Subject::default() };
    let mut low = node.limiter.admit(at(0), &node.plan, &subject, 500).unwrap();
    let mut high = node.limiter.admit(at(0), &node.plan, &subject, 300).unwrap();
    low.settle(at(2000), 100);
    high.settle(at(2000), 700);
    drop((low, high, node));
    let node = start(dir.path(), at(2000), BOOT);
    assert!(node.call(at(2000), "alice", 201).is_err());
    assert!(node.call(at(2000), "alice", 200).is_ok());
}

/// A record cut short by the end of the process was never admitted; all before it were.
#[test]
fn a_log_cut_at_any_byte_keeps_what_is_whole() {
    let dir = private_dir();
    let node = start(dir.path(), at(0), BOOT);
    let log = newest(dir.path(), "log-");
    let empty = node.journal.state().bytes();
    let mut ends = Vec::new();
    for n in 0..4 {
        node.call(at(n), "alice", 0).unwrap();
        ends.push(node.journal.state().bytes());
    }
    let reserved = fs::read(&log).unwrap();
    drop(node);
    let whole = fs::read(&log).unwrap();
    assert_eq!(Some(whole.len() as u64), ends.last().copied(), "closed, it is as long as its records");
    assert!(
        reserved.len() > whole.len() && reserved.starts_with(&whole),
        "while it is written, room follows them"
    );
    let check = |name: &str, cut: usize, log: &[u8]| {
        let copy = private_dir();
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        fs::write(newest(copy.path(), "log-"), log).unwrap();
        let kept = ends.iter().filter(|end| **end <= cut as u64).count();
        let node = start(copy.path(), at(5), BOOT);
        assert_eq!(node.calls(at(5), "alice", 40), 30 - kept, "{name} at {cut}");
    };
    for cut in usize::try_from(empty).unwrap()..=whole.len() {
        check("cut", cut, &whole[..cut]);
        // What a record leaves in memory when its writer is killed: its bytes, but not yet its length, before zeros.
        let begun = ends.iter().copied().chain([empty]).filter(|end| *end <= cut as u64).max().unwrap();
        let begun = usize::try_from(begun).unwrap();
        let mut torn = whole[..cut].to_vec();
        torn[begun..(begun + 8).min(cut)].fill(0);
        torn.resize(cut + 3000, 0);
        check("killed", begun, &torn);
    }
}

/// Through memory or by calls: the same bytes, over the borders of windows too.
#[test]
fn both_ways_of_writing_leave_the_same_bytes() {
    let log_of = |by_calls: bool| {
        let dir = private_dir();
        let mut log = Log::create(dir.path(), 1, BOOT, at(0)).unwrap();
        if by_calls {
            log.write_by_calls();
        }
        for n in 0..5000_usize {
            let record: Vec<u8> = (0..n * 37 % 700 + 1).map(|byte| (byte * n) as u8).collect();
            log.append(FrameHead::of(&record).unwrap(), &record).unwrap();
        }
        let long = vec![1; 17 << 10];
        assert!(log.append(FrameHead::of(&long).unwrap(), &long).is_err(), "no decision is so long");
        let bytes = log.bytes();
        drop(log);
        let written = fs::read(newest(dir.path(), "log-")).unwrap();
        assert_eq!(written.len() as u64, bytes);
        written
    };
    let (mapped, written) = (log_of(false), log_of(true));
    assert!(mapped.len() > 1 << 20 && mapped == written);
}

#[test]
fn damage_is_refused_with_its_mend() {
    let dir = private_dir();
    let node = start(dir.path(), at(0), BOOT);
    assert_eq!(node.calls(at(0), "alice", 3), 3);
    drop(node);
    let log = newest(dir.path(), "log-");
    let whole = fs::read(&log).unwrap();
    for at_byte in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at_byte] ^= 0x10;
        fs::write(&log, &bytes).unwrap();
        let error = open(dir.path(), at(1), BOOT).map(drop).unwrap_err();
        assert!(error.to_string().contains("aside to begin with empty limits"), "byte {at_byte}: {error}");
    }
    // After a loss of power the unsynced end of a log may be anything; what is whole before it counts.
    for junk in [vec![7; 500], [vec![0; 20_000], vec![7; 500]].concat()] {
        let lost = junk.len() as u64;
        fs::write(&log, [whole.clone(), junk].concat()).unwrap();
        assert!(open(dir.path(), at(1), BOOT).is_err());
        let (_, recovery) = open(dir.path(), at(1), OTHER_BOOT).unwrap();
        assert_eq!(recovery.lost_bytes(), lost);
    }
    // Room that was reserved and not used is no damage and no loss.
    fs::write(&log, [whole.clone(), vec![0; 20_000]].concat()).unwrap();
    let (_, recovery) = open(dir.path(), at(1), BOOT).unwrap();
    assert_eq!(recovery.lost_bytes(), 0);
    // A snapshot is there whole or not at all.
    fs::write(&log, &whole).unwrap();
    let snapshot = newest(dir.path(), "snapshot-");
    let whole = fs::read(&snapshot).unwrap();
    fs::write(&snapshot, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(open(dir.path(), at(1), OTHER_BOOT), Err(OpenJournalError::Damaged { .. })));
    fs::write(&snapshot, b"something else, and long enough to hold a header").unwrap();
    assert!(matches!(open(dir.path(), at(1), BOOT), Err(OpenJournalError::Foreign { .. })));
}

#[test]
fn another_root_key_is_refused() {
    let dir = private_dir();
    drop(start(dir.path(), at(0), BOOT));
    let (_, mut recovery) = open(dir.path(), at(1), BOOT).unwrap();
    let limiter = Limiter::new(Settings::new([8; 32]));
    assert!(matches!(limiter.restore(&mut recovery, at(1)), Err(RestoreError::OtherKey)));
}

#[test]
fn nothing_is_decided_before_the_first_snapshot() {
    let dir = private_dir();
    let (journal, _) = open(dir.path(), at(0), BOOT).unwrap();
    let limiter = Limiter::new(settings()).with_journal(journal as _);
    let rule = Rule::new(Per::User, Measure::Requests { max: 1, window: Duration::from_secs(60) }).unwrap();
    let plan = limiter.plan("shop", &[rule]);
    let subject = Subject { user: Some("alice"), ..Subject::default() };
    let denied = limiter.admit(at(0), &plan, &subject, 0).map(drop).unwrap_err();
    assert!(matches!(denied, Denied::Journal(JournalError::NotReady)));
}

/// Snapshots taken at any moment, also while others decide, forget nothing and count nothing twice.
#[test]
fn snapshots_while_others_decide() {
    let dir = private_dir();
    let node = start(dir.path(), at(0), BOOT);
    let users: Vec<String> = (0..200).map(|n| format!("user-{n}")).collect();
    let mut admitted = vec![0; users.len()];
    std::thread::scope(|scope| {
        let halves: Vec<_> = admitted.chunks_mut(100).zip(users.chunks(100)).collect();
        for (counts, users) in halves {
            let node = &node;
            scope.spawn(move || {
                for n in 0..4000 {
                    counts[n % 100] += node.calls(at(n as u64), &users[n % 100], 1 + n % 2);
                }
            });
        }
        for n in 0..20 {
            node.journal.snapshot(&node.limiter, at(n)).unwrap();
        }
    });
    assert!(node.journal.snapshot_due() || node.journal.state().bytes() < LOG_BYTES_MAX);
    drop(node);
    let node = start(dir.path(), at(4000), BOOT);
    for (user, admitted) in users.iter().zip(admitted) {
        assert_eq!(node.calls(at(4000), user, 40), 30 - admitted, "{user}");
    }
    let files = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(files, 2, "one snapshot and one log are left");
}

/// A start that was stopped between its log and its snapshot changes nothing.
#[test]
fn a_start_that_did_not_finish_is_begun_again() {
    let dir = private_dir();
    let node = start(dir.path(), at(0), BOOT);
    assert_eq!(node.calls(at(0), "alice", 12), 12);
    drop(node);
    for generation in 2..5u64 {
        fs::write(dir.path().join(format!("log-{generation:016x}")), vec![b'B'; 30]).unwrap();
    }
    fs::write(dir.path().join("snapshot.draft"), b"half").unwrap();
    let node = start(dir.path(), at(1), BOOT);
    assert_eq!(node.calls(at(1), "alice", 40), 18);
}
