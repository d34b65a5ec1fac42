//! A folder: one file for each checkpoint, never written over. Of use where the folder lies elsewhere (a mount that takes files and gives none
//! back), or is append-only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use botwarden_audit::SignedCheckpoint;
use tokio::sync::Mutex;

use super::SendError;

/// Bytes of a file that is compared: the largest checkpoint.
const FILE_BYTES_MAX: u64 = 128 << 10;

pub(super) struct Folder {
    path: PathBuf,
    /// Held while a file is written. A mount that hangs holds one thread, not one more each time.
    writing: Arc<Mutex<()>>,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, writing: Arc::default() }
    }

    pub(super) async fn send(&self, checkpoint: &SignedCheckpoint) -> Result<(), SendError> {
        let path = self.path.join(super::object_name(checkpoint));
        let (to, checkpoint) = (path.clone(), checkpoint.clone());
        let Ok(held) = self.writing.clone().try_lock_owned() else {
            let source = io::Error::new(io::ErrorKind::WouldBlock, "the file before is not written yet");
            return Err(SendError::File { path, source });
        };
        let write = move || {
            let _held = held;
            put(&to, &checkpoint)
        };
        let written = tokio::task::spawn_blocking(write).await;
        match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(true) => Ok(()),
            Ok(false) => Err(SendError::Taken { path }),
            Err(source) => Err(SendError::File { path, source }),
        }
    }
}

/// Writes a new file so that it outlives a loss of power. False if there is one that is about another tree.
fn put(path: &Path, checkpoint: &SignedCheckpoint) -> io::Result<bool> {
    // The folder is not made: where a mount is missing, the file would lie on the disk that it is to be away from.
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            let written = file.write_all(checkpoint.note().as_bytes()).and_then(|()| file.sync_all());
            if written.is_err() {
                // So that the next attempt finds no half of one; where nothing can be removed, it says so.
                let _ = fs::remove_file(path);
            }
            written?;
            if let Some(folder) = path.parent() {
                File::open(folder)?.sync_all()?;
            }
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Cosignatures may have come since; the tree is the same.
            let is_bounded = fs::metadata(path)?.len() <= FILE_BYTES_MAX;
            let text = checkpoint.checkpoint().to_string();
            Ok(is_bounded && fs::read(path)?.starts_with(text.as_bytes()))
        }
        Err(error) => Err(error),
    }
}
