//! The node's name: `node`, made once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use botwarden_crypto::{RandomnessError, identifier};

use super::DataDir;

/// The file's name.
const NAME: &str = "node";
/// Characters of a name: what [`identifier`] makes.
const NAME_CHARS: usize = 26;
/// The most bytes the file may hold: a name and a line break. One more is read, so that a longer file shows as longer.
const FILE_BYTES_MAX: usize = NAME_CHARS + 1;

/// Why a node has no name.
#[derive(Debug, thiserror::Error)]
pub enum NodeFileError {
    /// The file could not be read or written.
    #[error("{operation} `{}`", .path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("`{}` does not hold the name of a node; restore it from your backup", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
    },
    /// No randomness, no name.
    #[error("making a name for this node")]
    Randomness(#[from] RandomnessError),
}

impl DataDir {
    /// The name by which this node is told from others that share its keys; made at the first use. It is not secret.
    pub(crate) fn node(&self) -> Result<String, NodeFileError> {
        let path = self.path().join(NAME);
        if !path.exists() {
            self.make_node_name()?;
        }
        let io = |source| NodeFileError::Io { operation: "reading", path: path.clone(), source };
        let mut text = Vec::new();
        let limit = u64::try_from(FILE_BYTES_MAX + 1).unwrap_or(u64::MAX);
        File::open(&path).and_then(|file| file.take(limit).read_to_end(&mut text)).map_err(io)?;
        node_name(&text).map(str::to_owned).ok_or(NodeFileError::Invalid { path })
    }

    /// Writes a name beside its place and links it there: a link never replaces, so of several processes the first wins.
    fn make_node_name(&self) -> Result<(), NodeFileError> {
        let path = self.path().join(NAME);
        let name = identifier()?;
        let draft = self.path().join(format!("{NAME}.draft-{name}"));
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let written = made.and_then(|mut file| writeln!(file, "{name}").and_then(|()| file.sync_all()));
        let linked = written.and_then(|()| fs::hard_link(&draft, &path));
        // Whatever happened, the draft has done its work.
        let _ = fs::remove_file(&draft);
        match linked {
            Err(source) if !path.exists() => Err(NodeFileError::Io { operation: "creating", path, source }),
            _ => {
                let synced = File::open(self.path()).and_then(|dir| dir.sync_all());
                synced.map_err(|source| NodeFileError::Io { operation: "syncing", path, source })
            }
        }
    }
}

/// The name in what the file holds; one line break may follow.
pub(crate) fn node_name(text: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(text.strip_suffix(b"\n").unwrap_or(text)).ok()?;
    let is_name = name.len() == NAME_CHARS && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_name() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(parent.path().join("one")).unwrap();
        let other = DataDir::open(parent.path().join("other")).unwrap();
        let name = dir.node().unwrap();
        assert_eq!(dir.node().unwrap(), name);
        assert_ne!(other.node().unwrap(), name);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
        let (longer, lines) = (format!("{name}a"), format!("{name}\n\n"));
        for text in ["", "short", "../../../../../../../../etc", &longer, &lines] {
            fs::write(dir.path().join(NAME), text).unwrap();
            assert!(matches!(dir.node(), Err(NodeFileError::Invalid { .. })), "`{text}`");
        }
    }
}
