//! A log that decisions are appended to.
//!
//! Where the system can reserve room in a file, the log is written through memory: a record costs a copy of its bytes, and is kept
//! from that moment on whatever happens to this process. Elsewhere each record is a `write`. Both leave the same bytes behind.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use botwarden_types::Now;

use super::file::{self, Kind};
use super::frame::{self, FrameHead};
use super::header::{self, Boot, Header};
use super::window::{Opened, Window};

/// Bytes of the longest record that a decision makes: several hundred levels. What follows the last whole record is no
/// longer than the frame of one.
const RECORD_BYTES_MAX: usize = 16 << 10;
pub(super) const FRAME_BYTES_MAX: u64 = (frame::HEAD + RECORD_BYTES_MAX) as u64;

/// A log that decisions are appended to.
pub(super) struct Log {
    file: Arc<File>,
    /// Bytes written whole.
    length: u64,
    tail: Tail,
}

/// How the end is written.
enum Tail {
    /// In memory.
    Mapped(Option<Window>),
    /// By calls.
    Written(Vec<u8>),
    /// Not at all: a failed write left bytes behind that could not be removed.
    Broken,
}

impl Log {
    pub(super) fn create(dir: &Path, generation: u64, boot: Boot, now: Now) -> io::Result<Self> {
        let file = file::create(&Kind::Log.path(dir, generation))?;
        file.write_all_at(&Header { boot, written: now }.bytes(), 0)?;
        Ok(Self { file: Arc::new(file), length: header::BYTES as u64, tail: Tail::Mapped(None) })
    }

    /// Appends one record, of which `head` was made, whole or not at all.
    pub(super) fn append(&mut self, head: FrameHead, record: &[u8]) -> io::Result<()> {
        if record.len() > RECORD_BYTES_MAX {
            return Err(io::Error::other("a record longer than any decision's"));
        }
        let bytes = (frame::HEAD + record.len()) as u64;
        if let Tail::Mapped(window) = &mut self.tail {
            if put(window, &self.file, self.length, head, record)? {
                self.length += bytes;
                return Ok(());
            }
            self.tail = Tail::Written(Vec::new());
        }
        let Tail::Written(frame) = &mut self.tail else {
            return Err(io::Error::other("an earlier record was cut short and could not be removed"));
        };
        frame::write(head, record, frame);
        if let Err(error) = self.file.write_all_at(frame, self.length) {
            if self.file.set_len(self.length).is_err() {
                self.tail = Tail::Broken;
            }
            return Err(error);
        }
        self.length += bytes;
        Ok(())
    }

    /// Writes by calls from now on, as where the system offers nothing else.
    #[cfg(test)]
    pub(super) fn write_by_calls(&mut self) {
        self.tail = Tail::Written(Vec::new());
    }

    pub(super) fn bytes(&self) -> u64 {
        self.length
    }

    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }
}

/// Puts a record into memory, in the next window if it does not fit into this one; false if the system offers none.
fn put(
    window: &mut Option<Window>,
    file: &File,
    at: u64,
    head: FrameHead,
    record: &[u8],
) -> io::Result<bool> {
    if window.as_mut().is_some_and(|window| window.put(at, head, record)) {
        return Ok(true);
    }
    // The old one first: there is never more than one.
    *window = None;
    match Window::open(file, at)? {
        Opened::Window(opened) => {
            let fits = window.insert(opened).put(at, head, record);
            if fits { Ok(true) } else { Err(io::Error::other("a record longer than a window")) }
        }
        Opened::Unsupported => Ok(false),
    }
}

impl Drop for Log {
    /// Cuts off the room that was reserved and not used. If it stays, a reader takes its zeros for the end.
    fn drop(&mut self) {
        if let Tail::Mapped(window) = &mut self.tail {
            *window = None;
            let _ = self.file.set_len(self.length);
        }
    }
}
