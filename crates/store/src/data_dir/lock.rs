//! One serving process a directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::DataDir;

/// Why the directory cannot be served from.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process serves from it.
    #[error(
        "another botwarden serves from `{}`; stop it first, or give this one a `data_dir` of its own",
        .path.display()
    )]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// Another command changes the keys.
    #[error(
        "another command is rotating, moving, destroying or archiving the keys in `{}`; wait for it, and try again",
        .path.display()
    )]
    KeysTaken {
        /// The directory.
        path: PathBuf,
    },
    /// The lock could not be asked for.
    #[error("locking the data directory `{}`", .path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The right to serve from a directory: an advisory lock on its file `lock`. The system gives it back when the process ends, however it ends.
#[derive(Debug)]
pub struct ServeLock {
    held: File,
}

impl Drop for ServeLock {
    /// Gives the right back for every copy of the descriptor: a process that another thread is starting just now holds one until
    /// it runs its program, and closing ours alone would leave the directory taken until then.
    fn drop(&mut self) {
        // It fails for a file that cannot be locked at all, and then nothing is held.
        let _ = self.held.unlock();
    }
}

impl DataDir {
    /// Takes the right to serve from this directory. Commands beside the server do not need it.
    pub fn lock(&self) -> Result<ServeLock, LockError> {
        self.lock_file("lock")
    }

    /// Takes the right to rotate, move, destroy and archive keys: one command at a time, since two rotations at once could leave keys under a
    /// root that nobody has.
    pub fn lock_keys(&self) -> Result<ServeLock, LockError> {
        self.lock_file("keyring.lock").map_err(|error| match error {
            LockError::Taken { path } => LockError::KeysTaken { path },
            error => error,
        })
    }

    fn lock_file(&self, name: &str) -> Result<ServeLock, LockError> {
        let io = |source| LockError::Io { path: self.path.clone(), source };
        // Never truncated or deleted: two processes must always meet at the same file.
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.path.join(name))
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(ServeLock { held: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken { path: self.path.clone() }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path().join("data")).unwrap();
        let held = data.lock().unwrap();
        let error = data.lock().unwrap_err();
        assert!(matches!(error, LockError::Taken { .. }));
        assert!(error.to_string().contains("stop it first"), "{error}");
        drop(held);
        data.lock().unwrap();
    }

    #[test]
    fn a_copy_that_a_starting_process_inherited_does_not_keep_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path().join("data")).unwrap();
        let held = data.lock().unwrap();
        let inherited = held.held.try_clone().unwrap();
        drop(held);
        data.lock().unwrap();
        drop(inherited);
    }
}
