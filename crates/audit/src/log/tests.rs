use std::sync::Arc;

use botwarden_crypto::SigningKey;
use botwarden_types::UnixMs;

use super::power::{Dice, PowerDisk};
use super::*;
use crate::c2sp::{Algorithm, NoteSigner};
use crate::entry::tests::word;
use crate::entry::{Entry, EntryId, Event, Stop};
use crate::port::Files as _;

pub(crate) const ORIGIN: &str = "example.com/audit";

pub(crate) fn signer() -> NoteSigner {
    NoteSigner::new(ORIGIN, Algorithm::Ed25519, SigningKey::from_seed(&[7; 32])).unwrap()
}

pub(crate) fn id(number: u64) -> EntryId {
    EntryId(std::array::from_fn(|n| if n < 8 { 0xab } else { number.to_be_bytes()[n - 8] }))
}

pub(crate) fn entry(number: u64) -> Entry {
    let reason = word(&format!("reason-{number}"));
    Entry {
        id: id(number),
        at: UnixMs(1_700_000_000_000 + number),
        content: None,
        event: Event::Stop(Stop { reason }),
    }
}

/// Content that looks sealed.
pub(crate) fn content(number: u64) -> Vec<u8> {
    let mut dice = Dice(number * 2 + 1);
    (0..40 + dice.roll(90)).map(|_| u8::try_from(dice.roll(255) + 1).unwrap()).collect()
}

/// A batch of entries, every third with content.
pub(crate) fn batch(numbers: std::ops::Range<u64>) -> Batch {
    let mut batch = Batch::default();
    for number in numbers {
        let content = (number % 3 == 0).then(|| content(number));
        batch.push(entry(number), content.as_deref()).unwrap();
    }
    batch
}

pub(crate) fn open(disk: &Arc<PowerDisk>) -> (Log, Tiler, Opened) {
    let disk: Arc<PowerDisk> = Arc::clone(disk);
    Log::open(disk, signer()).unwrap()
}

/// A log of `size` entries in batches of up to 100, tiled now and then, closed in good order.
pub(crate) fn written(disk: &Arc<PowerDisk>, size: u64) -> Log {
    let (mut log, mut tiler, _) = open(disk);
    log.segment_bytes_max = 40_000;
    let mut dice = Dice(size + 1);
    while log.size() < size {
        let more = (1 + dice.roll(100) as u64).min(size - log.size());
        log.append(&batch(log.size()..log.size() + more)).unwrap();
        if dice.roll(4) == 0 {
            while tiler.advance(log.size()).unwrap() == Progress::Behind {}
        }
    }
    while tiler.advance(log.size()).unwrap() == Progress::Behind {}
    log
}

fn good(disk: &PowerDisk) {
    let report = crate::verify::verify(disk, signer().key(), &[]);
    assert_eq!(report.verdict, crate::verify::Conclusion::Good, "{report:?}");
}

