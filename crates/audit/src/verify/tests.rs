use std::sync::Arc;

use botwarden_crypto::SigningKey;
use botwarden_types::UnixMs;

use super::*;
use crate::c2sp::{Algorithm, NoteSigner, SignedCheckpoint, bundle, cosign};
use crate::cosigned::Cosigned;
use crate::entry::tests::word;
use crate::entry::{Entry, Erasure, Event};
use crate::journal::frame;
use crate::journal::{Frame, HEAD_BYTES};
use crate::log::power::PowerDisk;
use crate::log::tests::{Damage, batch, content, entry, id, open, segments_of, signer, written};
use crate::log::{Batch, Progress};
use crate::port::Disk;
use crate::tree::{Hash, leaf_hash};

/// Entries of the log that is tampered with: four full bundles in tiles, the fifth partial, and a batch in the journal alone.
const SIZE: u64 = 1150;
const PUBLISHED: u64 = 1100;

fn log() -> Arc<PowerDisk> {
    let disk = Arc::new(PowerDisk::default());
    let mut log = written(&disk, PUBLISHED);
    log.append(&batch(PUBLISHED..SIZE)).unwrap();
    disk
}

fn check(disk: &PowerDisk, kept: &[&[u8]]) -> Report {
    verify(disk, signer().key(), kept)
}

/// Expects one finding.
fn found(name: &str, disk: &PowerDisk, kept: &[&[u8]], wrong: Wrong, from: u64, to: Option<u64>) {
    let report = check(disk, kept);
    assert_eq!(report.verdict, Conclusion::Tampered, "{name}: {report}");
    let finding = report.finding.unwrap();
    assert_eq!((finding.wrong, finding.from, finding.to), (wrong, from, to), "{name}: {finding}");
}

/// The entries of a bundle.
fn read_bundle(disk: &PowerDisk, name: &str) -> Vec<Vec<u8>> {
    bundle::entries(&disk.bytes(name)).map(|entry| entry.unwrap().to_vec()).collect()
}

fn write_bundle(disk: &PowerDisk, name: &str, entries: &[Vec<u8>]) {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| assert!(bundle::push(entry, &mut bytes)));
    disk.put(name, bytes);
}

/// Makes the tile of hashes fit the bundle.
fn fit_tile(disk: &PowerDisk, entries: &str, hashes: &str) {
    let leaves = read_bundle(disk, entries).iter().flat_map(|entry| leaf_hash(entry).0).collect();
    disk.put(hashes, leaves);
}

#[test]
fn an_untouched_log_is_good() {
    let disk = log();
    let report = check(&disk, &[]);
    assert_eq!((report.verdict, report.entries), (Conclusion::Good, SIZE), "{report}");
    assert_eq!(report.contents, SIZE.div_ceil(3));
    assert_eq!(report.span, Some((UnixMs(1_700_000_000_000), UnixMs(1_700_000_000_000 + SIZE - 1))));
    assert_eq!(report.root, open(&disk).0.checkpoint().root());
    assert!(report.checkpoints > 1 && report.tiles > 8, "{report}");
}

/// In every file, bits at many places: none is without notice, and the first bad entry is told.
#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let disk = log();
    // Partial tiles of earlier checkpoints may lie there; nobody needs them.
    let read = |name: &&String| {
        let partial = name.split_once(".p/").is_some_and(|(_, width)| width != "76" && width != "4");
        !name.starts_with("draft/") && !partial
    };
    for file in disk.names().iter().filter(read) {
        let length = disk.bytes(file).len();
        for at in (0..length).step_by(1 + length / 61).chain([length - 1]) {
            let flipped = disk.copy();
            Damage::Flip(at).to(&flipped, file);
            let report = check(&flipped, &[]);
            let want = if file == "format" { Conclusion::CannotTell } else { Conclusion::Tampered };
            // The id in a signature's line says whose it is: a flip there, or in the name, makes it a stranger's.
            let strange = file == "checkpoint" && report.verdict == Conclusion::CannotTell;
            assert!(report.verdict == want || strange, "{file} at {at}: {report}");
        }
    }
}

