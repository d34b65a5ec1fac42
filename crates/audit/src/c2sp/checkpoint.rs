//! Checkpoints: how large a log is, and its root, signed. Source: c2sp.org/tlog-checkpoint v1.0.0.

use std::fmt;

use super::add_checkpoint::Cosignature;
use super::note::{Note, NoteError, NoteKey, NoteSigner};
use super::parse_decimal;
use crate::tree::Hash;

/// Why bytes are not a checkpoint one can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a note, or not signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A note about something else.
    #[error("the note is not a checkpoint: expected origin, size and root, a line each")]
    Format,
    /// Of another log.
    #[error("a checkpoint of another log")]
    Origin,
}

/// What a log says of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// Lines that follow, each with its line feed. We write none.
    pub extensions: String,
}

impl Checkpoint {
    /// Reads the text of a note.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.splitn(4, '\n');
        let mut line = || lines.next().ok_or(CheckpointError::Format);
        let (origin, size, root, extensions) = (line()?, line()?, line()?, line()?);
        let size = parse_decimal(size).ok_or(CheckpointError::Format)?;
        let root = Hash::parse_base64(root).ok_or(CheckpointError::Format)?;
        let empty_line = extensions.starts_with('\n') || extensions.contains("\n\n");
        let unended = !extensions.is_empty() && !extensions.ends_with('\n');
        if origin.is_empty() || empty_line || unended {
            return Err(CheckpointError::Format);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions: extensions.to_owned() })
    }
}

impl fmt::Display for Checkpoint {
    /// The text that is signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n{}", self.origin, self.size, self.root.base64(), self.extensions)
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({} {} {})", self.origin, self.size, self.root)
    }
}

/// A checkpoint with the note it came in. INVARIANT: signed by the key it was verified with, for that key's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
}

impl SignedCheckpoint {
    /// Signs: the log's key bears the name of its origin.
    pub(crate) fn sign(size: u64, root: Hash, signer: &NoteSigner) -> Self {
        let origin = signer.key().name().to_owned();
        let checkpoint = Checkpoint { origin, size, root, extensions: String::new() };
        let note = signer.note(&checkpoint.to_string());
        Self { checkpoint, note }
    }

    /// Reads a note and checks that `key` signed it and that it is about the log of the key's name.
    pub fn parse(note: &[u8], key: &NoteKey) -> Result<Self, CheckpointError> {
        let parsed = Note::parse(note)?;
        parsed.verify(key)?;
        let checkpoint = Checkpoint::parse(parsed.text())?;
        if checkpoint.origin != key.name() {
            return Err(CheckpointError::Origin);
        }
        let note = std::str::from_utf8(note).map_err(|_| NoteError::Format)?.to_owned();
        Ok(Self { checkpoint, note })
    }

    /// The same with a witness's cosignature, which the reader has to check for themselves.
    #[must_use]
    pub fn with(mut self, cosignature: &Cosignature) -> Self {
        if !self.note.contains(cosignature.line()) {
            self.note += cosignature.line();
        }
        self
    }

    /// The same with the signatures of `other`, where that is about the same tree; readers have to check them for themselves.
    #[must_use]
    pub fn joined(mut self, other: &Self) -> Self {
        let signatures = other.note.strip_prefix(&self.checkpoint.to_string()).unwrap_or_default();
        for line in signatures.split_inclusive('\n').filter(|line| line.trim() != "") {
            if !self.note.contains(line) {
                self.note += line;
            }
        }
        self
    }

    /// Entries.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Root over them.
    pub fn root(&self) -> Hash {
        self.checkpoint.root
    }

    /// What is signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The whole note: what to hand to auditors and witnesses.
    pub fn note(&self) -> &str {
        &self.note
    }
}
