//! The ports to wherever the log's files lie.
//!
//! Names are relative to the log's folder, with `/` between folders: `tile/0/x001/234`. An adapter keeps them inside.

use std::io;

/// Reads files. What the verifier needs.
pub trait Files: Send + Sync {
    /// Bytes of a file; none if there is no such file.
    fn length(&self, name: &str) -> io::Result<Option<u64>>;

    /// Fills `into` from the byte `at` on; an error if the file ends before.
    fn read(&self, name: &str, at: u64, into: &mut [u8]) -> io::Result<()>;

    /// Names of the files in `folder` itself, in any order, without the folder; none if there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// Writes files. One process writes a log.
pub trait Disk: Files {
    /// Appends to a file, which is made with its folders if it is missing. Before [`Disk::sync`] a loss of power may leave any part of
    /// it behind, or nothing, or zeros. After an error any part of it may be there.
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Brings a file over a loss of power: its bytes, its length and its name.
    fn sync(&self, name: &str) -> io::Result<()>;

    /// Cuts a file to `length` bytes.
    fn truncate(&self, name: &str, length: u64) -> io::Result<()>;

    /// Gives files their names, each draft the name beside it, replacing what is there. When it returns they are all there and outlive a
    /// loss of power; if it stops before, each is there whole or not at all. Drafts and names are distinct.
    fn promote(&self, drafts: &[(String, String)]) -> io::Result<()>;

    /// Removes a file; no error if it is not there. Folders that become empty may go, too.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// How often a file is read that others take the place of meanwhile.
const READS_MAX: usize = 3;

/// A whole file of at most `max` bytes; none if there is no such file. Where another takes its place meanwhile, it is one of the two, and not the
/// beginning of the longer one.
pub(crate) fn read_whole(files: &dyn Files, name: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
    for _ in 1..READS_MAX {
        match read_once(files, name, max) {
            Ok(Some(bytes)) if files.length(name)? != Some(bytes.len() as u64) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            done => return done,
        }
    }
    read_once(files, name, max)
}

fn read_once(files: &dyn Files, name: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(length) = files.length(name)? else { return Ok(None) };
    if length > max {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{name}` is longer than {max} bytes"),
        ));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    files.read(name, 0, &mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Mutex;

    use super::*;

    /// A file that another takes the place of between the first look at its length and the reading.
    struct Replaced(Mutex<Cell<&'static [u8]>>, &'static [u8]);

    impl Files for Replaced {
        fn length(&self, _: &str) -> io::Result<Option<u64>> {
            let length = self.0.lock().unwrap().replace(self.1).len();
            Ok(Some(length as u64))
        }
        fn read(&self, _: &str, _: u64, into: &mut [u8]) -> io::Result<()> {
            let now = self.0.lock().unwrap().get();
            let part = now.get(..into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            into.copy_from_slice(part);
            Ok(())
        }
        fn list(&self, _: &str) -> io::Result<Vec<String>> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn of_a_file_that_takes_the_place_of_another_all_is_read() {
        for (before, after) in [(&b"999\n"[..], &b"1000\n"[..]), (b"1000\n", b"999\n"), (b"1\n", b"2\n")] {
            let files = Replaced(Mutex::new(Cell::new(before)), after);
            assert_eq!(read_whole(&files, "checkpoint", 10).unwrap().as_deref(), Some(after));
        }
    }
}
