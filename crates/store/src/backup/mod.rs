//! Backups of the data, taken while a server runs, and putting them back.
//!
//! A backup is a folder: `botwarden.db`, a copy of the audit log, and `manifest.json`, which says what belongs to it. It holds no keys.

mod restore;

pub use restore::restore;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use botwarden_audit::{Conclusion, NoteKey, verify};
use botwarden_crypto::Sha256;
use botwarden_identity::StoreError;
use botwarden_types::UnixMs;
use serde::{Deserialize, Serialize};

use crate::audit::AuditFiles;
use crate::data_dir::{DataDir, LockError};
use crate::sqlite::Sqlite;

const DATABASE: &str = "botwarden.db";
const AUDIT: &str = "audit";
const MANIFEST: &str = "manifest.json";
const FORMAT: &str = "botwarden-backup/1";
/// The log goes on while it is copied; a copy that is not of one moment is taken again.
const TRIES: usize = 5;

/// Why a backup was not made, or not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file.
    #[error("{operation} `{}`", .path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something is there already.
    #[error("`{}` exists; choose another place, or remove it", .0.display())]
    Exists(PathBuf),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be copied so that it verifies.
    #[error(
        "the copy of the audit log does not verify ({0}); is the log sound? `botwarden audit verify` says so"
    )]
    Log(String),
    /// Not a backup, or not as it was made.
    #[error("`{}` is not a whole backup ({what}); use another one", .path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A server runs on the directory.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// What belongs to a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: String,
    created: u64,
    /// SHA-256 of each file, by its path in the folder.
    pub(crate) files: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads one, or says what is wrong with it. No name in it leads out of the folder.
    pub(crate) fn read(text: &[u8]) -> Result<Self, String> {
        let manifest: Self =
            serde_json::from_slice(text).map_err(|error| format!("`{MANIFEST}`: {error}"))?;
        if manifest.format != FORMAT {
            return Err(format!("`{}` instead of `{FORMAT}`", manifest.format));
        }
        if !manifest.files.contains_key(DATABASE) {
            return Err(format!("`{DATABASE}` does not belong to it"));
        }
        let is_inside = |name: &str| name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        match manifest.files.keys().find(|name| !is_inside(name)) {
            Some(name) => Err(format!("`{name}` is no name in a backup")),
            None => Ok(manifest),
        }
    }
}

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// Files.
    pub files: usize,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Entries of the audit log.
    pub entries: u64,
}

/// Backs the data of `dir` up into the new folder `target`, whatever runs on it meanwhile. The folder gets its name when it is whole.
pub async fn create(
    dir: &DataDir,
    store: &Sqlite,
    key: &NoteKey,
    target: &Path,
    now: UnixMs,
) -> Result<BackedUp, BackupError> {
    if target.exists() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let mut draft = target.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    remove_folder(&draft)?;
    DirBuilder::new().mode(0o700).recursive(true).create(&draft).map_err(io_error("creating", &draft))?;
    store.copy_into(&draft.join(DATABASE)).await?;
    let entries = copy_log(&dir.audit(), &draft.join(AUDIT), key)?;
    let mut files = BTreeMap::new();
    let mut bytes = 0;
    for path in files_in(&draft)? {
        let (hash, length) = hash_file(&path)?;
        bytes += length;
        files.insert(relative(&draft, &path), hash);
    }
    let count = files.len();
    let manifest = Manifest { format: FORMAT.to_owned(), created: now.0, files };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| damaged(target, &error.to_string()))?;
    let path = draft.join(MANIFEST);
    fs::write(&path, text).map_err(io_error("writing", &path))?;
    for path in files_in(&draft)? {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(io_error("writing", &path))?;
        File::open(&path).and_then(|file| file.sync_all()).map_err(io_error("syncing", &path))?;
    }
    for folder in folders_in(&draft)? {
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(io_error("syncing", &folder))?;
    }
    fs::rename(&draft, target).map_err(io_error("naming", target))?;
    // A relative name of one part lies in the folder we are in.
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(io_error("syncing", parent))?;
    Ok(BackedUp { files: count, bytes, entries })
}

/// Copies a log that may be written meanwhile, until the copy verifies; its entries.
fn copy_log(from: &Path, to: &Path, key: &NoteKey) -> Result<u64, BackupError> {
    if !from.exists() {
        return Ok(0);
    }
    let mut why = String::new();
    for _ in 0..TRIES {
        remove_folder(to)?;
        if copy_folder(from, to).is_ok() {
            let report = verify(&AuditFiles::new(to), key, &[]);
            if report.verdict == Conclusion::Good {
                return Ok(report.entries);
            }
            why = report.to_string();
        }
    }
    Err(BackupError::Log(why.lines().next().unwrap_or_default().to_owned()))
}

/// The published checkpoint first: everything it covers is in tiles by then.
fn copy_folder(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut files = files_in(from)?;
    files.sort_by_key(|path| (path.file_name().is_none_or(|name| name != "checkpoint"), path.clone()));
    for path in &files {
        match copy_file(path, &to.join(relative(from, path))) {
            // Published anew meanwhile; whether the copy is whole is for the check to say.
            Err(BackupError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            copied => copied?,
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    if let Some(parent) = to.parent() {
        DirBuilder::new().mode(0o700).recursive(true).create(parent).map_err(io_error("creating", parent))?;
    }
    fs::copy(from, to).map_err(io_error("copying", from))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o600)).map_err(io_error("writing", to))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(io_error("syncing", to))
}

/// All files below a folder, in order.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    Ok(walk(folder)?.0)
}

/// A folder and all below it.
fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    Ok(walk(folder)?.1)
}

/// Files, and folders.
fn walk(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), BackupError> {
    let (mut files, mut folders, mut seen) = (Vec::new(), vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(io_error("reading", &folder))? {
            let path = entry.map_err(io_error("reading", &folder))?.path();
            let kind = fs::symlink_metadata(&path).map_err(io_error("reading", &path))?;
            if kind.is_dir() { folders.push(path) } else { files.push(path) }
        }
        seen.push(folder);
    }
    files.sort();
    Ok((files, seen))
}

fn hash_file(path: &Path) -> Result<(String, u64), BackupError> {
    let is_plain = fs::symlink_metadata(path).map_err(io_error("reading", path))?.is_file();
    if !is_plain {
        return Err(io_error("reading", path)(io::Error::other("not a plain file")));
    }
    let mut file = File::open(path).map_err(io_error("reading", path))?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::default(), 0, vec![0; 64 << 10]);
    loop {
        let read = file.read(&mut buffer).map_err(io_error("reading", path))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += read as u64;
    }
    Ok((hash.finish().iter().map(|byte| format!("{byte:02x}")).collect(), bytes))
}

fn relative(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned()
}

fn remove_folder(path: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("removing", path)(error)),
        _ => Ok(()),
    }
}

fn damaged(path: &Path, what: &str) -> BackupError {
    BackupError::Damaged { path: path.to_owned(), what: what.to_owned() }
}

fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Io { operation, path, source }
}
