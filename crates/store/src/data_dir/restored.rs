//! A backup that takes its place. What [`crate::backup::restore`] has made ready lies in the folder `restored`, whole and on disk, before anything
//! that is there goes; from then on whoever opens the directory finishes the rest. So a loss of power leaves the old or the new, never
//! a part of each.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::DataDir;

impl DataDir {
    /// Where a backup lies that is to take its place.
    pub(crate) fn restored(&self) -> PathBuf {
        self.path.join("restored")
    }

    /// Lets what lies in `restored` take its place, if there is anything. Each step can be taken again; `step` is told after each.
    pub(crate) fn take_over_restored(&self, step: &mut dyn FnMut()) -> io::Result<()> {
        let from = self.restored();
        if !from.exists() {
            return Ok(());
        }
        // One after the other: the second must not take away what a third has written since.
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.path.join("restore.lock"))?;
        file.lock()?;
        let log = from.join("audit");
        if log.exists() && !self.audit().exists() {
            fs::rename(&log, self.audit())?;
            self.sync_after(step)?;
        }
        let database = from.join("botwarden.db");
        if database.exists() {
            self.take_over_database(&database, step)?;
        }
        if from.exists() {
            fs::remove_dir_all(&from)?;
            self.sync_after(step)?;
        }
        Ok(())
    }

    /// The write-ahead log of the old database goes first, for good: beside the new one it would be taken for its own.
    fn take_over_database(&self, from: &Path, step: &mut dyn FnMut()) -> io::Result<()> {
        for suffix in ["-wal", "-shm"] {
            let mut path = self.database().into_os_string();
            path.push(suffix);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.sync_after(step)?,
            }
        }
        fs::rename(from, self.database())?;
        self.sync_after(step)
    }

    fn sync_after(&self, step: &mut dyn FnMut()) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        step();
        Ok(())
    }
}
