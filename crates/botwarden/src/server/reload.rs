//! Notices that the configuration file changed, or one that it stands on.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the file is looked at. Editors replace files rather than write them, so a look at the name is what works everywhere.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches a file and those it stands on, which need not be there.
pub(super) struct Watcher {
    path: PathBuf,
    beside: Vec<PathBuf>,
    /// What was reported last.
    seen: Option<Stamp>,
    /// What the look before saw, if that was another.
    coming: Option<Stamp>,
}

#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    beside: Vec<Option<(Option<SystemTime>, u64)>>,
}

impl Watcher {
    pub(super) fn new(path: PathBuf, beside: Vec<PathBuf>) -> Self {
        let seen = stamp(&path, &beside);
        Self { path, beside, seen, coming: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns when the file is another than when last seen, and complete. A file that is gone is waited for.
    pub(super) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.look() {
                return;
            }
        }
    }

    /// Whether the file is another than when last seen, which it is no more after this. Two looks in a row have to see the
    /// same: a file still being written may be valid up to where it ends, without the limits that come after.
    fn look(&mut self) -> bool {
        let now = stamp(&self.path, &self.beside);
        let other = now.clone().filter(|_| now != self.seen);
        let changed = other.is_some() && other == self.coming;
        self.coming = other;
        if changed {
            self.seen_now(now);
        }
        changed
    }

    /// Takes the file as it is for seen: somebody said that it is complete.
    pub(super) fn take(&mut self) {
        self.seen_now(stamp(&self.path, &self.beside));
    }

    fn seen_now(&mut self, now: Option<Stamp>) {
        self.seen = now.or(self.seen.take());
        self.coming = None;
    }

    /// A new configuration may stand on other files. They are read once more, in case one was written while they were.
    pub(super) fn stand_on(&mut self, beside: Vec<PathBuf>) {
        if beside != self.beside {
            self.beside = beside;
            self.seen = None;
            self.coming = None;
        }
    }
}

fn stamp(path: &Path, beside: &[PathBuf]) -> Option<Stamp> {
    let of = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok(), metadata.len()))
    };
    let (modified, bytes) = of(path)?;
    Some(Stamp { modified, bytes, beside: beside.iter().map(|path| of(path)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_once_and_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("botwarden.toml");
        let lock = folder.path().join("botwarden-tools.lock");
        let mut watcher = Watcher::new(path.clone(), vec![lock.clone()]);
        assert!(!watcher.look(), "there is none");
        std::fs::write(&path, "a").unwrap();
        assert!(!watcher.look(), "there is one, perhaps half of it");
        assert!(watcher.look(), "that was all");
        assert!(!watcher.look(), "seen");
        std::fs::write(&path, "ab").unwrap();
        assert!(!watcher.look(), "half of another");
        std::fs::write(&path, "abc").unwrap();
        assert!(!watcher.look(), "more of it");
        assert!(watcher.look(), "all of it");
        std::fs::write(&lock, "version = 1").unwrap();
        assert!(!watcher.look(), "perhaps half of the file beside it");
        assert!(watcher.look(), "that was all of it");
        let contract = folder.path().join("bank.contract.toml");
        std::fs::write(&contract, "format = 1").unwrap();
        watcher.stand_on(vec![lock.clone(), contract.clone()]);
        assert!(!watcher.look() && watcher.look(), "it may have been written while it was read");
        assert!(!watcher.look());
        std::fs::write(&contract, "format = 1\n").unwrap();
        assert!(!watcher.look() && watcher.look(), "a contract is watched as well");
        std::fs::write(&path, "abcd").unwrap();
        assert!(!watcher.look());
        watcher.take();
        assert!(!watcher.look(), "it was announced");
        std::fs::remove_file(&path).unwrap();
        assert!(!watcher.look(), "one that is gone is waited for");
        assert!(!watcher.look());
        std::fs::write(&path, "abcde").unwrap();
        assert!(!watcher.look(), "it comes again");
        assert!(watcher.look());
    }
}
