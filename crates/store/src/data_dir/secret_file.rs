//! Secrets in files that somebody else writes: passphrases, tokens, credentials of systemd.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::ModeError;

/// Bytes of a secret in a file.
const SECRET_BYTES_MAX: usize = 8192;
/// Who owns what the system hands to a service.
const ROOT: u32 = 0;

/// Why there is no secret in a file.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It could not be read.
    #[error("reading `{}`", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could read it.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// It is empty, too long, or no text.
    #[error("`{}` holds {what}; expected a secret on one line", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it holds.
        what: &'static str,
    },
}

/// The text of a file without the line break at its end. It has to be ours, or the system's and then closed to everybody but its group
/// (so secrets are handed to containers and services); others may not read it.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let io = |source| SecretFileError::Io { path: path.to_owned(), source };
    let content = |what| SecretFileError::Content { path: path.to_owned(), what };
    let file = File::open(path).map_err(io)?;
    // Of the open file, not of the path, which could be swapped in between.
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(io(io::Error::other("not a regular file")));
    }
    check(path, &metadata)?;
    // The buffer does not grow, so nothing is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 1));
    let limit = u64::try_from(SECRET_BYTES_MAX + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).map_err(io)?;
    secret_in(&bytes).map(|text| Zeroizing::new(text.to_owned())).map_err(content)
}

/// The secret in what a file holds, or what it holds instead.
pub(crate) fn secret_in(bytes: &[u8]) -> Result<&str, &'static str> {
    if bytes.len() > SECRET_BYTES_MAX {
        return Err("more than 8192 bytes");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "bytes that are no text")?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() { Err("nothing") } else { Ok(text) }
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), ModeError> {
    let us = rustix::process::geteuid().as_raw();
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o777);
    if owner != us && owner != ROOT {
        return Err(ModeError::Foreign { path: path.to_owned(), owner, us });
    }
    // What belongs to the system we may read by its group alone.
    let closed = if owner == us { 0o077 } else { 0o037 };
    if mode & closed == 0 {
        Ok(())
    } else {
        Err(ModeError::Open { path: path.to_owned(), mode, want: "600" })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_and_what_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (name, content, mode, want) in [
            ("a line", &b"hunter2\n"[..], 0o600, Ok("hunter2")),
            ("no line break", b"hunter2", 0o400, Ok("hunter2")),
            ("a line break of Windows", b"hunter2\r\n", 0o600, Ok("hunter2")),
            ("spaces belong to it", b" hunter 2 \n", 0o600, Ok(" hunter 2 ")),
            ("several lines", b"one\ntwo\n\n", 0o600, Ok("one\ntwo\n")),
            ("empty", b"", 0o600, Err("holds nothing")),
            ("a line break alone", b"\n", 0o600, Err("holds nothing")),
            ("no text", b"\xff\xfe", 0o600, Err("no text")),
            ("too long", &[b'x'; 10_000], 0o600, Err("more than 8192 bytes")),
            ("group-readable", b"hunter2", 0o640, Err("chmod 600")),
            ("world-readable", b"hunter2", 0o604, Err("chmod 600")),
        ] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let read = read_secret(&path).map_err(|error| error.to_string());
            match (read, want) {
                (Ok(read), Ok(want)) => assert_eq!(*read, want, "{name}"),
                (Err(error), Err(words)) => {
                    assert!(error.contains(words) && !error.contains("hunter2"), "{name}: {error}");
                }
                (read, _) => panic!("{name}: {read:?}"),
            }
            fs::remove_file(&path).unwrap();
        }
        assert!(matches!(read_secret(&path), Err(SecretFileError::Io { .. })), "no file");
        assert!(matches!(read_secret(folder.path()), Err(SecretFileError::Io { .. })), "a folder");
    }
}