#[test]
fn a_changed_entry_is_told() {
    for (index, file, hashes, start) in [
        (0, "tile/entries/000", "tile/0/000", 0),
        (255, "tile/entries/000", "tile/0/000", 0),
        (700, "tile/entries/002", "tile/0/002", 512),
        (1099, "tile/entries/004.p/76", "tile/0/004.p/76", 1024),
    ] {
        let disk = log();
        let mut entries = read_bundle(&disk, file);
        let place = usize::try_from(index - start).unwrap();
        let last = entries[place].len() - 5;
        entries[place][last] ^= 1;
        write_bundle(&disk, file, &entries);
        found("an entry", &disk, &[], Wrong::Flip, index, Some(index + 1));
        fit_tile(&disk, file, hashes);
        // Now only the tile above, or the journal, tells.
        let range = if start == 1024 { (index, Some(index + 1)) } else { (start, Some(start + 256)) };
        found("an entry and its tile", &disk, &[], Wrong::Flip, range.0, range.1);
    }
    for (at, file) in [(700, "tile/0/002"), (1050, "tile/0/004.p/76")] {
        let disk = log();
        Damage::Flip(usize::try_from(at % 256).unwrap() * 32 + 3).to(&disk, file);
        found(file, &disk, &[], Wrong::Flip, at, Some(at + 1));
    }
    let disk = log();
    Damage::Flip(2 * 32).to(&disk, "tile/1/000.p/4");
    found("a tile of tiles", &disk, &[], Wrong::Flip, 512, Some(768));
}

#[test]
fn entries_that_are_gone_put_in_or_swapped_are_told() {
    let file = "tile/entries/001";
    for (name, wrong, from, change) in [
        ("dropped", Wrong::Drop, 300, (|it| drop(it.remove(44))) as fn(&mut Vec<Vec<u8>>)),
        ("dropped first", Wrong::Drop, 256, |it| drop(it.remove(0))),
        ("dropped last", Wrong::Truncate, 511, |it| drop(it.remove(255))),
        ("put in", Wrong::Insert, 300, |it| it.insert(44, b"new".to_vec())),
        ("put in behind", Wrong::Insert, 512, |it| it.push(b"new".to_vec())),
        ("doubled", Wrong::Insert, 301, |it| it.insert(44, it[44].clone())),
        ("swapped", Wrong::Swap, 300, |it| it.swap(44, 45)),
        ("swapped far", Wrong::Swap, 260, |it| it.swap(4, 200)),
        ("cut off", Wrong::Truncate, 356, |it| it.truncate(100)),
        ("emptied", Wrong::Truncate, 256, Vec::clear),
    ] {
        let disk = log();
        let mut entries = read_bundle(&disk, file);
        change(&mut entries);
        write_bundle(&disk, file, &entries);
        found(name, &disk, &[], wrong, from, Some(from + 1));
    }
    let disk = log();
    let (one, other) = (disk.bytes("tile/entries/001"), disk.bytes("tile/entries/002"));
    disk.put("tile/entries/001", other);
    disk.put("tile/entries/002", one);
    found("bundles swapped", &disk, &[], Wrong::Flip, 256, Some(257));
    fit_tile(&disk, "tile/entries/001", "tile/0/001");
    fit_tile(&disk, "tile/entries/002", "tile/0/002");
    // Their contents went along with neither; still the tile above tells first.
    found("bundles swapped with their tiles", &disk, &[], Wrong::Flip, 256, Some(512));
}

#[test]
fn tiles_of_another_width_are_told() {
    for (name, file, wrong, from, to) in [
        ("a hash more", "tile/1/000.p/4", Wrong::Insert, 0, Some(1024)),
        ("a hash more in a full tile", "tile/0/001", Wrong::Insert, 256, Some(512)),
        ("a hash more in a partial one", "tile/0/004.p/76", Wrong::Insert, 1024, Some(1100)),
    ] {
        for bytes in [1, 32] {
            let disk = log();
            disk.put(file, [disk.bytes(file), vec![7; bytes]].concat());
            found(name, &disk, &[], wrong, from, to);
        }
        let disk = log();
        Damage::Cut(disk.bytes(file).len() - 32).to(&disk, file);
        found(&name.replace("more", "less"), &disk, &[], Wrong::Drop, from, to);
    }
    let disk = log();
    let mut entries = read_bundle(&disk, "tile/entries/001");
    entries.remove(44);
    write_bundle(&disk, "tile/entries/001", &entries);
    fit_tile(&disk, "tile/entries/001", "tile/0/001");
    found("an entry and its hash dropped", &disk, &[], Wrong::Drop, 256, Some(512));
}

