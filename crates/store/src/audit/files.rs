//! The audit log's files in a folder.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use botwarden_audit::{Disk, Files};
use parking_lot::Mutex;

/// A folder with a log in it. Files are made with mode 0600, folders with 0700.
#[derive(Debug)]
pub struct AuditFiles {
    folder: PathBuf,
    /// The file that was appended to last, kept open.
    appended: Mutex<Option<Appended>>,
}

#[derive(Debug)]
struct Appended {
    name: String,
    file: File,
    /// Its name is not on disk yet.
    is_new: bool,
}

impl AuditFiles {
    /// The log in `folder`, which need not be there to be read.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), appended: Mutex::default() }
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let is_inside = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if is_inside { Ok(self.folder.join(name)) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    fn make_folders(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if !parent.is_dir() => DirBuilder::new().recursive(true).mode(0o700).create(parent),
            _ => Ok(()),
        }
    }

    /// Brings the names in the folder of `path`, and that of the folders up to the log's own, to the disk.
    fn sync_folders(&self, path: &Path) -> io::Result<()> {
        for folder in path.ancestors().skip(1) {
            File::open(folder)?.sync_all()?;
            if folder == self.folder {
                break;
            }
        }
        Ok(())
    }

    /// Brings drafts to the disk. Many at once by one sync of the file system: with one each, every file would wait for a commit of its own, and
    /// the log's next write with it.
    fn sync_drafts(&self, drafts: &[(String, String)]) -> io::Result<()> {
        /// So many are synced one by one.
        const FEW: usize = 4;
        #[cfg(target_os = "linux")]
        if drafts.len() > FEW {
            return Ok(rustix::fs::syncfs(File::open(&self.folder)?)?);
        }
        drafts.iter().try_for_each(|(draft, _)| File::open(self.path(draft)?)?.sync_all())
    }

    fn open_to_append(&self, name: &str) -> io::Result<Appended> {
        let path = self.path(name)?;
        self.make_folders(&path)?;
        let is_new = !path.exists();
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        Ok(Appended { name: name.to_owned(), file, is_new })
    }
}

impl Files for AuditFiles {
    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(name)?) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&self, name: &str, at: u64, into: &mut [u8]) -> io::Result<()> {
        File::open(self.path(name)?)?.read_exact_at(into, at)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let folder = if folder.is_empty() { self.folder.clone() } else { self.path(folder)? };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
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

impl Disk for AuditFiles {
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut appended = self.appended.lock();
        let open = match appended.take().filter(|appended| appended.name == name) {
            Some(open) => open,
            None => self.open_to_append(name)?,
        };
        appended.insert(open).file.write_all(bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut appended = self.appended.lock();
        match appended.as_mut().filter(|appended| appended.name == name) {
            Some(open) => {
                open.file.sync_data()?;
                if open.is_new {
                    self.sync_folders(&self.path(name)?)?;
                    open.is_new = false;
                }
                Ok(())
            }
            None => {
                let path = self.path(name)?;
                File::open(&path)?.sync_all()?;
                self.sync_folders(&path)
            }
        }
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(name)?)?.set_len(length)
    }

    fn promote(&self, drafts: &[(String, String)]) -> io::Result<()> {
        self.sync_drafts(drafts)?;
        let mut folders = BTreeSet::new();
        for (draft, name) in drafts {
            let (draft, path) = (self.path(draft)?, self.path(name)?);
            self.make_folders(&path)?;
            fs::rename(&draft, &path)?;
            folders.extend(
                path.ancestors()
                    .skip(1)
                    .take_while(|folder| folder.starts_with(&self.folder))
                    .map(Path::to_owned),
            );
        }
        folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.appended.lock().take_if(|appended| appended.name == name);
        match fs::remove_file(self.path(name)?) {
            Err(error) if !is_absent(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        let files = AuditFiles::new(folder.path().join("audit"));
        for name in ["../x", "a/../../x", "/x", "a//x", "", "."] {
            assert!(files.append(name, b"x").is_err(), "`{name}`");
            assert!(files.length(name).is_err(), "`{name}`");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_appended_promoted_and_removed_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let files = AuditFiles::new(folder.path().join("audit"));
        files.append("journal/0", b"ab").unwrap();
        files.append("journal/0", b"cd").unwrap();
        files.sync("journal/0").unwrap();
        files.truncate("journal/0", 3).unwrap();
        files.append("journal/0", b"e").unwrap();
        let mut bytes = [0; 3];
        files.read("journal/0", 1, &mut bytes).unwrap();
        assert_eq!(&bytes, b"bce");
        assert!(files.read("journal/0", 2, &mut bytes).is_err(), "the file ends before");
        files.append("draft/tile", b"t").unwrap();
        files.promote(&[("draft/tile".into(), "tile/0/x001/234".into())]).unwrap();
        assert_eq!(files.length("tile/0/x001/234").unwrap(), Some(1));
        assert_eq!(files.length("draft/tile").unwrap(), None);
        assert_eq!(files.list("tile/0/x001").unwrap(), ["234"]);
        assert_eq!(files.list("nothing").unwrap(), [""; 0]);
        files.remove("journal/0").unwrap();
        files.remove("journal/0").unwrap();
        files.append("journal/0", b"new").unwrap();
        assert_eq!(files.length("journal/0").unwrap(), Some(3), "not the file that is gone");
    }
}
