//! The audit log's files in a folder.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use botwarden_audit::{Disk, Files};
use parking_lot::Mutex;

/// The folder of the journal. Its files are made larger than what is in them: to sync bytes that have their place on the disk already takes no
/// commit of the file system, and does not wait for what others have it do.
const JOURNAL: &str = "journal/";
/// A journal grows by as much as it holds, from this…
const ROOM_BYTES_MIN: u64 = 64 << 10;
/// …to this.
const ROOM_BYTES_MAX: u64 = 1 << 20;
/// What room is written with.
static ZEROS: [u8; 32 << 10] = [0; 32 << 10];
/// Where something ends in a journal, it ends at a multiple of this, and no such piece of it is all zeros: zeros that follow are room.
const ALIGNMENT: u64 = 32;
/// Bytes looked through at once for the end of what is in a journal.
const WINDOW_BYTES: u64 = 64 << 10;

/// A folder with a log in it. Files are made with mode 0600, folders with 0700.
#[derive(Debug)]
pub struct AuditFiles {
    folder: PathBuf,
    /// The file that was appended to last, kept open.
    appended: Mutex<Option<Appended>>,
    /// What other files of the journal hold, by their length on the disk: they do not change while that stays.
    ends: Mutex<HashMap<String, (u64, u64)>>,
}

#[derive(Debug)]
struct Appended {
    name: String,
    file: File,
    /// Bytes that are in it.
    end: u64,
    /// Bytes it takes on the disk.
    length: u64,
    /// Its name is not on disk yet.
    is_new: bool,
}

impl Appended {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.end + bytes.len() as u64;
        if self.name.starts_with(JOURNAL) && end > self.length {
            let room = self.end.clamp(ROOM_BYTES_MIN, ROOM_BYTES_MAX).max(bytes.len() as u64);
            let length = end + room;
            // Piece by piece: as many zeros at once would stay with the process.
            while self.length < length {
                let piece = ZEROS.len().min(usize::try_from(length - self.length).unwrap_or(usize::MAX));
                self.file.write_all_at(ZEROS.get(..piece).unwrap_or(&ZEROS), self.length)?;
                self.length += piece as u64;
            }
            self.file.sync_all()?;
        }
        self.file.write_all_at(bytes, self.end)?;
        (self.end, self.length) = (end, self.length.max(end));
        Ok(())
    }
}

impl Drop for Appended {
    /// Gives the room back. Where it stays, because the process was killed, it reads as room.
    fn drop(&mut self) {
        // Not where somebody else has written since.
        let is_as_left = self.file.metadata().is_ok_and(|metadata| metadata.len() == self.length);
        if self.length > self.end && is_as_left {
            let _ = self.file.set_len(self.end);
        }
    }
}

impl AuditFiles {
    /// The log in `folder`, which need not be there to be read.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), appended: Mutex::default(), ends: Mutex::default() }
    }

    pub(super) fn path(&self, name: &str) -> io::Result<PathBuf> {
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
    pub(super) fn sync_folders(&self, path: &Path) -> io::Result<()> {
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
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let length = file.metadata()?.len();
        let end = if name.starts_with(JOURNAL) { end_of(&file, length)? } else { length };
        Ok(Appended { name: name.to_owned(), file, end, length, is_new })
    }

    /// What is in a file of the journal, without the room behind it.
    fn end_in_journal(&self, name: &str, length: u64) -> io::Result<u64> {
        if let Some(open) = self.appended.lock().as_ref().filter(|appended| appended.name == name) {
            return Ok(open.end);
        }
        if let Some((_, end)) = self.ends.lock().get(name).filter(|(known, _)| *known == length) {
            return Ok(*end);
        }
        let end = end_of(&File::open(self.path(name)?)?, length)?;
        self.ends.lock().insert(name.to_owned(), (length, end));
        Ok(end)
    }
}

