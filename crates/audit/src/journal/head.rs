//! What a segment begins with.

use super::frame::checksum;
use crate::tree::{HASH_BYTES, Hash};

/// The first bytes of every segment.
const MAGIC: &[u8; 8] = b"BWAUDIT\n";
/// Version of segments and frames.
pub(crate) const VERSION: u32 = 1;
/// Not used; it makes the head as long as two steps of a frame's alignment.
const RESERVED: [u8; 8] = [0xff; 8];
/// Bytes of a head: magic, version, first index, root, reserved, checksum.
pub(crate) const HEAD_BYTES: usize = 8 + 4 + 8 + HASH_BYTES + RESERVED.len() + 4;

/// Where a segment goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    /// Index of its first entry.
    pub(crate) first: u64,
    /// Root over all entries before.
    pub(crate) root: Hash,
}

/// Why bytes are no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Of another release.
    Version(u32),
    /// Not a head.
    Malformed,
}

impl SegmentHead {
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        let start = to.len();
        to.extend_from_slice(MAGIC);
        to.extend_from_slice(&VERSION.to_be_bytes());
        to.extend_from_slice(&self.first.to_be_bytes());
        to.extend_from_slice(&self.root.0);
        to.extend_from_slice(&RESERVED);
        let sum = checksum(to.get(start..).unwrap_or_default());
        to.extend_from_slice(&sum.to_be_bytes());
    }

    pub(crate) fn parse(bytes: &[u8; HEAD_BYTES]) -> Result<Self, Unread> {
        let parse = || {
            let (summed, sum) = bytes.split_last_chunk()?;
            let rest = summed.strip_prefix(MAGIC)?;
            let (version, rest) = rest.split_first_chunk()?;
            let (first, rest) = rest.split_first_chunk()?;
            let root = rest.strip_suffix(&RESERVED)?;
            let intact = checksum(summed) == u32::from_be_bytes(*sum);
            let head = Self { first: u64::from_be_bytes(*first), root: Hash::from_slice(root)? };
            intact.then_some((u32::from_be_bytes(*version), head))
        };
        match parse() {
            Some((VERSION, head)) => Ok(head),
            Some((version, _)) => Err(Unread::Version(version)),
            None => Err(Unread::Malformed),
        }
    }
}
