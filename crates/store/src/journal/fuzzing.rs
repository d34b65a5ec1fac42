//! What the fuzz target asserts of files of the journal: what was written whole is read back whole, what was cut counts up to there, and
//! what was changed is noticed.
#![expect(clippy::unwrap_used, reason = "a broken assertion ends the fuzzer's run")]

use botwarden_types::{Now, Tick, UnixMs};

use super::file::Kind;
use super::frame::{self, Found, FrameHead};
use super::header::{self, Boot, Header};
use super::recovery::{Survey, Unsound};

const BOOT: Boot = Boot([1; 16]);
const OTHER_BOOT: Boot = Boot([2; 16]);

pub(crate) fn check(bytes: &[u8]) {
    let header = Header { boot: BOOT, written: Now { tick: Tick(7), wall: UnixMs(8) } }.bytes();
    surveyed(bytes);
    surveyed(&[&header, bytes].concat());
    let (at, rest) = bytes.split_first_chunk().unwrap_or((&[0, 0, 1], bytes));
    let records = records(rest);
    let mut file = header.to_vec();
    for record in &records {
        let mut frame = Vec::new();
        frame::write(FrameHead::of(record).unwrap(), record, &mut frame);
        file.extend_from_slice(&frame);
    }
    whole(&file, &records);
    let [high, low, what] = *at;
    let at = usize::from(u16::from_be_bytes([high, low])) % (file.len() + 1);
    cut(&file, at, &records);
    changed(file, at, what.max(1), &records);
}

/// Any bytes: what is taken is whole, and the rest is at most what is there.
fn surveyed(file: &[u8]) {
    for (kind, boot) in [(Kind::Log, BOOT), (Kind::Log, OTHER_BOOT), (Kind::Snapshot, BOOT)] {
        let Ok(survey) = survey(file, kind, boot) else { continue };
        let length = file.len() as u64;
        assert!(survey.whole_bytes + survey.lost_bytes <= length);
        assert!(kind == Kind::Log || survey.whole_bytes == length);
        read_back(file, survey.whole_bytes);
    }
}

fn whole(file: &[u8], records: &[&[u8]]) {
    for kind in [Kind::Log, Kind::Snapshot] {
        let survey = survey(file, kind, BOOT).unwrap();
        assert_eq!((survey.whole_bytes, survey.lost_bytes), (file.len() as u64, 0));
        assert_eq!(read_back(file, survey.whole_bytes), records);
    }
}

/// A log that was cut holds what was whole; a snapshot that was cut is none, unless the cut falls between two records.
fn cut(file: &[u8], at: usize, records: &[&[u8]]) {
    let file = file.get(..at).unwrap();
    let survey_of_log = survey(file, Kind::Log, BOOT).unwrap();
    let kept = read_back(file, survey_of_log.whole_bytes);
    assert!(records.starts_with(&kept.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    let between = survey_of_log.whole_bytes == file.len() as u64 && at >= header::BYTES;
    assert_eq!(survey(file, Kind::Snapshot, BOOT).is_ok(), between);
}

/// A change is noticed, whatever was changed; after another boot, a log counts up to there.
fn changed(mut file: Vec<u8>, at: usize, what: u8, records: &[&[u8]]) {
    let Some(byte) = file.get_mut(at) else { return };
    *byte ^= what;
    for kind in [Kind::Log, Kind::Snapshot] {
        let noticed = survey(&file, kind, BOOT).unwrap_err();
        let is_header = at < header::BYTES;
        assert_eq!(is_header, matches!(noticed, Unsound::Foreign(_)), "{noticed:?}");
    }
    if let Ok(survey) = survey(&file, Kind::Log, OTHER_BOOT) {
        let kept = read_back(&file, survey.whole_bytes);
        assert!(kept.len() < records.len() && at as u64 >= survey.whole_bytes);
        assert!(records.starts_with(&kept.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    }
}

fn survey(mut file: &[u8], kind: Kind, boot: Boot) -> Result<Survey, Unsound> {
    let length = file.len() as u64;
    Survey::through(&mut file, length, kind, boot)
}

/// The records in the first `bytes` of a file, all of it records.
fn read_back(file: &[u8], bytes: u64) -> Vec<Vec<u8>> {
    let (mut records, mut record) = (Vec::new(), Vec::new());
    let mut left = bytes.saturating_sub(header::BYTES as u64);
    let Some(mut rest) = file.get(header::BYTES..) else { return records };
    loop {
        match frame::read(&mut rest, left, &mut record).unwrap() {
            Found::Record(bytes) => left -= bytes,
            found => {
                assert_eq!(found, Found::End);
                return records;
            }
        }
        records.push(record.clone());
    }
}

/// The bytes as records: of each, its first byte says how long it is.
fn records(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (record, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        records.push(record);
        bytes = rest;
    }
    records
}
