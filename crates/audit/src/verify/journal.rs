//! The verifier's own reading of the journal.

use crc::{CRC_32_ISCSI, Crc, Table};

use super::read::{self, next_entry, read_at, unreadable};
use super::{Finding, Stop, Wrong};
use crate::port::Files;
use crate::tree::Hash;

const CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
/// Bytes of a segment's head.
const SEGMENT_HEAD: u64 = 64;
/// Bytes before a frame's body.
const FRAME_HEAD: u64 = 12;
/// Frames are filled up to a multiple of this.
const STEP: u64 = 32;
/// Bytes of the longest body.
const BODY_BYTES_MAX: u64 = 24 << 20;

/// One batch.
pub(super) struct Batch {
    pub(super) first: u64,
    pub(super) end: u64,
    /// First index of its segment.
    pub(super) segment: u64,
    body: Vec<u8>,
    /// Where in the body the note begins, and the contents.
    note: usize,
    contents: usize,
}

impl Batch {
    /// The entries, one after the other, as in a bundle.
    pub(super) fn entries(&self) -> &[u8] {
        self.body.get(20..self.note).unwrap_or_default()
    }

    pub(super) fn note(&self) -> &[u8] {
        self.body.get(self.note..self.contents).unwrap_or_default()
    }

    /// The contents: place in the batch, length, bytes.
    pub(super) fn contents(&self) -> &[u8] {
        self.body.get(self.contents..).unwrap_or_default()
    }

    pub(super) fn file(&self) -> String {
        segment_file(self.segment)
    }

    fn parse(body: Vec<u8>, segment: u64) -> Option<Self> {
        let number = |at: usize| body.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        let first = u64::from(number(0)?) << 32 | u64::from(number(4)?);
        let (count, entries, note) =
            (number(8)?, usize::try_from(number(12)?).ok()?, usize::try_from(number(16)?).ok()?);
        let (note, contents) = (20 + entries, 20 + entries + note);
        let mut rest = body.get(20..note)?;
        let mut counted = 0;
        while next_entry(&mut rest).is_some() {
            counted += 1;
        }
        let adds_up = rest.is_empty() && counted == count && contents <= body.len();
        adds_up.then_some(Self {
            first,
            end: first.checked_add(u64::from(count))?,
            segment,
            body,
            note,
            contents,
        })
    }
}

/// Goes through the journal, one batch in memory at a time.
pub(super) struct Journal<'a> {
    files: &'a dyn Files,
    /// First indexes of the segments to come, last first.
    segments: Vec<u64>,
    segment: u64,
    file: String,
    length: u64,
    at: u64,
    /// Index of the next entry.
    next: u64,
    /// The heads of segments that were passed: size and root.
    pub(super) heads: Vec<(u64, Hash)>,
    pub(super) torn_bytes: u64,
}

impl<'a> Journal<'a> {
    /// The journal from the last segment on that begins at or before entry `from`: segments before are in bundles, and only wait to be
    /// removed.
    pub(super) fn open(files: &'a dyn Files, from: u64) -> Result<Self, Stop> {
        let names = files.list("journal").map_err(|error| unreadable("journal", &error))?;
        let mut segments: Vec<u64> =
            names.iter().filter(|name| name.len() == 20).filter_map(|name| name.parse().ok()).collect();
        segments.sort_unstable_by(|a, b| b.cmp(a));
        let needed = segments.partition_point(|first| *first > from) + 1;
        segments.truncate(needed);
        let next = segments.last().copied().unwrap_or(0);
        Ok(Self {
            files,
            segments,
            segment: 0,
            file: String::new(),
            length: 0,
            at: 0,
            next,
            heads: Vec::new(),
            torn_bytes: 0,
        })
    }

    /// Index of the first entry that is still in the journal, before the first batch was read.
    pub(super) fn start(&self) -> Option<u64> {
        self.segments.last().copied()
    }

