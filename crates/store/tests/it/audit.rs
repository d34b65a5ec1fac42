//! The audit log at work: many bring entries, a sync serves all of them, and what was acknowledged is there.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use botwarden_audit::{
    Conclusion, Decision, Disk, EntryId, Erasure, Event, Files, KeyOperation, KeyUse, Report, Verdict, Word,
    verify,
};
use botwarden_crypto::Purpose;
use botwarden_store::audit::{AuditFiles, AuditLog, Haste, NotRecorded, Person};
use botwarden_store::{DataDir, Keyring};
use botwarden_testkit::soon;
use botwarden_types::{RequestId, UserName};

use crate::child::{Part, Player, say};
use crate::conformance::{LATER, NOW, bot};
use crate::sqlite::{Place, keyring};

fn word(text: &str) -> Word {
    Word::parse(text).unwrap()
}

fn decision(number: u64) -> Event {
    Event::Decision(Decision {
        request: RequestId::numbered(7, number),
        bot: Some(bot("shop")),
        key: None,
        session: None,
        user: None,
        address: None,
        operation: word("chat_completions"),
        model: Some(word("gpt-4o")),
        policy: None,
        verdict: Verdict::Allowed,
        reason: None,
        tokens: None,
    })
}

fn person(name: &str) -> Person {
    Person {
        bot: bot("shop"),
        user: UserName::parse(name).unwrap(),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        arguments: None,
    }
}

async fn open(data: &DataDir, keyring: Arc<Keyring>) -> Arc<AuditLog> {
    AuditLog::open(data, keyring, "0.1.0", NOW).await.unwrap()
}

/// What the files of a folder hold, one after the other.
fn all_text(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &all_text(&path);
        } else {
            text += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
        }
    }
    text
}