/// The end of what is in a file of the journal that takes `length` bytes: behind its last byte that is not zero.
fn end_of(file: &File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(WINDOW_BYTES);
        let mut window = vec![0; usize::try_from(end - start).unwrap_or(0)];
        file.read_exact_at(&mut window, start)?;
        if let Some(last) = window.iter().rposition(|byte| *byte != 0) {
            return Ok((start + last as u64 + 1).next_multiple_of(ALIGNMENT).min(length));
        }
        end = start;
    }
    Ok(0)
}

impl Files for AuditFiles {
    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(name)?) {
            Ok(metadata) if name.starts_with(JOURNAL) => self.end_in_journal(name, metadata.len()).map(Some),
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
        appended.insert(open).append(bytes)
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
        // What is kept open of it holds no more.
        self.appended.lock().take_if(|appended| appended.name == name);
        self.ends.lock().remove(name);
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
        self.ends.lock().remove(name);
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

    /// 32 bytes as frames end in.
    fn piece(byte: u8) -> [u8; 32] {
        [byte; 32]
    }

    #[test]
    fn the_room_in_a_journal_is_not_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("audit");
        let on_disk = || fs::metadata(at.join("journal/0")).unwrap().len();
        let files = AuditFiles::new(&at);
        for number in 1..=3u8 {
            files.append("journal/0", &piece(number)).unwrap();
            files.sync("journal/0").unwrap();
            let seen = [&files, &AuditFiles::new(&at)].map(|files| files.length("journal/0").unwrap());
            assert_eq!(seen, [Some(32 * u64::from(number)); 2]);
            assert!(on_disk() > ROOM_BYTES_MIN, "there is room");
        }
        // A process that is killed leaves the room behind; the next goes on before it.
        let left = fs::read(at.join("journal/0")).unwrap();
        drop(files);
        assert_eq!(on_disk(), 96, "in good order it is given back");
        fs::write(at.join("journal/0"), left).unwrap();
        let files = AuditFiles::new(&at);
        files.append("journal/0", &piece(4)).unwrap();
        let mut bytes = [0; 64];
        files.read("journal/0", 64, &mut bytes).unwrap();
        assert_eq!(bytes, *[piece(3), piece(4)].concat());
        files.truncate("journal/0", 64).unwrap();
        assert_eq!((files.length("journal/0").unwrap(), on_disk()), (Some(64), 64));
        files.append("journal/0", &vec![5; 20 << 20]).unwrap();
        assert_eq!(files.length("journal/0").unwrap(), Some(64 + (20 << 20)), "more than any room");
        files.append("journal/1", &piece(6)).unwrap();
        assert_eq!(on_disk(), 64 + (20 << 20), "the one before is closed");
    }

    #[test]
    fn what_is_appended_promoted_and_removed_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let files = AuditFiles::new(folder.path().join("audit"));
        files.append("format", b"ab").unwrap();
        files.append("format", b"cd").unwrap();
        files.sync("format").unwrap();
        files.truncate("format", 3).unwrap();
        files.append("format", b"e").unwrap();
        let mut bytes = [0; 3];
        files.read("format", 1, &mut bytes).unwrap();
        assert_eq!(&bytes, b"bce");
        assert!(files.read("format", 2, &mut bytes).is_err(), "the file ends before");
        files.append("draft/tile", b"t").unwrap();
        files.promote(&[("draft/tile".into(), "tile/0/x001/234".into())]).unwrap();
        assert_eq!(files.length("tile/0/x001/234").unwrap(), Some(1));
        assert_eq!(files.length("draft/tile").unwrap(), None);
        assert_eq!(files.list("tile/0/x001").unwrap(), ["234"]);
        assert_eq!(files.list("nothing").unwrap(), [""; 0]);
        files.remove("format").unwrap();
        files.remove("format").unwrap();
        files.append("format", b"new").unwrap();
        assert_eq!(files.length("format").unwrap(), Some(3), "not the file that is gone");
    }
}