    /// The next batch; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Batch>, Stop> {
        while self.at == self.length {
            let Some(first) = self.segments.pop() else { return Ok(None) };
            self.open_segment(first)?;
        }
        let left = self.length - self.at;
        let mut head = [0; FRAME_HEAD as usize];
        if left < FRAME_HEAD {
            return self.end_torn(true);
        }
        read_at(self.files, &self.file, self.at, &mut head)?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
        let (size, complement) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        let bytes = (FRAME_HEAD + u64::from(size)).next_multiple_of(STEP);
        let intact = size == !complement && u64::from(size) <= BODY_BYTES_MAX;
        if intact && bytes > left {
            return self.end_torn(true);
        }
        if !intact || bytes > left {
            return self.end_torn(false);
        }
        let mut body = vec![0; usize::try_from(bytes - FRAME_HEAD).unwrap_or(usize::MAX)];
        read_at(self.files, &self.file, self.at + FRAME_HEAD, &mut body)?;
        let padding = body.split_off(usize::try_from(size).unwrap_or(usize::MAX));
        let sums_up = CRC.checksum(&body) == u32::from_be_bytes([i, j, k, l]);
        if !sums_up || padding.iter().any(|byte| *byte != 0xff) {
            // Only the last write can be unfinished.
            return if bytes == left { self.end_torn(false) } else { Err(self.wrong(Wrong::Flip, None)) };
        }
        let batch = Batch::parse(body, self.segment).ok_or_else(|| self.wrong(Wrong::Flip, None))?;
        if batch.first != self.next {
            let wrong = if batch.first > self.next { Wrong::Drop } else { Wrong::Insert };
            return Err(self.wrong(wrong, Some(batch.first.max(self.next + 1))));
        }
        self.at += bytes;
        self.next = batch.end;
        Ok(Some(batch))
    }

    fn open_segment(&mut self, first: u64) -> Result<(), Stop> {
        self.segment = first;
        self.file = segment_file(first);
        self.at = 0;
        let length = self.files.length(&self.file).map_err(|error| unreadable(&self.file, &error))?;
        self.length = length.unwrap_or(0);
        if first != self.next {
            let (from, to) = (self.next.min(first), self.next.max(first));
            return Err(Stop::Wrong(Finding {
                wrong: Wrong::Drop,
                from,
                to: Some(to),
                file: self.file.clone(),
            }));
        }
        let mut head = [0; SEGMENT_HEAD as usize];
        if self.length < SEGMENT_HEAD {
            return self.end_torn(true).map(drop);
        }
        read_at(self.files, &self.file, 0, &mut head)?;
        let (Some((summed, sum)), Some(root)) = (head.split_last_chunk::<4>(), head.get(20..52)) else {
            return Ok(());
        };
        let named =
            u64::from_be_bytes(summed.get(12..20).and_then(|it| it.try_into().ok()).unwrap_or_default());
        let version = summed.get(8..12).unwrap_or_default();
        if CRC.checksum(summed) != u32::from_be_bytes(*sum)
            || !summed.starts_with(b"BWAUDIT\n")
            || named != first
        {
            return self.end_torn(false).map(drop);
        }
        if version != [0, 0, 0, 1] {
            return Err(Stop::CannotTell(format!(
                "`{}` is of a release that this one does not know",
                self.file
            )));
        }
        self.heads.extend(Hash::from_slice(root).map(|root| (first, root)));
        self.at = SEGMENT_HEAD;
        Ok(())
    }

    /// The journal ends in an unfinished write, if this is its end and looks so: cut short, or with a sector that reads as zeros.
    fn end_torn(&mut self, cut: bool) -> Result<Option<Batch>, Stop> {
        let left = self.length - self.at;
        if !self.segments.is_empty() || left > BODY_BYTES_MAX + FRAME_HEAD + STEP {
            return Err(self.wrong(Wrong::Flip, None));
        }
        let mut rest = vec![0; usize::try_from(left).unwrap_or(0)];
        read_at(self.files, &self.file, self.at, &mut rest)?;
        let (mut at, mut rest, mut hole) = (self.at, rest.as_slice(), false);
        while !rest.is_empty() {
            let sector = usize::try_from(512 - at % 512).unwrap_or(512).min(rest.len());
            let (bytes, after) = rest.split_at(sector);
            hole |= bytes.iter().all(|byte| *byte == 0);
            at += sector as u64;
            rest = after;
        }
        if !cut && !hole {
            return Err(self.wrong(Wrong::Flip, None));
        }
        self.torn_bytes = left;
        self.at = self.length;
        Ok(None)
    }

    fn wrong(&self, wrong: Wrong, to: Option<u64>) -> Stop {
        Stop::Wrong(Finding { wrong, from: self.next, to, file: self.file.clone() })
    }
}

fn segment_file(first: u64) -> String {
    format!("journal/{first:020}")
}

/// The content at the front of those of a batch: which entry, its bytes, and what follows; none where it is malformed.
pub(super) fn split_content(contents: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (which, rest) = contents.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (content, after) = rest.split_at_checked(length)?;
    Some((u32::from_be_bytes(*which), content, after))
}

/// What a batch's note claims.
pub(super) fn claim(batch: &Batch, key: &crate::c2sp::NoteKey) -> Result<read::Claim, Stop> {
    let signed = read::claim(batch.note(), key).ok().filter(|claim| claim.size == batch.end);
    let finding =
        || Finding { wrong: Wrong::Signature, from: batch.first, to: Some(batch.end), file: batch.file() };
    signed.ok_or_else(|| Stop::Wrong(finding()))
}
