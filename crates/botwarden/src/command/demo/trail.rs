//! What the audit log holds of the tour, and that an edit of it is found.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use botwarden_audit::{Conclusion, NoteKey, verify};
use botwarden_store::audit::AuditFiles;
use serde::Serialize;

/// What became of the log.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Trail {
    /// Entries, each hashed anew.
    pub(super) entries: u64,
    /// Whether all of it is as it was written.
    pub(super) verified: bool,
    /// The entry that was edited in a copy, by whoever owns the disk.
    pub(super) edited: Option<u64>,
    /// The entry that the check names, or the first of those that were signed together with it.
    pub(super) found: Option<u64>,
    /// The last of them.
    pub(super) found_last: Option<u64>,
}

impl Trail {
    /// Whether the log is whole and the edit was found where it is.
    pub(super) fn is_as_it_must(&self) -> bool {
        let names = |(edited, (first, last)): (u64, (u64, u64))| (first..=last).contains(&edited);
        self.verified && self.edited.zip(self.found.zip(self.found_last)).is_some_and(names)
    }

    /// Verifies the log in `folder`, then edits a refusal into something else in a copy and verifies that.
    pub(super) fn of(folder: &Path, scratch: &Path, key: &NoteKey) -> anyhow::Result<Self> {
        copy(folder, scratch).context("copying the audit log")?;
        let whole = verify(&AuditFiles::new(scratch), key, &[]);
        let edited = edit(scratch).context("editing the copy of the audit log")?;
        let after = verify(&AuditFiles::new(scratch), key, &[]);
        Ok(Self {
            entries: whole.entries,
            verified: whole.verdict == Conclusion::Good,
            edited,
            found: after.finding.as_ref().map(|finding| finding.from),
            found_last: after.finding.and_then(|finding| finding.to?.checked_sub(1)),
        })
    }
}

/// Rewrites the first refusal wherever it lies, in journal and tiles; its place among the entries.
fn edit(folder: &Path) -> anyhow::Result<Option<u64>> {
    /// What every entry begins with.
    const ENTRY: &[u8] = b"{\"v\":1,\"";
    let (what, instead) = (&b"\"verdict\":\"denied\""[..], &b"\"verdict\":\"Denied\""[..]);
    let mut edited = None;
    for path in files_in(folder)? {
        let mut bytes = fs::read(&path)?;
        let Some(at) = bytes.windows(what.len()).position(|part| part == what) else { continue };
        if let Some(first) = first_of_segment(folder, &path) {
            let before = bytes.get(..at).unwrap_or_default();
            let entries = before.windows(ENTRY.len()).filter(|part| *part == ENTRY).count() as u64;
            edited = Some(first + entries.saturating_sub(1));
        }
        if let Some(place) = bytes.get_mut(at..at + instead.len()) {
            place.copy_from_slice(instead);
        }
        fs::write(&path, bytes)?;
    }
    Ok(edited)
}

/// The index of the first entry in a segment of the journal; `None` for other files.
fn first_of_segment(folder: &Path, path: &Path) -> Option<u64> {
    let name = path.strip_prefix(folder.join("journal")).ok()?;
    name.to_str()?.parse().ok()
}

fn files_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        let target = to.join(name);
        if path.is_dir() {
            copy(&path, &target)?;
        } else if let Err(error) = fs::copy(&path, &target)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error);
        }
    }
    Ok(())
}
