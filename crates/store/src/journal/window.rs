//! The end of a log in memory.
//!
//! The system's page cache holds what is written there, so it outlives this process as the bytes of a `write` do, without a call
//! for each record. Room on the disk is reserved before it is mapped: a full disk shows as an error here, not as a signal later.

use std::fs::File;
use std::io;
use std::sync::atomic::{Ordering, compiler_fence};

use memmap2::{MmapMut, MmapOptions};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::frame::{self, FrameHead};

/// Bytes reserved and mapped at a time: some thousand decisions. They count as resident memory.
const BYTES: usize = 256 << 10;

/// A stretch of a log.
pub(super) struct Window {
    map: MmapMut,
    /// Where in the file it begins.
    from: u64,
}

/// What came of asking for a window.
pub(super) enum Opened {
    /// Here it is.
    Window(Window),
    /// The file system cannot reserve room.
    Unsupported,
}

impl Window {
    /// Reserves room from `from` on, zeros, and maps it.
    pub(super) fn open(file: &File, from: u64) -> io::Result<Opened> {
        match fallocate(file, FallocateFlags::empty(), from, BYTES as u64) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return Ok(Opened::Unsupported),
            Err(error) => return Err(error.into()),
        }
        Ok(Opened::Window(Self { map: map(file, from)?, from }))
    }

    /// Puts a record at `at`, or leaves everything as it is and returns false if it does not fit.
    ///
    /// Its length goes last: a process that is killed before leaves zeros there, which are no record.
    pub(super) fn put(&mut self, at: u64, head: FrameHead, record: &[u8]) -> bool {
        let Some(at) = at.checked_sub(self.from).and_then(|at| usize::try_from(at).ok()) else {
            return false;
        };
        let bytes = frame::HEAD + record.len();
        let room = self.map.get_mut(at..).and_then(|rest| rest.get_mut(..bytes));
        let Some((length, rest)) = room.and_then(|room| room.split_first_chunk_mut::<8>()) else {
            return false;
        };
        let Some((checksum, body)) = rest.split_first_chunk_mut::<4>() else { return false };
        *checksum = head.checksum;
        body.copy_from_slice(record);
        // The end of the process is like a signal: this thread's stores are seen in the order of its instructions.
        compiler_fence(Ordering::SeqCst);
        *length = head.length;
        true
    }
}

/// Maps a stretch of a file for writing.
#[expect(unsafe_code, reason = "a mapped file changes under the program if somebody else writes to it")]
fn map(file: &File, from: u64) -> io::Result<MmapMut> {
    // SAFETY: memory that changes by itself must not be behind a reference. Nobody else writes to this file: we made it
    // (`create_new`, mode 0600) in a directory that only its owner may enter and that `ServeLock` gives to one process; this
    // process writes to it through one window at a time, and cuts it only after the window is gone. What a window holds is
    // written and never read. Whoever could break this, the owner, could write to the process's memory as well; a file cut
    // short by them raises a signal that ends the process, which then decides nothing any more.
    unsafe { MmapOptions::new().offset(from).len(BYTES).map_mut(file) }
}