#[test]
fn files_that_are_gone_are_told() {
    for (file, wrong, from, to) in [
        ("tile/entries/002", Wrong::Missing, 512, Some(768)),
        ("tile/0/002", Wrong::Missing, 512, Some(768)),
        ("tile/1/000.p/4", Wrong::Missing, 0, Some(256)),
        ("tile/0/004.p/76", Wrong::Missing, 1024, Some(1100)),
        ("tile/entries/004.p/76", Wrong::Missing, 1024, Some(1100)),
        ("checkpoint", Wrong::Missing, 0, None),
        ("content/001", Wrong::ContentMissing, 258, Some(259)),
    ] {
        let disk = log();
        Damage::Remove.to(&disk, file);
        found(file, &disk, &[], wrong, from, to);
    }
    let disk = log();
    segments_of(&disk).iter().for_each(|file| Damage::Remove.to(&disk, file));
    found("the journal", &disk, &[], Wrong::Missing, 1024, Some(1100));
}

/// The frames of the last segment, each with where it begins.
fn frames(disk: &PowerDisk) -> (String, Vec<usize>, Vec<u8>) {
    let file = segments_of(disk).pop().unwrap();
    let bytes = disk.bytes(&file);
    let (mut at, mut starts, mut body) = (HEAD_BYTES as u64, Vec::new(), Vec::new());
    while let frame::Found::Frame(length) =
        frame::read(disk, &file, at, bytes.len() as u64, &mut body).unwrap()
    {
        starts.push(usize::try_from(at).unwrap());
        at += length;
    }
    (file, starts, bytes)
}

#[test]
fn what_is_done_to_the_journal_is_told() {
    let disk = log();
    let mut more = open(&disk).0;
    for _ in 0..3 {
        more.append(&batch(more.size()..more.size() + 10)).unwrap();
    }
    let (file, starts, bytes) = frames(&disk);
    let [.., a, b, c] = starts[..] else { panic!("{starts:?}") };
    let with = |bytes: Vec<u8>| {
        let changed = disk.copy();
        changed.put(&file, bytes);
        changed
    };
    let dropped = [&bytes[..b], &bytes[c..]].concat();
    found("a frame dropped", &with(dropped), &[], Wrong::Drop, 1160, Some(1170));
    let swapped = [&bytes[..a], &bytes[b..c], &bytes[a..b], &bytes[c..]].concat();
    found("frames swapped", &with(swapped), &[], Wrong::Drop, 1150, Some(1160));
    let doubled = [&bytes[..b], &bytes[a..b], &bytes[b..]].concat();
    found("a frame doubled", &with(doubled), &[], Wrong::Insert, 1160, Some(1161));
    let mut flipped = bytes.clone();
    flipped[b + 60] ^= 1;
    found("a flip", &with(flipped.clone()), &[], Wrong::Flip, 1160, None);
    let body = u32::from_be_bytes(flipped[b..b + 4].try_into().unwrap());
    let sum = frame::checksum(&flipped[b + 12..b + 12 + usize::try_from(body).unwrap()]);
    flipped[b + 8..b + 12].copy_from_slice(&sum.to_be_bytes());
    found("a flip with its checksum", &with(flipped), &[], Wrong::Flip, 1160, Some(1170));
    let mut last = bytes.clone();
    last[c + 60] ^= 1;
    found("a flip in the last frame", &with(last), &[], Wrong::Flip, 1170, None);
}

#[test]
fn a_cut_end_shows_against_what_was_kept() {
    let disk = log();
    let kept = open(&disk).0.checkpoint().note().to_owned();
    let (file, starts, bytes) = frames(&disk);
    let cut = disk.copy();
    cut.put(&file, bytes[..*starts.last().unwrap()].to_vec());
    assert_eq!(check(&cut, &[]).verdict, Conclusion::Good, "nobody can see it without a checkpoint");
    found("the last batch", &cut, &[kept.as_bytes()], Wrong::Truncate, PUBLISHED, Some(SIZE));
    let torn = disk.copy();
    torn.put(&file, bytes[..bytes.len() - 40].to_vec());
    let report = check(&torn, &[]);
    assert!(report.verdict == Conclusion::Good && report.torn_bytes > 0, "{report}");
    found("a part of it", &torn, &[kept.as_bytes()], Wrong::Truncate, PUBLISHED, Some(SIZE));
    let published = disk.copy();
    published.put(&file, bytes[..starts[starts.len() - 2]].to_vec());
    let report = check(&published, &[]);
    let finding = report.finding.unwrap();
    assert_eq!((finding.wrong, finding.to), (Wrong::Truncate, Some(PUBLISHED)));
}

