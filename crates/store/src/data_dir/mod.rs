//! The directory in which everything lies.

mod lock;
mod modes;
mod node;
mod restored;
mod root_key;
mod root_salt;
mod secret_file;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

pub use lock::{LockError, ServeLock};
pub use modes::ModeError;
pub(crate) use modes::check_owned;
pub use node::NodeFileError;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use node::node_name;
pub use root_key::RootKeyFileError;
pub use root_salt::RootSaltError;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use secret_file::secret_in;
pub use secret_file::{SecretFileError, read_secret};

/// What to do where a root key, or what one is made from, is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// Make it if the directory is still empty of data: with data there, it was lost.
    MakeIfEmpty,
    /// Make it: data there is under another root key, and is going to move under this one.
    Make,
}

/// The directory in which everything lies, checked: it is ours and nobody else may look inside.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
}

/// Why a directory cannot hold data.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It is not there, and was not to be made.
    #[error("`{}` does not exist; is `data_dir` right, and has `botwarden serve` run?", .path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// It could not be made or read.
    #[error("opening the data directory `{}`", .path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A backup that was put back could not take its place.
    #[error("finishing the restore of a backup in `{}`", .path.display())]
    Restoring {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is open to others.
    #[error(transparent)]
    Mode(#[from] ModeError),
}

impl DataDir {
    /// Opens the directory; makes it (mode 0700, parents as usual) if it is missing.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        let io = |source| DataDirError::Io { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io(error)),
            _ => Self::existing(path),
        }
    }

    /// Opens the directory; one that is missing is an error. For commands that only look.
    pub fn existing(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                check_owned(&path, &metadata, "700")?;
                let this = Self { path };
                let finished = this.take_over_restored(&mut || {});
                finished.map_err(|source| DataDirError::Restoring { path: this.path.clone(), source })?;
                Ok(this)
            }
            Ok(_) => Err(DataDirError::Io { path, source: io::ErrorKind::NotADirectory.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DataDirError::Missing { path }),
            Err(source) => Err(DataDirError::Io { path, source }),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database of [`crate::Sqlite`].
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("botwarden.db")
    }

    /// The folder of the audit log.
    pub fn audit(&self) -> PathBuf {
        self.path.join("audit")
    }

    /// Whether anything lies there that is sealed.
    pub(crate) fn has_data(&self) -> bool {
        self.database().exists() || self.keyring().exists()
    }

    /// Whether there is data from before there was a keyring, or data whose keyring was lost.
    pub(crate) fn lacks_keyring(&self) -> bool {
        self.database().exists() && !self.keyring().exists()
    }

    /// The archive of keys that every erasure makes anew.
    pub fn key_archive(&self) -> PathBuf {
        self.path.join("keys.archive")
    }

    /// The wrapped keys of [`crate::Keyring`].
    pub(crate) fn keyring(&self) -> PathBuf {
        self.path.join("keyring.db")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_directory_is_private() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b/data");
        DataDir::open(&path).unwrap();
        DataDir::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn an_open_directory_is_refused_with_its_mend() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o755, 0o770, 0o701, 0o777, 0o710, 0o702] {
            std::fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            let error = DataDir::open(dir.path()).unwrap_err().to_string();
            assert!(error.contains(&format!("chmod 700 {}", dir.path().display())), "{mode:o}: {error}");
        }
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        DataDir::open(dir.path()).unwrap();
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(DataDir::open(&file), Err(DataDirError::Io { .. })));
        assert!(matches!(DataDir::open(file.join("below")), Err(DataDirError::Io { .. })));
        assert!(matches!(DataDir::existing(dir.path().join("typo")), Err(DataDirError::Missing { .. })));
        assert!(!dir.path().join("typo").exists());
    }
}
