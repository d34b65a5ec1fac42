//! Records in a file: length, its complement, checksum, bytes. The complement tells a damaged length from a record cut short.

use std::io::{self, Read};

use crc::{CRC_32_ISCSI, Crc, Table};

/// CRC-32C (Castagnoli), as iSCSI has it (RFC 3720 §12.1), sixteen bytes at a time: every decision is summed.
const CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Bytes before a record's own.
pub(super) const HEAD: usize = 12;

/// Longest record: a shard of a snapshot in which every log is full stays far below.
const RECORD_BYTES_MAX: u64 = 256 << 20;

pub(super) fn checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// What stands before a record.
#[derive(Clone, Copy)]
pub(super) struct FrameHead {
    /// Length and complement. Never zero, so that zeros are no record.
    pub(super) length: [u8; 8],
    pub(super) checksum: [u8; 4],
}

impl FrameHead {
    pub(super) fn of(record: &[u8]) -> io::Result<Self> {
        let length = u32::try_from(record.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let both = u64::from(!length) << 32 | u64::from(length);
        Ok(Self { length: both.to_le_bytes(), checksum: checksum(record).to_le_bytes() })
    }
}

/// Puts a record, of which `head` was made, into `frame`, replacing what is there.
pub(super) fn write(head: FrameHead, record: &[u8], frame: &mut Vec<u8>) {
    frame.clear();
    frame.extend_from_slice(&head.length);
    frame.extend_from_slice(&head.checksum);
    frame.extend_from_slice(record);
}

/// What stands at some place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole record, of so many bytes with its frame.
    Record(u64),
    /// The end of the file.
    End,
    /// No record begins here: zeros where its length would be.
    Free,
    /// The beginning of a record, cut short by the end of the file.
    Torn,
    /// Bytes that nobody wrote so.
    Damaged,
}

/// Reads what comes next into `record`; `left` bytes remain in the file.
pub(super) fn read(file: &mut impl Read, left: u64, record: &mut Vec<u8>) -> io::Result<Found> {
    if left == 0 {
        return Ok(Found::End);
    }
    if left < HEAD as u64 {
        return Ok(Found::Torn);
    }
    let mut head = [[0; 4]; 3];
    for part in &mut head {
        file.read_exact(part)?;
    }
    let [length, complement, sum] = head.map(u32::from_le_bytes);
    if length == 0 && complement == 0 {
        return Ok(Found::Free);
    }
    if length != !complement || u64::from(length) > RECORD_BYTES_MAX {
        return Ok(Found::Damaged);
    }
    let bytes = HEAD as u64 + u64::from(length);
    if bytes > left {
        return Ok(Found::Torn);
    }
    record.clear();
    file.take(u64::from(length)).read_to_end(record)?;
    Ok(if checksum(record) == sum { Found::Record(bytes) } else { Found::Damaged })
}
