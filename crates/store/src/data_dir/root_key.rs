//! The root key's file: `root.key`, mode 0600.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use botwarden_crypto::{RandomnessError, RootKey, RootKeyError, identifier};
use zeroize::Zeroizing;

use super::{DataDir, ModeError, check_owned};

/// The file's name.
const NAME: &str = "root.key";
/// The key that is going to take its place.
const NEXT: &str = "root.key.next";
/// The key of the epoch, of the same form.
const EPOCH: &str = "epoch.key";
/// The key of the epoch before, about to be destroyed.
const OLD_EPOCH: &str = "epoch.key.old";
/// What the names of half-made keys begin with.
const DRAFT: &str = "root.key.draft-";

/// Why there is no root key to work with.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyFileError {
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
    /// Others could read it.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// It is not a root key, or a weak one.
    #[error("`{}` is {source}; restore it from your backup (a new key cannot read the old data)", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RootKeyError,
    },
    /// Data is there, the key is not. A new key would make the data unreadable for good.
    #[error("`{}` is missing, but the data it opens is there; restore the file from your backup", .path.display())]
    Lost {
        /// The file.
        path: PathBuf,
    },
    /// No randomness, no key.
    #[error("making a root key")]
    Randomness(#[from] RandomnessError),
}

impl DataDir {
    /// Reads the root key; makes one if the directory is still empty of data. Processes that start at the same time end with the same key,
    /// and a crash leaves either no key or a whole one.
    pub fn root_key(&self) -> Result<RootKey, RootKeyFileError> {
        let path = self.path().join(NAME);
        // Asked first: whoever makes the database made the key before, so "data, but no key" cannot be a race.
        let has_data = self.database().exists() || self.keyring().exists();
        if let Some(key) = load(&path)? {
            self.sweep_drafts();
            return Ok(key);
        }
        if has_data {
            return Err(RootKeyFileError::Lost { path });
        }
        self.create(&path)?;
        // Read back, whoever won.
        load(&path)?.ok_or(RootKeyFileError::Lost { path })
    }

    /// The key of the epoch, under which archives of keys are sealed: made if there is none.
    pub(crate) fn epoch_key(&self) -> Result<RootKey, RootKeyFileError> {
        self.destroy_old_epoch_key()?;
        let path = self.path().join(EPOCH);
        if let Some(key) = load(&path)? {
            return Ok(key);
        }
        self.create(&path)?;
        load(&path)?.ok_or(RootKeyFileError::Lost { path })
    }

