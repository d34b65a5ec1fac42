//! What is written: standard output, or a file that is there whole or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use crate::exit::{self, Advice};

/// Where results go. A file is written beside its place, for its owner's eyes only, and gets its name in [`Output::close`]; dropped before, it is
/// removed.
pub(super) enum Output {
    Stdout(io::StdoutLock<'static>),
    File { draft: NamedTempFile, path: PathBuf },
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
        let draft =
            NamedTempFile::new_in(folder).with_context(|| format!("creating `{}`", path.display()))?;
        Ok(Self::File { draft, path })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Stdout(stdout) => exit::printed(stdout.write_all(bytes)),
            Self::File { draft, path } => {
                draft.write_all(bytes).with_context(|| format!("writing `{}`", path.display()))
            }
        }
    }

    /// Everything is written and right.
    pub(super) fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(mut stdout) => exit::printed(stdout.flush()),
            Self::File { draft, path } => {
                draft.as_file().sync_all().with_context(|| format!("writing `{}`", path.display()))?;
                match draft.persist_noclobber(&path) {
                    Ok(_) => Ok(()),
                    Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(taken(&path)),
                    Err(error) => Err(error.error).with_context(|| format!("naming `{}`", path.display())),
                }
            }
        }
    }
}

fn taken(path: &Path) -> anyhow::Error {
    let what = format!("`{}` is there already and was left as it is", path.display());
    Advice::new(what, "name another file (--output), or move that one away").into()
}