#[test]
fn a_second_history_shows_against_what_was_kept() {
    let kept: Vec<String> = [200, 600]
        .map(|size| {
            let disk = Arc::new(PowerDisk::default());
            written(&disk, size).checkpoint().note().to_owned()
        })
        .into();
    let kept: Vec<&[u8]> = kept.iter().map(|note| note.as_bytes()).collect();
    let disk = log();
    assert_eq!(check(&disk, &kept).verdict, Conclusion::Good, "the same entries");
    let other = Arc::new(PowerDisk::default());
    let (mut log, mut tiler, _) = open(&other);
    log.append(&batch(0..400)).unwrap();
    log.append(&batch(401..SIZE + 1)).unwrap();
    while tiler.advance(log.size()).unwrap() == Progress::Behind {}
    assert_eq!(check(&other, &[]).verdict, Conclusion::Good, "well signed");
    found("a fork after 200", &other, &kept, Wrong::Fork, 200, Some(600));
    found("a fork from the start", &other, &kept[1..], Wrong::Fork, 0, Some(600));
    let checkpoint = SignedCheckpoint::sign(PUBLISHED, Hash::of(b"another"), &signer());
    disk.put("checkpoint", checkpoint.note().as_bytes().to_vec());
    found("another root published", &disk, &[], Wrong::Fork, 0, Some(PUBLISHED));
}

/// An entry that erases the contents of others.
fn erase(numbers: &[u64]) -> Batch {
    let parts = Erasure::parts(
        &word("ers-1"),
        &word("op"),
        &word("request"),
        numbers.iter().map(|it| id(*it)).collect(),
    );
    let mut batch = Batch::default();
    for erasure in parts {
        let erasure = Entry { event: Event::Erasure(erasure), ..entry(900_000) };
        batch.push(erasure, None).unwrap();
    }
    batch
}

#[test]
fn content_may_go_only_with_an_erasure() {
    let gone = [3, 258, 300, 513];
    let disk = log();
    let remove = || {
        (0..4).map(|bundle| {
            crate::content::remove_contents(&*disk, bundle, &|index| gone.contains(&index)).unwrap()
        })
    };
    assert_eq!(remove().collect::<Vec<_>>(), [1, 2, 1, 0]);
    assert_eq!(remove().sum::<u64>(), 0, "nothing is left to remove");
    assert_eq!(crate::content::read_content(&*disk, 258).unwrap(), None);
    assert_eq!(crate::content::read_content(&*disk, 261).unwrap(), Some(content(261)));
    assert_eq!(crate::content::read_content(&*disk, 1101).unwrap(), Some(content(1101)), "from the journal");
    assert_eq!(crate::content::read_content(&*disk, 1102).unwrap(), None);
    found("without an erasure", &disk, &[], Wrong::ContentMissing, 3, Some(4));
    let mut log = open(&disk).0;
    log.append(&erase(&gone[..2])).unwrap();
    found("an erasure that names others", &disk, &[], Wrong::ContentMissing, 300, Some(301));
    log.append(&erase(&gone[2..])).unwrap();
    let report = check(&disk, &[]);
    assert_eq!((report.verdict, report.erased), (Conclusion::Good, 4), "{report}");
}

#[test]
fn changed_content_is_told() {
    let disk = log();
    Damage::Flip(20).to(&disk, "content/002");
    found("a flip", &disk, &[], Wrong::ContentChanged, 513, Some(514));
    let disk = log();
    let length = disk.bytes("content/002").len();
    Damage::Cut(length - 1).to(&disk, "content/002");
    assert_eq!(check(&disk, &[]).finding.unwrap().wrong, Wrong::ContentChanged);
    let disk = log();
    let (file, starts, bytes) = frames(&disk);
    let start = *starts.last().unwrap();
    let mut body = Vec::new();
    frame::read(&*disk, &file, start as u64, bytes.len() as u64, &mut body).unwrap();
    let mut changed = bytes[..start].to_vec();
    assert!(Frame { contents: &[], ..Frame::parse(&body).unwrap() }.write(&mut changed));
    disk.put(&file, changed);
    found("stripped from the journal", &disk, &[], Wrong::ContentMissing, 1101, Some(1102));
}

