//! The files of the journal: where they are, and snapshots, which are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use botwarden_types::Now;

use super::frame::{self, FrameHead};
use super::header::{Boot, Header};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Snapshot,
    Log,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot-",
            Self::Log => "log-",
        }
    }

    /// The file of a generation.
    pub(super) fn path(self, dir: &Path, generation: u64) -> PathBuf {
        dir.join(format!("{}{generation:016x}", self.prefix()))
    }
}

/// A snapshot being written, under another name until it is whole.
pub(super) struct SnapshotFile {
    dir: PathBuf,
    draft: PathBuf,
    path: PathBuf,
    file: BufWriter<File>,
    frame: Vec<u8>,
}

impl SnapshotFile {
    pub(super) fn create(dir: &Path, generation: u64, boot: Boot, now: Now) -> io::Result<Self> {
        let draft = dir.join("snapshot.draft");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = BufWriter::new(create(&draft)?);
        file.write_all(&Header { boot, written: now }.bytes())?;
        let path = Kind::Snapshot.path(dir, generation);
        Ok(Self { dir: dir.to_path_buf(), draft, path, file, frame: Vec::new() })
    }

    pub(super) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        frame::write(FrameHead::of(record)?, record, &mut self.frame);
        self.file.write_all(&self.frame)
    }

    /// Gives the snapshot its name when all of it is on disk.
    pub(super) fn finish(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&self.draft, &self.path)?;
        File::open(&self.dir)?.sync_all()
    }
}

/// Makes a new file that its owner alone may read.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// The files in `dir`, oldest generation first.
pub(super) fn list(dir: &Path) -> io::Result<Vec<(u64, Kind)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        for kind in [Kind::Snapshot, Kind::Log] {
            let generation =
                name.strip_prefix(kind.prefix()).and_then(|text| u64::from_str_radix(text, 16).ok());
            files.extend(generation.map(|generation| (generation, kind)));
        }
    }
    files.sort_unstable_by_key(|(generation, _)| *generation);
    Ok(files)
}

/// Removes what a snapshot of `generation` makes unnecessary.
pub(super) fn remove_before(dir: &Path, generation: u64) -> io::Result<()> {
    for (old, kind) in list(dir)? {
        if old < generation {
            fs::remove_file(kind.path(dir, old))?;
        }
    }
    Ok(())
}
