//! The journal: batches of entries, each with the signed checkpoint that includes them, written before anything is acknowledged.
//!
//! It lies in segments. A segment begins with a [`SegmentHead`], then comes one [frame](frame) a batch. Only the last frame of the last
//! segment can be unfinished. `docs/formats/audit-log.md` describes the bytes.

pub(crate) mod frame;
mod head;
pub(crate) mod segments;

pub(crate) use frame::Frame;
#[cfg(test)]
pub(crate) use head::HEAD_BYTES;
pub(crate) use head::SegmentHead;
