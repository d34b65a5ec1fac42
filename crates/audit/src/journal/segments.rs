//! The files of the journal, and walking through the frames in them.

use std::io;

use super::frame::{self, Found};
use super::head::{HEAD_BYTES, SegmentHead, Unread};
use crate::port::Files;

/// The folder of the segments.
pub(crate) const FOLDER: &str = "journal";

/// The file of the segment that begins with entry `first`.
pub(crate) fn name(first: u64) -> String {
    format!("{FOLDER}/{first:020}")
}

/// The first index of each segment there is, ascending. Files with other names are none of ours.
pub(crate) fn list(files: &dyn Files) -> io::Result<Vec<u64>> {
    let names = files.list(FOLDER)?;
    let is_name = |name: &&String| name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    let mut firsts: Vec<u64> = names.iter().filter(is_name).filter_map(|name| name.parse().ok()).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Where in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) byte: u64,
}

/// What comes next in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A frame, of so many bytes; it is in the buffer.
    Frame(u64),
    /// The end of the segment.
    End,
    /// An unfinished write, to the end of the file.
    Torn,
    /// Damage.
    Damaged,
    /// A segment of another release.
    Version(u32),
}

/// Goes through one segment.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) first: u64,
    pub(crate) at: u64,
}

impl Cursor {
    pub(crate) fn new(first: u64) -> Self {
        Self { first, at: 0 }
    }

    pub(crate) fn place(&self) -> Place {
        Place { file: name(self.first), byte: self.at }
    }

    /// Reads the next frame into `body`. At the start it reads the head before.
    pub(crate) fn next(
        &mut self,
        files: &dyn Files,
        body: &mut Vec<u8>,
    ) -> io::Result<(Step, Option<SegmentHead>)> {
        let file = name(self.first);
        let length = files.length(&file)?.unwrap_or(0);
        let mut head = None;
        if self.at == 0 {
            match read_head(files, &file, length)? {
                Ok(read) if read.first == self.first => head = Some(read),
                Ok(_) => return Ok((Step::Damaged, None)),
                Err(step) => return Ok((step, None)),
            }
            self.at = HEAD_BYTES as u64;
        }
        let step = match frame::read(files, &file, self.at, length, body)? {
            Found::Frame(bytes) => {
                self.at += bytes;
                Step::Frame(bytes)
            }
            Found::End => Step::End,
            Found::Torn => Step::Torn,
            Found::Damaged => Step::Damaged,
        };
        Ok((step, head))
    }
}

fn read_head(files: &dyn Files, file: &str, length: u64) -> io::Result<Result<SegmentHead, Step>> {
    let mut bytes = [0; HEAD_BYTES];
    if length < HEAD_BYTES as u64 {
        return Ok(Err(Step::Torn));
    }
    files.read(file, 0, &mut bytes)?;
    Ok(match SegmentHead::parse(&bytes) {
        Ok(head) => Ok(head),
        Err(Unread::Version(version)) => Err(Step::Version(version)),
        Err(Unread::Malformed) if bytes.iter().all(|byte| *byte == 0) => Err(Step::Torn),
        Err(Unread::Malformed) => Err(Step::Damaged),
    })
}