#[test]
fn what_cannot_be_told_is_not_called_good() {
    let disk = log();
    let other =
        NoteSigner::new("example.com/audit", Algorithm::Ed25519, SigningKey::from_seed(&[8; 32])).unwrap();
    assert_eq!(verify(&*disk, other.key(), &[]).verdict, Conclusion::CannotTell, "another key");
    assert_eq!(check(&disk, &[b"no note"]).verdict, Conclusion::CannotTell, "a kept note that is none");
    assert_eq!(check(&PowerDisk::default(), &[]).verdict, Conclusion::CannotTell, "no log");
    disk.remove("format").unwrap();
    assert_eq!(check(&disk, &[]).verdict, Conclusion::CannotTell, "no format");
    for (verdict, code) in [(Conclusion::Good, 0), (Conclusion::Tampered, 1), (Conclusion::CannotTell, 3)] {
        assert_eq!(verdict.exit_code(), code);
    }
}

/// A log that grows while it is read.
struct Busy {
    disk: Arc<PowerDisk>,
    writer: std::sync::Mutex<(crate::log::Log, crate::log::Tiler, usize)>,
    /// Reads between one batch and the next.
    pace: usize,
}

impl crate::port::Files for Busy {
    fn length(&self, name: &str) -> std::io::Result<Option<u64>> {
        self.disk.length(name)
    }

    fn read(&self, name: &str, at: u64, into: &mut [u8]) -> std::io::Result<()> {
        let (log, tiler, reads) = &mut *self.writer.lock().unwrap();
        *reads += 1;
        if reads.is_multiple_of(self.pace) {
            log.append(&batch(log.size()..log.size() + 97)).unwrap();
            tiler.advance(log.size()).unwrap();
        }
        self.disk.read(name, at, into)
    }

    fn list(&self, folder: &str) -> std::io::Result<Vec<String>> {
        self.disk.list(folder)
    }
}

#[test]
fn a_log_that_is_written_meanwhile_is_good() {
    for pace in [300, 451, 700, 1500] {
        let disk = Arc::new(PowerDisk::default());
        let mut log = written(&disk, PUBLISHED);
        log.append(&batch(PUBLISHED..SIZE)).unwrap();
        let (mut log, tiler, _) = open(&disk);
        log.segment_bytes_max = 20_000;
        let busy = Busy { disk, writer: std::sync::Mutex::new((log, tiler, 0)), pace };
        let report = verify(&busy, signer().key(), &[]);
        assert_eq!(report.verdict, Conclusion::Good, "{pace}: {report}");
        assert!(report.entries > SIZE || pace > 700, "{pace}: {report}");
    }
}

/// The verifier's own reader of heads finds what the writer wrote.
mod reading {
    use proptest::prelude::*;

    use super::super::read;
    use crate::entry::Event;
    use crate::entry::tests::entries;

    proptest! {
        #[test]
        fn heads_are_read(entry in entries()) {
            let bytes = entry.encode().unwrap();
            let head = read::head(&bytes).unwrap();
            prop_assert_eq!((head.id, head.at, head.content), (entry.id.0, entry.at.0, entry.content.map(|it| it.0)));
            let ids = head.erasure.map(|fields| read::erased(fields).unwrap());
            let want = match entry.event {
                Event::Erasure(erasure) => Some(erasure.entries.iter().map(|id| id.0).collect::<Vec<_>>()),
                _ => None,
            };
            prop_assert_eq!(ids, want);
        }
    }
}

/// Two witnesses, and what is kept of them beside a log.
fn witness(seed: u8) -> NoteSigner {
    let secret = SigningKey::from_seed(&[seed; 32]);
    NoteSigner::new(&format!("witness-{seed}.example"), Algorithm::CosignatureEd25519, secret).unwrap()
}

fn cosigned(note: &[u8], witness: &NoteSigner, at_secs: u64) -> Vec<u8> {
    let checkpoint = SignedCheckpoint::parse(note, signer().key()).unwrap();
    let line = cosign(&checkpoint.checkpoint().to_string(), at_secs, witness).unwrap();
    [note, line.as_bytes()].concat()
}