fn check(data: &DataDir, log: &AuditLog) -> Report {
    let report = verify(&AuditFiles::new(data.audit()), log.key(), &[]);
    assert_eq!(report.verdict, Conclusion::Good, "{report:?}");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_bring_at_once_is_all_there() {
    let place = Place::new().await;
    let log = open(&place.data, place.keyring()).await;
    let mut tasks = Vec::new();
    for at in 0..500 {
        let log = log.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..4 {
                let who = (round > 0).then(|| person(&format!("person {}", at % 20)));
                log.record(NOW, decision(at * 4 + round), who, Haste::Awaited)
                    .unwrap()
                    .durable()
                    .await
                    .unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    log.close("test", LATER);
    assert_eq!(check(&place.data, &log).entries, 2000 + 2, "with its start and its stop");
}

#[tokio::test]
async fn names_and_addresses_are_in_it_as_commitments_alone() {
    let place = Place::new().await;
    let log = open(&place.data, place.keyring()).await;
    // The first is looked up by the thread that writes, the second is at hand.
    for number in 0..2 {
        log.record(NOW, decision(number), Some(person("alice@example.com")), Haste::Awaited)
            .unwrap()
            .durable()
            .await
            .unwrap();
    }
    log.close("test", LATER);
    let text = all_text(&place.data.audit());
    let commitments = |field: &str| {
        let marker = format!(r#""{field}":""#);
        let found = text.match_indices(&marker).map(|(at, _)| text[at + marker.len()..][..64].to_owned());
        found.collect::<HashSet<_>>().len()
    };
    assert_eq!(
        (commitments("user"), commitments("address")),
        (2, 2),
        "nobody sees that both are of one person"
    );
    assert!(!text.contains("alice") && !text.contains("127.0.0.1"));
}

#[tokio::test]
async fn a_log_goes_on_after_a_restart() {
    let place = Place::new().await;
    for round in 0..3 {
        let log = open(&place.data, place.keyring()).await;
        log.note(NOW, decision(round)).unwrap().durable().await.unwrap();
        log.close("test", LATER);
        log.close("test", LATER);
        assert_eq!(log.note(NOW, decision(9)).map(drop), Err(NotRecorded), "it is closed");
        assert_eq!(check(&place.data, &log).entries, 3 * (round + 1));
    }
}

/// A medium that refuses when it is told to.
struct Moody {
    files: AuditFiles,
    refuses: AtomicBool,
    panics: AtomicBool,
    syncs: AtomicUsize,
    /// The one sync that fails, counted from 1; none if it is 0.
    failing_sync: AtomicUsize,
    /// Syncs wait.
    waits: AtomicBool,
}

impl Files for Moody {
    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        self.files.length(name)
    }
    fn read(&self, name: &str, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.files.read(name, at, into)
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.files.list(folder)
    }
}

impl Moody {
    fn new(data: &DataDir) -> Arc<Self> {
        Arc::new(Self {
            files: AuditFiles::new(data.audit()),
            refuses: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            syncs: AtomicUsize::new(0),
            failing_sync: AtomicUsize::new(0),
            waits: AtomicBool::new(false),
        })
    }

    fn asked(&self) -> io::Result<()> {
        assert!(!self.panics.load(Ordering::SeqCst), "as it was told to");
        if self.refuses.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for Moody {
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.asked()?;
        self.files.append(name, bytes)
    }
    fn sync(&self, name: &str) -> io::Result<()> {
        let number = 1 + self.syncs.fetch_add(1, Ordering::SeqCst);
        while self.waits.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        self.asked()?;
        if number == self.failing_sync.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.files.sync(name)
    }
    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        self.asked()?;
        self.files.truncate(name, length)
    }
    fn promote(&self, drafts: &[(String, String)]) -> io::Result<()> {
        self.asked()?;
        self.files.promote(drafts)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.asked()?;
        self.files.remove(name)
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_and_all_goes_on_once_it_can() {
    let place = Place::new().await;
    let disk = Moody::new(&place.data);
    let log = AuditLog::open_on(disk.clone(), place.keyring(), "0.1.0", NOW).await.unwrap();
    log.note(NOW, decision(1)).unwrap().durable().await.unwrap();
    for _ in 0..3 {
        disk.refuses.store(true, Ordering::SeqCst);
        for number in 0..5 {
            let receipt = log.note(NOW, decision(number));
            let refused = match receipt {
                Ok(receipt) => receipt.durable().await,
                Err(refused) => Err(refused),
            };
            assert_eq!(refused, Err(NotRecorded));
        }
        disk.refuses.store(false, Ordering::SeqCst);
        // Even after a write that could not be taken back, the next but one finds its way.
        let mut written = false;
        for number in 0..3 {
            if let Ok(receipt) = log.note(NOW, decision(100 + number)) {
                written |= receipt.durable().await.is_ok();
            }
        }
        assert!(written);
    }
    log.close("test", LATER);
    check(&place.data, &log);
}

/// Of somebody whose key is looked up by the thread that writes.
#[tokio::test]
async fn an_entry_that_is_too_long_is_refused_alone() {
    let place = Place::new().await;
    let log = open(&place.data, place.keyring()).await;
    let entries =
        (0..2 * Erasure::ENTRIES_MAX as u64).map(|number| EntryId(u128::from(number).to_be_bytes()));
    let erasure = Erasure {
        erasure: word("e"),
        by: word("operator"),
        reason: word("request"),
        part: 1,
        parts: 1,
        entries: entries.collect(),
    };
    let bring = |event| log.record(NOW, event, Some(person("alice")), Haste::InPassing).unwrap();
    let (before, long, after) = (bring(decision(1)), bring(Event::Erasure(erasure)), bring(decision(2)));
    assert_eq!(long.durable().await, Err(NotRecorded));
    assert_eq!((before.durable().await, after.durable().await), (Ok(()), Ok(())));
    log.close("test", LATER);
    assert_eq!(check(&place.data, &log).entries, 2 + 2, "with its start and its stop");
}

/// A bug where it must not be: nobody waits for a thread that is gone.
#[tokio::test]
async fn after_a_panic_of_its_thread_everything_is_refused_at_once() {
    let place = Place::new().await;
    let disk = Moody::new(&place.data);
    let log = AuditLog::open_on(disk.clone(), place.keyring(), "0.1.0", NOW).await.unwrap();
    log.note(NOW, decision(1)).unwrap().durable().await.unwrap();
    assert!(!log.is_broken());
    disk.panics.store(true, Ordering::SeqCst);
    for number in 2..6 {
        let refused = async {
            match log.record(NOW, decision(number), Some(person("alice")), Haste::Awaited) {
                Ok(receipt) => receipt.durable().await,
                Err(refused) => Err(refused),
            }
        };
        assert_eq!(soon("a refusal", refused).await, Err(NotRecorded), "{number}");
    }
    log.close("test", LATER);
    assert!(log.is_broken(), "the server says that it is not ready");
    drop(log);
    // What was acknowledged is there, and a restart goes on.
    let log = open(&place.data, place.keyring()).await;
    log.note(NOW, decision(9)).unwrap().durable().await.unwrap();
    log.close("test", LATER);
    check(&place.data, &log);
}

/// What comes together may be more than one batch: of those that are on disk nobody is told that they are not, whatever becomes of the rest.
#[tokio::test]
async fn whoever_is_refused_is_not_in_the_log() {
    let place = Place::new().await;
    let disk = Moody::new(&place.data);
    let log = AuditLog::open_on(disk.clone(), place.keyring(), "0.1.0", NOW).await.unwrap();
    disk.waits.store(true, Ordering::SeqCst);
    let before = disk.syncs.load(Ordering::SeqCst);
    let first = log.note(NOW, decision(1)).unwrap();
    soon("a write", async {
        while disk.syncs.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let ids = 0..Erasure::ENTRIES_MAX as u64;
    let entries: Vec<_> = ids.map(|number| EntryId(u128::from(number).to_be_bytes())).collect();
    let long = Erasure {
        erasure: word("e"),
        by: word("operator"),
        reason: word("request"),
        part: 1,
        parts: 1,
        entries,
    };
    // All of somebody whose key the thread looks up that writes: some 18 MiB.
    let bring = || log.record(NOW, Event::Erasure(long.clone()), Some(person("alice")), Haste::InPassing);
    let receipts: Vec<_> = (0..300).map(|_| bring().unwrap()).collect();
    disk.failing_sync.store(before + 3, Ordering::SeqCst);
    disk.waits.store(false, Ordering::SeqCst);
    first.durable().await.unwrap();
    let mut written = 0;
    for receipt in receipts {
        written += u64::from(receipt.durable().await.is_ok());
    }
    assert!((1..300).contains(&written), "{written}");
    log.close("test", LATER);
    assert_eq!(check(&place.data, &log).entries, written + 3, "with its start, the first and its stop");
}

/// Whoever is new at the same moment costs one write of the keys together, not one each.
#[tokio::test]
async fn keys_of_many_new_people_are_made_together() {
    const PEOPLE: u64 = 200;
    let place = Place::new().await;
    let log = open(&place.data, place.keyring()).await;
    let before = commits(&place.data.path().join("keyring.db-wal"));
    let mut receipts = Vec::new();
    for number in 0..PEOPLE {
        let who = Some(person(&format!("person {number}")));
        receipts.push(log.record(NOW, decision(number), who, Haste::InPassing).unwrap());
    }
    for receipt in receipts {
        receipt.durable().await.unwrap();
    }
    let made = commits(&place.data.path().join("keyring.db-wal")) - before;
    assert!(made < PEOPLE as usize / 4, "{made} writes for {PEOPLE} people");
    let listed = place.keyring().list().await.unwrap();
    let people = listed.iter().find(|key| key.purpose == Purpose::Subject).unwrap().keys;
    assert_eq!(people, PEOPLE);
    log.close("test", LATER);
    check(&place.data, &log);
}

/// Transactions in a write-ahead log of SQLite's. Source: its file format, section 4.1: after a head of 32 bytes come frames, a head of 24
/// bytes and a page each; in the last of a transaction the second number is not 0.
fn commits(wal: &Path) -> usize {
    let bytes = std::fs::read(wal).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let frame = 24 + number(8) as usize;
    (32..).step_by(frame).take_while(|at| at + frame <= bytes.len()).filter(|at| number(at + 4) != 0).count()
}

/// The part [`Part::Audit`]: entries by many at once; each is said once it has been acknowledged.
pub(crate) fn record_until_killed(data: &DataDir) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let log = open(data, keyring(data).await).await;
        say("open");
        let tasks: Vec<_> = (0..8)
            .map(|task: u64| {
                let log = log.clone();
                tokio::spawn(async move {
                    for number in 0.. {
                        let key = format!("k-{task}-{number}");
                        let operation = KeyUse::Create;
                        let event =
                            KeyOperation { purpose: word("test"), key: word(&key), operation, by: None };
                        log.note(NOW, Event::Key(event)).unwrap().durable().await.unwrap();
                        say(&key);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[tokio::test]
async fn nothing_acknowledged_is_missing_after_a_kill() {
    let parent = tempfile::tempdir().unwrap();
    let data = DataDir::open(parent.path().join("data")).unwrap();
    for lines in [0, 1, 7, 40, 300] {
        let mut player = Player::start(Part::Audit, data.path());
        let mut said = Vec::new();
        for _ in 0..lines {
            said.push(player.hear().unwrap());
        }
        said.extend(player.kill());
        let log = open(&data, keyring(&data).await).await;
        log.close("test", LATER);
        check(&data, &log);
        let text = all_text(&data.audit());
        for line in said.iter().filter(|line| line.starts_with("k-")) {
            assert!(text.contains(&format!("\"{line}\"")), "{line} was acknowledged");
        }
    }
}
