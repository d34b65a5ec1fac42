//! What makes a passphrase a root key: `root.salt`, mode 0600.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use botwarden_crypto::{RandomnessError, Stretch, StretchError, identifier};

use super::{DataDir, IfMissing, ModeError, check_owned};

/// The file's name.
const NAME: &str = "root.salt";

/// Why a passphrase cannot be made a root key.
#[derive(Debug, thiserror::Error)]
pub enum RootSaltError {
    /// The file could not be read or written.
    #[error("{operation} `{}`", .path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could change it.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// It is not a salt.
    #[error("`{}` is {source}; restore it from your backup", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StretchError,
    },
    /// Keys are there, the salt is not.
    #[error(
        "`{}` is missing, but keys are there already; restore the file from your backup, or, if another keeper's root key wraps them, move them with `botwarden keyring move`",
        .path.display()
    )]
    Lost {
        /// The file.
        path: PathBuf,
    },
    /// No randomness, no salt.
    #[error("making a salt")]
    Randomness(#[from] RandomnessError),
}

impl DataDir {
    /// Reads the salt; makes one if there is none, and the directory is still empty of data or `if_missing` says so.
    pub(crate) fn root_salt(&self, if_missing: IfMissing) -> Result<Stretch, RootSaltError> {
        let path = self.path().join(NAME);
        // Asked first, as for the root key's file.
        let has_data = self.has_data();
        if let Some(stretch) = load(&path)? {
            return Ok(stretch);
        }
        if has_data && if_missing == IfMissing::MakeIfEmpty {
            return Err(RootSaltError::Lost { path });
        }
        self.create_salt(&path)?;
        // Read back, whoever won.
        load(&path)?.ok_or(RootSaltError::Lost { path })
    }

    /// Writes a salt beside its place, then links it there: a link never replaces, so the first process wins.
    fn create_salt(&self, path: &Path) -> Result<(), RootSaltError> {
        let io = |source| RootSaltError::Io { operation: "creating", path: path.to_owned(), source };
        let draft = self.path().join(format!("{NAME}.draft-{}", identifier()?));
        let line = format!("{}\n", Stretch::random()?);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(io)?;
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| fs::hard_link(&draft, path));
        let _ = fs::remove_file(&draft);
        match linked {
            Err(_) if path.exists() => Ok(()),
            Err(source) => Err(io(source)),
            Ok(()) => File::open(self.path()).and_then(|dir| dir.sync_all()).map_err(io),
        }
    }
}

fn load(path: &Path) -> Result<Option<Stretch>, RootSaltError> {
    let io = |source| RootSaltError::Io { operation: "reading", path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(io(io::Error::other("not a regular file")));
    }
    check_owned(path, &metadata, "600")?;
    let mut text = Vec::new();
    let limit = u64::try_from(Stretch::TEXT_BYTES_MAX + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut text).map_err(io)?;
    let text = std::str::from_utf8(&text).map_err(|_| StretchError).and_then(str::parse);
    text.map(Some).map_err(|source| RootSaltError::Invalid { path: path.to_owned(), source })
}