#[test]
fn a_log_is_begun_written_and_opened_again() {
    let disk = Arc::new(PowerDisk::default());
    let (mut log, mut tiler, opened) = open(&disk);
    assert_eq!((log.size(), opened.torn_bytes), (0, 0));
    good(&disk);
    let mut first = Batch::default();
    let tickets: Vec<Ticket> = (0..3).map(|number| first.push(entry(number), None).unwrap()).collect();
    let appended = log.append(&first).unwrap();
    assert_eq!(tickets.iter().map(|ticket| appended.index(*ticket)).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(appended.checkpoint().size(), 3);
    assert_eq!(tiler.published().size(), 0);
    good(&disk);
    assert_eq!(tiler.advance(3).unwrap(), Progress::CaughtUp);
    assert_eq!(tiler.published().size(), 3);
    assert!(disk.names().contains(&"tile/0/000.p/3".to_owned()), "{:?}", disk.names());
    good(&disk);
    let (log, _, opened) = open(&disk);
    assert_eq!((log.size(), opened.torn_bytes), (3, 0));
    assert_eq!(log.checkpoint(), appended.checkpoint());
}

#[test]
fn logs_of_many_sizes_open_and_verify() {
    for size in [1, 2, 255, 256, 257, 511, 512, 1000, 2304] {
        let disk = Arc::new(PowerDisk::default());
        let log = written(&disk, size);
        good(&disk);
        let (mut again, _, _) = open(&disk);
        assert_eq!(again.checkpoint(), log.checkpoint(), "{size} entries");
        again.append(&batch(size..size + 1)).unwrap();
        good(&disk);
    }
}

#[test]
fn old_segments_and_partial_tiles_go() {
    let disk = Arc::new(PowerDisk::default());
    drop(written(&disk, 3000));
    let names = disk.names();
    let segments: Vec<&String> = names.iter().filter(|name| name.starts_with("journal/")).collect();
    assert!(segments.len() <= 2, "{segments:?}");
    let partial: Vec<&String> = names.iter().filter(|name| name.contains(".p/")).collect();
    assert!(
        partial.iter().all(|name| name.starts_with("tile/0/011.p")
            || name.starts_with("tile/1/000.p")
            || name.starts_with("tile/entries/011.p")),
        "{partial:?}"
    );
    assert!(names.iter().all(|name| !name.starts_with("draft/") || name.contains("content")), "{names:?}");
}

#[test]
fn bounds_of_a_batch() {
    let mut batch = Batch::default();
    assert_eq!(batch.push(entry(0), Some(&[])), Err(PushError::Content { got: 0 }));
    let large = vec![1; CONTENT_BYTES_MAX];
    assert_eq!(
        batch.push(entry(0), Some(&[&large[..], &[1]].concat())),
        Err(PushError::Content { got: CONTENT_BYTES_MAX + 1 })
    );
    assert!(batch.push(entry(0), Some(&large)).is_ok());
    assert_eq!(batch.push(entry(1), Some(&large)), Err(PushError::Full));
    let disk = Arc::new(PowerDisk::default());
    let (mut log, mut tiler, _) = open(&disk);
    log.append(&batch).unwrap();
    tiler.advance(1).unwrap();
    batch.clear();
    for number in 0..BATCH_ENTRIES_MAX as u64 {
        batch.push(entry(number), None).unwrap();
    }
    assert_eq!(batch.push(entry(0), None), Err(PushError::Full));
    log.append(&batch).unwrap();
    while tiler.advance(log.size()).unwrap() == Progress::Behind {}
    good(&disk);
}

#[test]
fn damage_is_refused_with_its_place() {
    let disk = Arc::new(PowerDisk::default());
    let (mut log, mut tiler, _) = open(&disk);
    for first in [0, 100, 300] {
        log.append(&batch(first..first + 200)).unwrap();
    }
    tiler.advance(log.size()).unwrap();
    let journal = segments_of(&disk)[0].clone();
    let length = disk.bytes(&journal).len();
    for (name, file, how) in [
        ("a flip in the first frame", journal.as_str(), Damage::Flip(300)),
        ("a flip in the last frame", &journal, Damage::Flip(length - 100)),
        ("a flip in the head of a segment", &journal, Damage::Flip(20)),
        ("a segment that is gone", &journal, Damage::Remove),
        ("a segment without its end", &journal, Damage::Cut(length - 20_000)),
        ("a flip in the checkpoint", "checkpoint", Damage::Flip(40)),
        ("no checkpoint", "checkpoint", Damage::Remove),
        ("no format", "format", Damage::Remove),
        ("a flip in a tile", "tile/1/000.p/2", Damage::Flip(3)),
        ("no tile", "tile/1/000.p/2", Damage::Remove),
    ] {
        let damaged = Arc::new(disk.copy());
        how.to(&damaged, file);
        match Log::open(Arc::clone(&damaged) as Arc<dyn crate::port::Disk>, signer()) {
            Err(OpenError::Damaged { .. }) => {}
            other => panic!("{name}: {other:?}"),
        }
    }
    let other = NoteSigner::new(ORIGIN, Algorithm::Ed25519, SigningKey::from_seed(&[8; 32])).unwrap();
    assert!(matches!(
        Log::open(Arc::clone(&disk) as Arc<dyn crate::port::Disk>, other),
        Err(OpenError::OtherKey { .. })
    ));
    disk.put("format", b"botwarden-audit/2\nx\n".to_vec());
    assert!(matches!(Log::open(disk, signer()), Err(OpenError::Foreign { .. })));
}

/// Mending an unfinished end must not drop what was acknowledged: no flipped bit makes the last frame look unfinished.
#[test]
fn a_flipped_bit_in_the_last_frame_is_damage() {
    let disk = Arc::new(PowerDisk::default());
    let mut log = open(&disk).0;
    log.append(&batch(0..2)).unwrap();
    let journal = segments_of(&disk)[0].clone();
    let start = disk.bytes(&journal).len();
    log.append(&batch(2..5)).unwrap();
    for at in start..disk.bytes(&journal).len() {
        let flipped = Arc::new(disk.copy());
        let mut bytes = disk.bytes(&journal);
        bytes[at] ^= 1 << (at % 8);
        flipped.put(&journal, bytes);
        let opened = Log::open(flipped as Arc<dyn crate::port::Disk>, signer());
        assert!(matches!(opened, Err(OpenError::Damaged { .. })), "byte {at}: {opened:?}");
    }
}

pub(crate) enum Damage {
    Flip(usize),
    Cut(usize),
    Remove,
}

impl Damage {
    pub(crate) fn to(&self, disk: &PowerDisk, file: &str) {
        let mut bytes = disk.bytes(file);
        match *self {
            Self::Flip(at) => bytes[at] ^= 1,
            Self::Cut(at) => bytes.truncate(at),
            Self::Remove => return crate::port::Disk::remove(disk, file).unwrap(),
        }
        disk.put(file, bytes);
    }
}

pub(crate) fn segments_of(disk: &PowerDisk) -> Vec<String> {
    disk.list("journal").unwrap().into_iter().map(|name| format!("journal/{name}")).collect()
}

#[test]
fn a_failed_write_is_taken_back() {
    for (step, name) in [(1, "the append"), (2, "the sync")] {
        for first in [0, 10] {
            let disk = Arc::new(PowerDisk::default());
            let (mut log, mut tiler, _) = open(&disk);
            log.append(&batch(0..first)).unwrap();
            disk.err_at(step);
            assert!(
                matches!(log.append(&batch(first..first + 5)), Err(AppendError::Storage { .. })),
                "{name}"
            );
            log.append(&batch(first..first + 7)).unwrap();
            tiler.advance(log.size()).unwrap();
            assert_eq!(open(&disk).0.checkpoint(), log.checkpoint(), "{name}");
            good(&disk);
        }
    }
}

#[test]
fn a_write_that_cannot_be_taken_back_ends_the_log() {
    let disk = Arc::new(PowerDisk::default());
    let (mut log, _, _) = open(&disk);
    log.append(&batch(0..5)).unwrap();
    disk.fail_at(1);
    assert!(matches!(log.append(&batch(5..9)), Err(AppendError::Storage { .. })));
    assert!(matches!(log.append(&batch(5..9)), Err(AppendError::Broken)));
    let disk = Arc::new(disk.restart(1));
    assert_eq!(open(&disk).0.size(), 5);
    good(&disk);
}

/// Writes until the power fails at `step`; tells how many entries were acknowledged.
fn write_until(disk: &Arc<PowerDisk>, seed: u64) -> u64 {
    let mut acknowledged = 0;
    let Ok((mut log, mut tiler, _)) = Log::open(Arc::clone(disk) as Arc<dyn crate::port::Disk>, signer())
    else {
        return 0;
    };
    log.segment_bytes_max = 20_000;
    let mut dice = Dice(seed + 1);
    while log.size() < 700 {
        let more = 1 + dice.roll(90) as u64;
        let Ok(appended) = log.append(&batch(log.size()..log.size() + more)) else { return acknowledged };
        acknowledged = appended.checkpoint().size();
        if dice.roll(3) == 0 && tiler.advance(log.size()).is_err() {
            return acknowledged;
        }
    }
    acknowledged
}

/// The power fails at every step of writing, and again while the end is mended. Nothing that was acknowledged is missing.
#[test]
fn no_acknowledged_entry_is_lost_with_the_power() {
    let whole = Arc::new(PowerDisk::default());
    write_until(&whole, 5);
    for step in 1..=whole.steps() {
        for seed in 0..4 {
            let disk = Arc::new(PowerDisk::default());
            disk.fail_at(step);
            let acknowledged = write_until(&disk, 5);
            let disk = Arc::new(disk.restart(seed + 100 * step as u64));
            disk.fail_at(1 + step % 7);
            drop(Log::open(Arc::clone(&disk) as Arc<dyn crate::port::Disk>, signer()));
            let disk = Arc::new(disk.restart(seed));
            let opened = Log::open(Arc::clone(&disk) as Arc<dyn crate::port::Disk>, signer());
            let (mut log, mut tiler, _) =
                opened.unwrap_or_else(|error| panic!("step {step}, seed {seed}: {error:?}"));
            assert!(
                log.size() >= acknowledged,
                "step {step}, seed {seed}: {acknowledged} acknowledged, {log:?}"
            );
            good(&disk);
            log.append(&batch(log.size()..log.size() + 300)).unwrap();
            tiler.advance(log.size()).unwrap();
            good(&disk);
        }
    }
}
