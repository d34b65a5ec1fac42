//! Who may read and own a file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// A file or directory that others could read, change or replace.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// Its mode lets others in.
    #[error("`{}` is open to others (mode {mode:o}); mend it with `chmod {want} {}`", .path.display(), .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they should be.
        want: &'static str,
    },
    /// It belongs to another account.
    #[error(
        "`{}` belongs to user {owner}, this process runs as user {us}; run it as that user, or mend it with `chown {us} {}`",
        .path.display(), .path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
}

/// Refuses what does not belong to us, or gives group or others any access. `want` is the mode to set instead.
pub(crate) fn check_owned(path: &Path, metadata: &Metadata, want: &'static str) -> Result<(), ModeError> {
    let us = rustix::process::geteuid().as_raw();
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o777);
    if owner != us {
        return Err(ModeError::Foreign { path: path.to_owned(), owner, us });
    }
    if mode & OTHERS != 0 {
        return Err(ModeError::Open { path: path.to_owned(), mode, want });
    }
    Ok(())
}