    /// Begins a new epoch, and destroys the key of the one before.
    pub(crate) fn replace_epoch_key(&self) -> Result<(), RootKeyFileError> {
        let (path, old) = (self.path().join(EPOCH), self.path().join(OLD_EPOCH));
        match fs::rename(&path, &old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(RootKeyFileError::Io { operation: "replacing", path, source: error });
            }
            _ => {}
        }
        self.create(&path)?;
        self.destroy_old_epoch_key()
    }

    /// Overwrites the key before it removes it: a name that is gone leaves the bytes.
    fn destroy_old_epoch_key(&self) -> Result<(), RootKeyFileError> {
        let old = self.path().join(OLD_EPOCH);
        let io = |source| RootKeyFileError::Io { operation: "destroying", path: old.clone(), source };
        let mut file = match OpenOptions::new().write(true).open(&old) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(io)?,
        };
        file.write_all(&[b'0'; RootKey::FILE_BYTES_MAX]).and_then(|()| file.sync_all()).map_err(io)?;
        fs::remove_file(&old).and_then(|()| File::open(self.path())?.sync_all()).map_err(io)
    }

    /// Whether a rotation has made the key that comes next.
    pub(crate) fn has_next_root_key(&self) -> bool {
        self.path().join(NEXT).exists()
    }

    /// The key that is going to take the place of the one there is: made if there is none yet.
    pub(crate) fn next_root_key(&self) -> Result<RootKey, RootKeyFileError> {
        let path = self.path().join(NEXT);
        if let Some(key) = load(&path)? {
            return Ok(key);
        }
        self.create(&path)?;
        load(&path)?.ok_or(RootKeyFileError::Lost { path })
    }

    /// Puts the next key in the place of the one there is.
    pub(crate) fn replace_root_key(&self) -> Result<(), RootKeyFileError> {
        let (next, path) = (self.path().join(NEXT), self.path().join(NAME));
        let done = fs::rename(&next, &path).and_then(|()| File::open(self.path())?.sync_all());
        done.map_err(|source| RootKeyFileError::Io { operation: "replacing", path, source })
    }

    /// Writes a new key beside its place, then links it there: a link never replaces, so the first process wins.
    fn create(&self, path: &Path) -> Result<(), RootKeyFileError> {
        let draft = self.path().join(format!("{DRAFT}{}", identifier()?));
        let io = |operation, path: &Path| {
            let path = path.to_owned();
            move |source| RootKeyFileError::Io { operation, path, source }
        };
        let key = RootKey::generate()?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .map_err(io("creating", &draft))?;
        let written = file.write_all(key.expose_text().as_bytes()).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| fs::hard_link(&draft, path));
        // Whatever happened, the draft has done its work; one that a crash leaves is swept at the next start.
        let _ = fs::remove_file(&draft);
        match linked {
            // Lost the race, or the winner has already swept the draft: either way a key is in place.
            Err(_) if path.exists() => Ok(()),
            Err(source) => Err(io("creating", path)(source)),
            Ok(()) => {
                File::open(self.path()).and_then(|dir| dir.sync_all()).map_err(io("syncing", self.path()))
            }
        }
    }

    /// Removes what a crash may have left of [`DataDir::create`]. Only once the key is in place, when no draft can still win.
    fn sweep_drafts(&self) {
        let Ok(entries) = fs::read_dir(self.path()) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(DRAFT)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The key in `path`; `None` if there is no such file.
fn load(path: &Path) -> Result<Option<RootKey>, RootKeyFileError> {
    let io = |source| RootKeyFileError::Io { operation: "reading", path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    // Of the open file, not of the path, which could be swapped in between.
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(io(io::Error::other("not a regular file")));
    }
    check_owned(path, &metadata, "600")?;
    let mut text = Zeroizing::new(Vec::with_capacity(RootKey::FILE_BYTES_MAX + 1));
    // One byte more than a key may have: a longer file shows as longer. The buffer does not grow, so nothing is left behind.
    let limit = u64::try_from(RootKey::FILE_BYTES_MAX + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut text).map_err(io)?;
    RootKey::parse(&text)
        .map(Some)
        .map_err(|source| RootKeyFileError::Invalid { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn data_dir() -> (tempfile::TempDir, DataDir) {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path().join("data")).unwrap();
        (dir, data)
    }

    fn probe(key: &RootKey) -> String {
        botwarden_crypto::RootProvider::id(key)
    }

    #[test]
    fn a_key_is_made_once() {
        let (_dir, data) = data_dir();
        let made = data.root_key().unwrap();
        let read = data.root_key().unwrap();
        assert_eq!(probe(&made), probe(&read));
        let mode = fs::metadata(data.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1, "no drafts are left");
    }

    #[test]
    fn bad_files_are_refused_with_their_mend() {
        let (_dir, data) = data_dir();
        let path = data.path().join(NAME);
        for (name, content, mode, message) in [
            ("empty", String::new(), 0o600, "restore it"),
            ("binary zeros", "\0".repeat(32), 0o600, "restore it"),
            ("too short", "bwroot1_abc\n".into(), 0o600, "restore it"),
            ("too long", format!("bwroot1_{}", "x".repeat(1 << 20)), 0o600, "restore it"),
            ("all zero", format!("bwroot1_{}\n", "A".repeat(43)), 0o600, "default or patterned"),
            ("world-readable", "bwroot1_…".into(), 0o644, "chmod 600"),
            ("group-readable", "bwroot1_…".into(), 0o640, "chmod 600"),
            ("world-writable", "bwroot1_…".into(), 0o602, "chmod 600"),
        ] {
            fs::write(&path, &content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = data.root_key().unwrap_err().to_string();
            assert!(error.contains(message), "{name}: {error}");
            assert_eq!(fs::read(&path).unwrap(), content.as_bytes(), "{name}: it was not touched");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(data.root_key(), Err(RootKeyFileError::Io { .. })), "a directory");
    }

    #[test]
    fn a_lost_key_is_not_replaced() {
        let (_dir, data) = data_dir();
        fs::write(data.database(), "data").unwrap();
        let error = data.root_key().unwrap_err();
        assert!(matches!(error, RootKeyFileError::Lost { .. }), "{error}");
        assert!(!data.path().join(NAME).exists());
    }

    #[test]
    fn drafts_of_a_crash_are_swept() {
        let (_dir, data) = data_dir();
        fs::write(data.path().join(format!("{DRAFT}abc")), "half").unwrap();
        let made = data.root_key().unwrap();
        assert_eq!(probe(&made), probe(&data.root_key().unwrap()));
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
    }

    #[test]
    fn threads_that_race_end_with_one_key() {
        for _ in 0..20 {
            let (_dir, data) = data_dir();
            let keys: Vec<_> = std::thread::scope(|scope| {
                let racers: Vec<_> =
                    (0..8).map(|_| scope.spawn(|| probe(&data.root_key().unwrap()))).collect();
                racers.into_iter().map(|racer| racer.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
        }
    }
}
