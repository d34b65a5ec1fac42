//! What is written: standard output, or a file that is there whole or not at all.

use std::fs::File;
use std::io::{self, Write as _};
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use crate::exit::{self, Advice};

/// Where results go. A file gets its name in [`Output::close`]; until then it has none, or where a file system cannot do that, one of
/// its own that is removed. It is for its owner's eyes only.
pub(super) enum Output {
    Stdout(io::StdoutLock<'static>),
    Nameless { file: File, path: PathBuf },
    Draft { draft: NamedTempFile, path: PathBuf },
}

impl Output {
    pub(super) fn open(path: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::Stdout(io::stdout().lock())) };
        if path.symlink_metadata().is_ok() {
            return Err(taken(&path));
        }
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        if let Some(file) = nameless(folder) {
            return Ok(Self::Nameless { file, path });
        }
        let draft =
            NamedTempFile::new_in(folder).with_context(|| format!("creating `{}`", path.display()))?;
        Ok(Self::Draft { draft, path })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let (written, path) = match self {
            Self::Stdout(stdout) => return exit::printed(stdout.write_all(bytes)),
            Self::Nameless { file, path } => (file.write_all(bytes), path),
            Self::Draft { draft, path } => (draft.write_all(bytes), path),
        };
        written.with_context(|| format!("writing `{}`", path.display()))
    }

    /// Everything is written and right.
    pub(super) fn close(self) -> anyhow::Result<()> {
        let (named, path) = match self {
            Self::Stdout(mut stdout) => return exit::printed(stdout.flush()),
            Self::Nameless { file, path } => (file.sync_all().and_then(|()| name(&file, &path)), path),
            Self::Draft { draft, path } => {
                let synced = draft.as_file().sync_all();
                (synced.and_then(|()| Ok(draft.persist_noclobber(&path).map(drop)?)), path)
            }
        };
        match named {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(taken(&path)),
            named => named.with_context(|| format!("writing `{}`", path.display())),
        }
    }
}

/// A file without a name: whatever ends the program, nothing of it stays. `None` where there is no such thing.
#[cfg(target_os = "linux")]
fn nameless(folder: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn nameless(_: &Path) -> Option<File> {
    None
}

/// Gives a nameless file its name. Never replaces. Source: open(2), `O_TMPFILE`.
#[cfg(target_os = "linux")]
fn name(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn name(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn taken(path: &Path) -> anyhow::Error {
    let what = format!("`{}` is there already and was left as it is", path.display());
    Advice::new(what, "name another file (--output), or move that one away").into()
}
