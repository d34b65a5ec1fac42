//! One file that proves one entry. Source: c2sp.org/tlog-proof.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::note::{NOTE_BYTES_MAX, NoteKey};
use super::parse_decimal;
use crate::tree::{Hash, ProofError, check_inclusion};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Hashes of a proof.
const HASHES_MAX: usize = 64;
/// Bytes of what an application may add.
const EXTRA_BYTES_MAX: usize = 128 << 10;
/// Bytes of a whole file: note, hashes, and what was added, in base64.
const FILE_BYTES_MAX: usize = NOTE_BYTES_MAX + EXTRA_BYTES_MAX * 4 / 3 + (HASHES_MAX + 4) * 64;

/// Why a file proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// Not the format.
    #[error("not a proof file: expected `{HEADER}`, an index, hashes and a checkpoint")]
    Format,
    /// The checkpoint in it cannot be relied on.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead from the entry to the checkpoint's root.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// A proof that an entry is in a log, checked with the log's public key alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// What the application added; nothing proves it.
    pub extra: Option<Vec<u8>>,
    /// Which entry.
    pub index: u64,
    /// From the entry's sibling to the child of the root.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint, whole.
    pub checkpoint: String,
}

impl ProofFile {
    /// Reads a file, and nothing that follows.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFileError> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= FILE_BYTES_MAX);
        text.and_then(Self::parse_text).ok_or(ProofFileError::Format)
    }

    fn parse_text(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n').peekable();
        if lines.next()? != HEADER {
            return None;
        }
        let extra = match lines.peek()?.strip_prefix("extra ") {
            None => None,
            Some(encoded) => {
                lines.next();
                Some(STANDARD.decode(encoded).ok().filter(|extra| extra.len() <= EXTRA_BYTES_MAX)?)
            }
        };
        let index = parse_decimal(lines.next()?.strip_prefix("index ")?)?;
        let hashes: Option<Vec<Hash>> = lines.map(Hash::parse_base64).collect();
        let hashes = hashes.filter(|hashes| hashes.len() <= HASHES_MAX)?;
        Some(Self { extra, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that `entry` is in the log of `key` at the index, and returns the checkpoint that says so.
    pub fn check(&self, entry: &[u8], key: &NoteKey) -> Result<SignedCheckpoint, ProofFileError> {
        let checkpoint = SignedCheckpoint::parse(self.checkpoint.as_bytes(), key)?;
        let leaf = crate::tree::leaf_hash(entry);
        check_inclusion(leaf, self.index, checkpoint.size(), checkpoint.root(), &self.hashes)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", hash.base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
