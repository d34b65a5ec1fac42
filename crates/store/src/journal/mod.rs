//! The journal of the limiter: decisions on disk, so that limits hold over a restart.
//!
//! [`FileJournal::open`] finds what was kept and hands it over as a [`Recovery`] to count again; [`FileJournal::snapshot`] then puts
//! it into use. From there on each decision goes to the end of a log, which survives the end of this process at once,
//! `kill -9` included; [`FileJournal::sync`], called every second or so, brings it over a loss of power too. When
//! [`FileJournal::snapshot_due`] says so, another snapshot keeps the log short. `docs/formats/limit-journal.md` describes the files.

mod file;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod header;
mod log;
mod recovery;
#[cfg(test)]
mod tests;
mod window;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use botwarden_limit::{Journal, JournalError, Limiter};
use botwarden_types::Now;

use self::file::SnapshotFile;
use self::frame::FrameHead;
use self::header::Boot;
use self::log::Log;
pub use self::recovery::Recovery;
use crate::data_dir::{DataDir, DataDirError};

/// Bytes of log after which a snapshot is due.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// Bytes of log that are refused to be exceeded: somebody forgot about snapshots.
const LOG_BYTES_STOP: u64 = 4 * LOG_BYTES_MAX;

/// A limit journal in a directory of its own. The directory's lock ([`crate::ServeLock`]) sees to it that only one process has it.
pub struct FileJournal {
    dir: PathBuf,
    boot: Boot,
    state: Mutex<State>,
    /// Held while a snapshot is written.
    snapshot: Mutex<()>,
    log_bytes_max: u64,
}

struct State {
    /// Number of the newest log.
    generation: u64,
    /// Where decisions go; none before the first snapshot.
    log: Option<Log>,
    /// Bytes in older logs that no snapshot holds yet.
    bytes_before: u64,
}

/// Why a limit journal cannot be used. Each says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum OpenJournalError {
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DataDirError),
    /// A file cannot be read.
    #[error("reading the limit journal `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of another kind or release.
    #[error(
        "`{}` is not a limit journal that this release reads ({what}); start the release that wrote it, or move `{}` aside \
         to begin with empty limits",
        .path.display(), .dir.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
        /// The directory to move aside.
        dir: PathBuf,
    },
    /// Something other than its end is damaged: limits restored from it might admit too much.
    #[error(
        "the limit journal `{}` is damaged at byte {offset}; restore it from a backup, or move `{}` aside to begin with \
         empty limits",
        .path.display(), .dir.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// The directory to move aside.
        dir: PathBuf,
    },
}

impl FileJournal {
    /// Opens the journal in `dir`, which is made if it is missing, and finds what it kept. It takes no records before the first
    /// [`snapshot`](Self::snapshot).
    pub fn open(dir: &Path, now: Now) -> Result<(Arc<Self>, Recovery), OpenJournalError> {
        Self::open_as(dir, now, Boot::current(), LOG_BYTES_MAX)
    }

    fn open_as(
        dir: &Path,
        now: Now,
        boot: Boot,
        log_bytes_max: u64,
    ) -> Result<(Arc<Self>, Recovery), OpenJournalError> {
        let dir = DataDir::open(dir)?.path().to_path_buf();
        let recovery = Recovery::find(&dir, boot, now)?;
        let state =
            State { generation: recovery.generation(), log: None, bytes_before: recovery.log_bytes() };
        let journal = Self { dir, boot, state: Mutex::new(state), snapshot: Mutex::new(()), log_bytes_max };
        Ok((Arc::new(journal), recovery))
    }

    /// Writes all that counts now and begins a new log; the first snapshot puts the journal into use. Decisions go on
    /// meanwhile. If it fails, what was kept before is still complete.
    pub fn snapshot(&self, limiter: &Limiter, now: Now) -> Result<(), JournalError> {
        let _alone = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.state().generation + 1;
        // Decisions after this go to the new log, so that what the old ones hold is in memory, and in the snapshot.
        let log = Log::create(&self.dir, generation, self.boot, now).map_err(JournalError::Write)?;
        let mut state = self.state();
        state.generation = generation;
        let first = match state.log.as_mut() {
            Some(old) => {
                let bytes = std::mem::replace(old, log).bytes();
                state.bytes_before += bytes;
                None
            }
            // Nothing may be decided before what was kept has its place in a snapshot.
            None => Some(log),
        };
        drop(state);
        self.write_snapshot(limiter, now, generation)?;
        let mut state = self.state();
        state.bytes_before = 0;
        if first.is_some() {
            state.log = first;
        }
        Ok(())
    }

    fn write_snapshot(&self, limiter: &Limiter, now: Now, generation: u64) -> Result<(), JournalError> {
        let mut file =
            SnapshotFile::create(&self.dir, generation, self.boot, now).map_err(JournalError::Write)?;
        limiter.snapshot(now, &mut |record| file.append(record).map_err(JournalError::Write))?;
        file.finish().map_err(JournalError::Write)?;
        file::remove_before(&self.dir, generation).map_err(JournalError::Write)
    }

    /// Brings everything appended so far over a loss of power. Decisions go on meanwhile.
    pub fn sync(&self) -> Result<(), JournalError> {
        let file: Option<Arc<File>> = self.state().log.as_ref().map(Log::file);
        file.map_or(Ok(()), |file| file.sync_data()).map_err(JournalError::Write)
    }

    /// Whether the log has grown so long that it is time for a [`snapshot`](Self::snapshot).
    pub fn snapshot_due(&self) -> bool {
        self.state().bytes() >= self.log_bytes_max
    }

    /// The last snapshot, at the end of a service: the next start has nothing to replay.
    pub fn close_clean(&self, limiter: &Limiter, now: Now) -> Result<(), JournalError> {
        self.snapshot(limiter, now)?;
        self.sync()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn bytes(&self) -> u64 {
        self.bytes_before + self.log.as_ref().map_or(0, Log::bytes)
    }
}

impl Journal for FileJournal {
    fn append(&self, record: &[u8]) -> Result<(), JournalError> {
        let head = FrameHead::of(record).map_err(JournalError::Write)?;
        let mut state = self.state();
        let bytes = state.bytes();
        if bytes >= LOG_BYTES_STOP {
            return Err(JournalError::Full { bytes });
        }
        let log = state.log.as_mut().ok_or(JournalError::NotReady)?;
        log.append(head, record).map_err(JournalError::Write)
    }
}
