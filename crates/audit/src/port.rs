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

/// A whole file of at most `max` bytes; none if there is no such file.
pub(crate) fn read_whole(files: &dyn Files, name: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
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
