//! Notices that the configuration file changed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the file is looked at. Editors replace files rather than write them, so a look at the name is what works everywhere.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches one file.
pub(super) struct Watcher {
    path: PathBuf,
    seen: Option<Stamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl Watcher {
    pub(super) fn new(path: PathBuf) -> Self {
        let seen = stamp(&path);
        Self { path, seen }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns when the file is another than when last seen. A file that is gone is waited for.
    pub(super) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.look() {
                return;
            }
        }
    }

    /// Whether the file is another than when last seen, which it is no more after this.
    pub(super) fn look(&mut self) -> bool {
        let now = stamp(&self.path);
        let changed = now.is_some() && now != self.seen;
        if changed {
            self.seen = now;
        }
        changed
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp { modified: metadata.modified().ok(), bytes: metadata.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("botwarden.toml");
        let mut watcher = Watcher::new(path.clone());
        assert!(!watcher.look(), "there is none");
        std::fs::write(&path, "a").unwrap();
        assert!(watcher.look(), "there is one");
        assert!(!watcher.look(), "seen");
        std::fs::write(&path, "ab").unwrap();
        assert!(watcher.look(), "another");
        std::fs::remove_file(&path).unwrap();
        assert!(!watcher.look(), "one that is gone is waited for");
        assert!(!watcher.look());
    }
}
