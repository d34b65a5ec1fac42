//! One batch in the journal. All numbers are big-endian.
//!
//! ```text
//! u32 bytes of the body | u32 its complement | u32 CRC-32C of the body | body | FF up to a multiple of 32
//! body: u64 first index | u32 entries | u32 bytes of entries | u32 bytes of the note | entries | note | contents
//! entries: as in a bundle          contents: u32 which entry of the batch | u32 bytes | content, for those that have some
//! ```

use std::io;

use crc::{CRC_32_ISCSI, Crc, Table};

use crate::port::Files;

/// CRC-32C (Castagnoli), as iSCSI has it (RFC 3720 §12.1). It tells a write that was cut short; that nothing was changed, the tree tells.
const CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Bytes before the body.
pub(crate) const FRAME_HEAD: usize = 12;
/// Bytes of the body before entries.
const BODY_HEAD: usize = 20;
/// Longest body: a full batch and its note stay below.
pub(crate) const BODY_BYTES_MAX: u32 = 24 << 20;
/// What a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;
/// Frames begin and end at a multiple of this, so that no sector holds less of one. No piece of a frame as long as this is all zeros:
/// entries and notes are text, contents ciphertext.
const ALIGNMENT: u64 = 32;
/// What fills a frame up.
const PADDING: u8 = 0xff;

pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// A batch as it stands in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Index of its first entry.
    pub(crate) first: u64,
    /// Entries.
    pub(crate) count: u32,
    pub(crate) entries: &'a [u8],
    pub(crate) note: &'a [u8],
    pub(crate) contents: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Index after its last entry.
    pub(crate) fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count))
    }

    /// Appends the frame; false, and nothing is appended, if it is longer than a reader takes.
    pub(crate) fn write(&self, to: &mut Vec<u8>) -> bool {
        let body = BODY_HEAD + self.entries.len() + self.note.len() + self.contents.len();
        let (Ok(body), Ok(entries), Ok(note)) =
            (u32::try_from(body), u32::try_from(self.entries.len()), u32::try_from(self.note.len()))
        else {
            return false;
        };
        if body > BODY_BYTES_MAX {
            return false;
        }
        let start = to.len();
        to.extend_from_slice(&body.to_be_bytes());
        to.extend_from_slice(&(!body).to_be_bytes());
        to.extend_from_slice(&[0; 4]);
        to.extend_from_slice(&self.first.to_be_bytes());
        for number in [self.count, entries, note] {
            to.extend_from_slice(&number.to_be_bytes());
        }
        for part in [self.entries, self.note, self.contents] {
            to.extend_from_slice(part);
        }
        let sum = checksum(to.get(start + FRAME_HEAD..).unwrap_or_default());
        if let Some(place) = to.get_mut(start + 8..start + FRAME_HEAD) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
        to.resize(start + (to.len() - start).next_multiple_of(ALIGNMENT as usize), PADDING);
        true
    }

    /// Reads a body; `None` if the lengths in it do not add up.
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        let (first, rest) = body.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (entries, rest) = rest.split_first_chunk()?;
        let (note, rest) = rest.split_first_chunk()?;
        let size = |bytes: &[u8; 4]| usize::try_from(u32::from_be_bytes(*bytes)).ok();
        let (entries, rest) = rest.split_at_checked(size(entries)?)?;
        let (note, contents) = rest.split_at_checked(size(note)?)?;
        let count = u32::from_be_bytes(*count);
        Some(Self { first: u64::from_be_bytes(*first), count, entries, note, contents })
    }

    /// The contents, each with the place of its entry in the batch; after an error (`None`) there is nothing.
    pub(crate) fn contents(&self) -> impl Iterator<Item = Option<(u32, &'a [u8])>> {
        let mut rest = Some(self.contents);
        std::iter::from_fn(move || {
            let bytes = rest.take().filter(|bytes| !bytes.is_empty())?;
            let Some((which, content, after)) = split_content(bytes) else { return Some(None) };
            rest = Some(after);
            Some(Some((which, content)))
        })
    }
}

fn split_content(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (which, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (content, after) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((u32::from_be_bytes(*which), content, after))
}

/// Bytes before a content.
pub(crate) const CONTENT_HEAD: usize = 8;

/// Appends one content.
pub(crate) fn push_content(which: u32, content: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(&which.to_be_bytes());
    to.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend_from_slice(content);
}

/// What stands at some place of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole frame, of so many bytes with its head.
    Frame(u64),
    /// The end.
    End,
    /// An unfinished write: the rest of the file was never acknowledged.
    Torn,
    /// Bytes that nobody wrote so.
    Damaged,
}

/// Reads what stands at byte `at` of a segment of `length` bytes; the body of a whole frame goes into `body`.
pub(crate) fn read(
    files: &dyn Files,
    name: &str,
    at: u64,
    length: u64,
    body: &mut Vec<u8>,
) -> io::Result<Found> {
    let left = length.saturating_sub(at);
    let mut head = [0; FRAME_HEAD];
    match left {
        0 => return Ok(Found::End),
        _ if left < head.len() as u64 => return Ok(Found::Torn),
        _ => files.read(name, at, &mut head)?,
    }
    let number =
        |at: usize| head.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |it| u32::from_be_bytes(*it));
    let (size, complement, sum) = (number(0), number(4), number(8));
    let bytes = (FRAME_HEAD as u64 + u64::from(size)).next_multiple_of(ALIGNMENT);
    if size == !complement && size <= BODY_BYTES_MAX {
        if bytes > left {
            return Ok(Found::Torn);
        }
        body.clear();
        body.resize(usize::try_from(bytes).unwrap_or(usize::MAX) - FRAME_HEAD, 0);
        files.read(name, at + FRAME_HEAD as u64, body)?;
        let padding = body.split_off(usize::try_from(size).unwrap_or(usize::MAX));
        if checksum(body) == sum && padding.iter().all(|byte| *byte == PADDING) {
            return Ok(Found::Frame(bytes));
        }
    }
    // A frame that something follows was finished, and so is one longer than any batch.
    let last = (size == 0 && complement == 0) || size != !complement || bytes == left;
    if !last || left > u64::from(BODY_BYTES_MAX) + FRAME_HEAD as u64 + ALIGNMENT {
        return Ok(Found::Damaged);
    }
    let mut rest = vec![0; usize::try_from(left).unwrap_or(usize::MAX)];
    files.read(name, at, &mut rest)?;
    Ok(if looks_torn(at, &rest) { Found::Torn } else { Found::Damaged })
}

/// Whether a write of `bytes` to byte `at` of a file looks unfinished: a sector that never reached the disk reads as zeros. A bit
/// that flipped in a frame that had been finished does not look so.
pub(crate) fn looks_torn(at: u64, bytes: &[u8]) -> bool {
    let to_boundary = usize::try_from(SECTOR_BYTES - at % SECTOR_BYTES).unwrap_or(0);
    let (first, rest) = bytes.split_at_checked(to_boundary).unwrap_or((bytes, &[]));
    let sectors = std::iter::once(first).chain(rest.chunks(SECTOR_BYTES as usize));
    sectors.filter(|sector| !sector.is_empty()).any(|sector| sector.iter().all(|byte| *byte == 0))
}
