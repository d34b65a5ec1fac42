//! Keeps what witnesses cosigned beside the log. The server and a command may do so at once, on the same folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use botwarden_audit::{Cosigned, NoteKey, ProveError};

use super::AuditFiles;

/// Why it was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The disk.
    #[error("writing `{file}` of the audit log")]
    Io {
        /// Which file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// What is there cannot be read, and is not written over: it may be all that shows a change.
    #[error("what was kept before cannot be relied on; verify the log")]
    Before(#[from] ProveError),
}

impl AuditFiles {
    /// Keeps what `witness` cosigned of the log of `key`, if it says more than what is kept of that witness already. When it returns it
    /// outlives a loss of power. It blocks, for as long as another process keeps something.
    pub fn keep_cosigned(
        &self,
        key: &NoteKey,
        witness: &NoteKey,
        cosigned: &Cosigned,
    ) -> Result<(), KeepError> {
        let file = Cosigned::file(witness);
        let io = |source| KeepError::Io { file: file.clone(), source };
        let path = self.path(&file).map_err(io)?;
        let folder = path.parent().unwrap_or(&path);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        // Let go when it is closed. Without it an older answer, written late, could take the place of a newer one.
        let lock = opened(&folder.join("lock")).map_err(io)?;
        lock.lock().map_err(io)?;
        if Cosigned::read(self, key, witness)?.is_some_and(|before| !before.is_before(cosigned)) {
            return Ok(());
        }
        let draft = path.with_extension("new");
        let write = || {
            let mut to = opened(&draft)?;
            to.set_len(0)?;
            to.write_all(cosigned.checkpoint.note().as_bytes())?;
            to.sync_all()?;
            fs::rename(&draft, &path)?;
            self.sync_folders(&path)
        };
        write().map_err(io)
    }
}

fn opened(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use botwarden_audit::{Algorithm, Cosignature, Log, NoteSigner, cosign, published};
    use botwarden_crypto::SigningKey;

    use super::*;

    fn signer(name: &str, algorithm: Algorithm, seed: u8) -> NoteSigner {
        NoteSigner::new(name, algorithm, SigningKey::from_seed(&[seed; 32])).unwrap()
    }

    #[test]
    fn the_largest_and_the_latest_are_kept_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let files = Arc::new(AuditFiles::new(folder.path().join("audit")));
        let witness = signer("w.example", Algorithm::CosignatureEd25519, 9);
        let ours = || signer("example.com/log", Algorithm::Ed25519, 7);
        let (key, seen) = (ours().key().clone(), witness.key().clone());
        let (log, ..) = Log::open(files.clone(), ours()).unwrap();
        drop(log);
        let checkpoint = published(&*files, &key).unwrap();
        let at = |secs| {
            let line = cosign(&checkpoint.checkpoint().to_string(), secs, &witness).unwrap();
            let cosignature = Cosignature::take(line.as_bytes(), &checkpoint, &seen).unwrap();
            Cosigned::new(checkpoint.clone(), &cosignature)
        };
        assert_eq!(Cosigned::read(&*files, &key, &seen).unwrap(), None);
        for (secs, want) in [(100, 100), (99, 100), (101, 101), (101, 101)] {
            files.keep_cosigned(&key, &seen, &at(secs)).unwrap();
            assert_eq!(Cosigned::read(&*files, &key, &seen).unwrap(), Some(at(want)), "{secs}");
        }
        fs::write(folder.path().join("audit").join(Cosigned::file(&seen)), "something else").unwrap();
        let refused = files.keep_cosigned(&key, &seen, &at(102));
        assert!(matches!(refused, Err(KeepError::Before(_))), "{refused:?}");
    }
}