fn quorum(witnesses: &[&NoteSigner], demanded: usize) -> Quorum {
    Quorum { witnesses: witnesses.iter().map(|it| it.key().clone()).collect(), demanded }
}

#[test]
fn witnesses_are_counted_and_a_quorum_can_be_demanded() {
    let (first, second) = (witness(1), witness(2));
    let disk = Arc::new(PowerDisk::default());
    drop(written(&disk, 300));
    let early = disk.bytes("checkpoint");
    drop(written(&disk, PUBLISHED));
    let late = disk.bytes("checkpoint");
    disk.put(&Cosigned::file(first.key()), cosigned(&late, &first, 1_700_000_000));
    for (name, kept, quorum, want) in [
        ("nobody is asked for", vec![], quorum(&[], 0), Conclusion::Good),
        ("one cosigned", vec![], quorum(&[&first, &second], 1), Conclusion::Good),
        ("two are demanded", vec![], quorum(&[&first, &second], 2), Conclusion::CannotTell),
        ("one is counted once", vec![], quorum(&[&first, &first], 2), Conclusion::CannotTell),
        ("the other one", vec![], quorum(&[&second], 1), Conclusion::CannotTell),
        (
            "a kept one counts",
            vec![cosigned(&early, &second, 1_600_000_000)],
            quorum(&[&first, &second], 2),
            Conclusion::Good,
        ),
    ] {
        let kept: Vec<&[u8]> = kept.iter().map(Vec::as_slice).collect();
        let report = verify_witnessed(&*disk, signer().key(), &kept, &quorum);
        assert_eq!(report.verdict, want, "{name}: {report}");
    }
    let kept = cosigned(&early, &second, 1_600_000_000);
    let report = verify_witnessed(&*disk, signer().key(), &[&kept], &quorum(&[&first, &second], 2));
    let names: Vec<&str> = report.witnesses.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["witness-1.example", "witness-2.example"], "in the order of their keys");
    let report = verify_witnessed(&*disk, signer().key(), &[], &quorum(&[&second, &first], 0));
    let want =
        Witnessed { name: "witness-1.example".to_owned(), size: PUBLISHED, at: UnixMs(1_700_000_000_000) };
    assert_eq!(report.witnesses, [want]);
    assert!(
        report.to_string().contains("witness      witness-1.example: 1100 entries, 2023-11-14T22:13:20Z\n")
    );
}

#[test]
fn a_log_that_is_not_what_was_cosigned_is_found() {
    let first = witness(1);
    let file = Cosigned::file(first.key());
    let disk = Arc::new(PowerDisk::default());
    drop(written(&disk, 300));
    let longer = Arc::new(PowerDisk::default());
    drop(written(&longer, 700));
    let later = cosigned(&longer.bytes("checkpoint"), &first, 5);
    disk.put(&file, later);
    found("an old copy", &disk, &[], Wrong::Truncate, 300, Some(700));
    let other = SignedCheckpoint::sign(200, Hash::of(b"another history"), &signer());
    disk.put(&file, cosigned(other.note().as_bytes(), &first, 5));
    found("another history", &disk, &[], Wrong::Fork, 0, Some(200));
    let published = disk.bytes("checkpoint");
    let mut forged = cosigned(&published, &first, 5);
    let at = forged.len() - 8;
    forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
    disk.put(&file, forged);
    assert_eq!(check(&disk, &[]).verdict, Conclusion::Good, "whose it is nobody knows without the key");
    let report = verify_witnessed(&*disk, signer().key(), &[], &quorum(&[&first], 0));
    assert_eq!(report.finding.unwrap().wrong, Wrong::Signature);
    disk.put(&file, published.iter().rev().copied().collect());
    assert_eq!(check(&disk, &[]).verdict, Conclusion::Tampered, "not a note");
    disk.put(&file, published);
    disk.put("cosigned/lock", vec![]);
    disk.put("cosigned/0123456789abcdef0123456789abcdef.new", b"half".to_vec());
    good(&disk);
}

fn good(disk: &PowerDisk) {
    let report = check(disk, &[]);
    assert_eq!(report.verdict, Conclusion::Good, "{report}");
}
