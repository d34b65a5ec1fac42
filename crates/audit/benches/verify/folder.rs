//! A log in a folder, for measuring: it does not wait for the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use botwarden_audit::{Disk, Files};

pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        fs::create_dir_all(path).unwrap();
        Self(path.to_owned())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Files for Folder {
    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(if_there(fs::metadata(self.path(name)))?.map(|it| it.len()))
    }

    fn read(&self, name: &str, at: u64, into: &mut [u8]) -> io::Result<()> {
        File::open(self.path(name))?.read_exact_at(into, at)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let Some(entries) = if_there(fs::read_dir(self.path(folder)))? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }
}

impl Disk for Folder {
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes)
    }

    fn sync(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(name))?.set_len(length)
    }

    fn promote(&self, drafts: &[(String, String)]) -> io::Result<()> {
        for (draft, name) in drafts {
            let path = self.path(name);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::rename(self.path(draft), path)?;
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if_there(fs::remove_file(self.path(name))).map(drop)
    }
}
