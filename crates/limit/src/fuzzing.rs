//! What the fuzz target asserts. Its corpus lies in `testdata/fuzz/limit_journal` and is replayed as an ordinary test.
#![expect(clippy::unwrap_used, reason = "a broken assertion ends the fuzzer's run")]

use botwarden_types::{Now, Tick, UnixMs};

use crate::{JournalError, Limiter, Recorded, RecordedClock, Settings};

const NOW: Now = Now { tick: Tick(3_000_000_000), wall: UnixMs(1_800_000_000_000) };

/// The bytes as records of a journal, whole by their checksums, from this boot or the one before: they are counted or refused, and a
/// snapshot of what was counted is read again.
pub fn limit_journal(bytes: &[u8]) {
    let (clock, rest) = bytes.split_first_chunk::<17>().unwrap_or((&[0; 17], bytes));
    let mut records = Records { clock: clock_of(clock), records: records(rest) };
    let (limiter, count) = (limiter(), records.records.len() as u64);
    let Ok(restored) = limiter.restore(&mut records, NOW) else { return };
    assert_eq!(restored.records, count);
    let mut snapshot = Records { clock: RecordedClock::SameBoot, records: Vec::new() };
    let mut write = |record: &[u8]| {
        snapshot.records.push(record.to_vec());
        Ok(())
    };
    limiter.snapshot(NOW, &mut write).unwrap();
    snapshot.records.reverse();
    self::limiter().restore(&mut snapshot, NOW).unwrap();
}

fn limiter() -> Limiter {
    Limiter::new(Settings { keys_max: 256, sums_max: 64, open_max: 1, ..Settings::new([7; 32]) })
}

struct Records {
    clock: RecordedClock,
    /// The first is the last.
    records: Vec<Vec<u8>>,
}

impl Recorded for Records {
    fn clock(&self) -> RecordedClock {
        self.clock
    }

    fn next(&mut self, record: &mut Vec<u8>) -> Result<bool, JournalError> {
        Ok(self.records.pop().map(|next| *record = next).is_some())
    }
}

/// An even first byte for this boot, else tick and wall clock of another.
fn clock_of(bytes: &[u8; 17]) -> RecordedClock {
    let [how, clocks @ ..] = bytes;
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let (tick, wall) = clocks.split_at(8);
    match how % 2 {
        0 => RecordedClock::SameBoot,
        _ => RecordedClock::Booted { last: Now { tick: Tick(number(tick)), wall: UnixMs(number(wall)) } },
    }
}

/// The bytes as records: of each, the first two bytes say how long it is. Last first.
fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (record, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        records.push(record.to_vec());
        bytes = rest;
    }
    records.reverse();
    records
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    fn corpus() -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/fuzz/limit_journal");
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
    }

    #[test]
    fn the_saved_corpus_passes() {
        let inputs = corpus();
        assert!(!inputs.is_empty());
        inputs.iter().for_each(|input| super::limit_journal(input));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_damaged_corpus_passes(which: prop::sample::Index, at: prop::sample::Index, what: u8) {
            let inputs = corpus();
            let mut bytes = inputs[which.index(inputs.len())].clone();
            let at = at.index(bytes.len());
            bytes[at] ^= what;
            super::limit_journal(&bytes);
        }
    }
}
