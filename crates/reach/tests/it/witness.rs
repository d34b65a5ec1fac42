//! Witnesses.

use std::sync::Arc;

use botwarden_audit::{
    Cosigned, Files, Hash, NoteKey, ProveError, SignedCheckpoint, prove_consistency, published,
};
use botwarden_crypto::BoxFuture;
use botwarden_reach::{Published, RawWitness, Witness, WitnessConfig, WitnessError};
use botwarden_testkit::{FakeWitness, TestLog, WitnessMood};
use botwarden_types::{Clock, SystemClock, UnixMs};

use crate::{patience, told};

struct Shown {
    files: Arc<dyn Files>,
    key: NoteKey,
}

impl Shown {
    fn of(log: &TestLog) -> Self {
        Self { files: log.files(), key: log.key() }
    }
}

impl Published for Shown {
    fn checkpoint(&self) -> BoxFuture<'_, Result<SignedCheckpoint, ProveError>> {
        Box::pin(async { published(&*self.files, &self.key) })
    }

    fn proof<'a>(
        &'a self,
        old: u64,
        to: &'a SignedCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Hash>, ProveError>> {
        Box::pin(async move { prove_consistency(&*self.files, &self.key, old, to) })
    }
}

fn now() -> UnixMs {
    SystemClock.now().wall
}

fn witness(fake: &FakeWitness) -> Witness {
    let raw = RawWitness { key: fake.key().to_string(), url: fake.url(), ca_file: None };
    Witness::new(WitnessConfig::try_from(raw).unwrap(), patience()).unwrap()
}

async fn cosign(
    fake: &FakeWitness,
    log: &TestLog,
    before: Option<&Cosigned>,
) -> Result<Cosigned, WitnessError> {
    witness(fake).cosign(&Shown::of(log), log.checkpoint(), before, now()).await
}

#[tokio::test]
async fn a_log_that_grows_is_cosigned_as_it_grows() {
    let (fake, mut log) = (FakeWitness::start("w.example/1").await, TestLog::new("a", 3));
    fake.trust(log.key());
    let mut before: Option<Cosigned> = None;
    for more in [0, 1, 300, 0, 700] {
        log.grow(more);
        let cosigned = cosign(&fake, &log, before.as_ref()).await.unwrap();
        assert_eq!(
            (cosigned.checkpoint.size(), fake.size()),
            (log.checkpoint().size(), cosigned.checkpoint.size())
        );
        assert!(cosigned.checkpoint.note().lines().any(|line| line.starts_with("— w.example/1 ")));
        before = Some(cosigned);
    }
    assert_eq!(fake.recorded().len(), 5, "whoever knows what it saw asks once");
}

#[tokio::test]
async fn who_does_not_know_what_it_saw_is_told_and_asks_once_more() {
    let (fake, mut log) = (FakeWitness::start("w.example").await, TestLog::new("a", 300));
    cosign(&fake, &log, None).await.unwrap();
    log.grow(5);
    cosign(&fake, &log, None).await.unwrap();
    assert_eq!((fake.size(), fake.recorded().len()), (305, 3));
    // It lost its memory: it is shown all again.
    let kept = cosign(&fake, &log, None).await.unwrap();
    fake.saw(0, botwarden_audit::empty_root());
    cosign(&fake, &log, Some(&kept)).await.unwrap();
    assert_eq!(fake.size(), 305);
}

#[tokio::test]
async fn another_process_may_have_shown_it_more_meanwhile() {
    let (fake, mut log) = (FakeWitness::start("w.example").await, TestLog::new("a", 100));
    let early = log.checkpoint();
    log.grow(50);
    let kept = cosign(&fake, &log, None).await.unwrap();
    for before in [None, Some(&kept)] {
        let asked = witness(&fake).cosign(&Shown::of(&log), early.clone(), before, now()).await;
        assert_eq!(asked.unwrap().checkpoint.size(), 150);
    }
}

#[tokio::test]
async fn a_log_that_was_rolled_back_or_forked_is_an_alarm() {
    let (fake, log) = (FakeWitness::start("w.example").await, TestLog::new("a", 300));
    let kept = cosign(&fake, &log, None).await.unwrap();
    let (shorter, other) = (TestLog::new("a", 200), TestLog::new("b", 300));
    let (other_longer, longer) = (TestLog::new("b", 400), TestLog::new("a", 400));
    for (name, log, before, asked, want) in [
        ("an old copy", &shorter, None, 1, "it has 200 entries, and the witness cosigned 300"),
        (
            "an old copy, and we know",
            &shorter,
            Some(&kept),
            0,
            "it has 200 entries, and the witness cosigned 300",
        ),
        ("another of the same size", &other, None, 2, "its first 300 entries are not those of then"),
        ("another, and we know", &other, Some(&kept), 0, "its first 300 entries are not those of then"),
        ("a longer other", &other_longer, None, 2, "its first 300 entries are not those of then"),
        ("a longer other, and we know", &other_longer, Some(&kept), 0, "its first 300 entries are not"),
    ] {
        let before_asked = fake.recorded().len();
        let error = cosign(&fake, log, before).await.unwrap_err();
        assert!(error.is_alarm() && told(&error).contains(want), "{name}: {}", told(&error));
        assert_eq!(fake.recorded().len() - before_asked, asked, "{name}");
    }
    assert_eq!(fake.size(), 300, "it cosigned none of them");
    fake.feel(WitnessMood::Doubting);
    assert!(cosign(&fake, &longer, Some(&kept)).await.unwrap_err().is_alarm(), "a proof that we find right");
    fake.feel(WitnessMood::Well);
    cosign(&fake, &longer, Some(&kept)).await.unwrap();
}

#[tokio::test]
async fn failures_say_what_to_mend() {
    let log = TestLog::new("a", 300);
    for (mood, words) in [
        (WitnessMood::UnknownLog, "have its operator add the key that `botwarden audit key` prints"),
        (WitnessMood::AnotherKey, "have its operator compare the log's key"),
        (WitnessMood::Slow, "no answer within 0.5 s"),
        (WitnessMood::HangingUp, "closed the connection"),
        (WitnessMood::Verbose, "more than 65536 bytes"),
        (WitnessMood::Somebody, "not a signed note"),
        (WitnessMood::Broken, "503 Service Unavailable (database[31m is locked)"),
        (WitnessMood::Mumbling, "not what witnesses answer"),
        (WitnessMood::Contradicting, "not what witnesses answer"),
        (WitnessMood::Posing, "is `key` the key of the witness"),
        (WitnessMood::Lying, "the signature does not verify"),
        (WitnessMood::At(1_700_000_000), "one of the two clocks is wrong"),
        (WitnessMood::At(99_999_999_999), "one of the two clocks is wrong"),
        (WitnessMood::Doubting, "422 Unprocessable Entity (bad proof)"),
    ] {
        let fake = FakeWitness::start("w.example").await;
        fake.feel(mood.clone());
        let error = cosign(&fake, &log, None).await.unwrap_err();
        let said = told(&error);
        assert!(!error.is_alarm() && said.contains(words), "{mood:?}: {said}");
    }
}

#[tokio::test]
async fn a_time_does_not_go_back() {
    let (fake, log) = (FakeWitness::start("w.example").await, TestLog::new("a", 300));
    let secs = now().secs();
    fake.feel(WitnessMood::At(secs + 60));
    let kept = cosign(&fake, &log, None).await.unwrap();
    fake.feel(WitnessMood::At(secs + 59));
    let error = cosign(&fake, &log, Some(&kept)).await.unwrap_err();
    assert!(matches!(error, WitnessError::Replayed { .. }), "{error}");
}
