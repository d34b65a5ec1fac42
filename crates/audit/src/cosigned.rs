//! What witnesses cosigned, kept beside the log: for each the last checkpoint it cosigned, as a note with both signatures.

use std::io;

use botwarden_crypto::sha256;

use crate::c2sp::{Cosignature, Note, NoteKey, SignedCheckpoint, cosigned_at};
use crate::port::{Files, read_whole};
use crate::prove::{CHECKPOINT_BYTES_MAX, ProveError, storage};

/// The folder.
pub(crate) const FOLDER: &str = "cosigned";
/// Files of the folder that are looked at: with the log's own, no more signatures than a note may have.
const FILES_MAX: usize = 32;

/// The last checkpoint that a witness cosigned, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The checkpoint, with the witness's line.
    pub checkpoint: SignedCheckpoint,
    /// When the witness cosigned it, in seconds since 1970, as it says.
    pub at_secs: u64,
}

impl Cosigned {
    /// What a witness answered, beside what it was asked about.
    pub fn new(checkpoint: SignedCheckpoint, cosignature: &Cosignature) -> Self {
        Self { checkpoint: checkpoint.with(cosignature), at_secs: cosignature.at_secs }
    }

    /// Whether this says less than `other` does: a smaller tree, or the same at an earlier time.
    pub fn is_before(&self, other: &Self) -> bool {
        (self.checkpoint.size(), self.at_secs) < (other.checkpoint.size(), other.at_secs)
    }

    /// The file for what `witness` cosigns, from the log's folder. Named by a hash: a key's name may hold anything.
    pub fn file(witness: &NoteKey) -> String {
        let hash = sha256(witness.to_string().as_bytes());
        let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{FOLDER}/{name}")
    }

    /// What is kept of `witness` for the log of `key`; both signatures were checked. `None` if it has cosigned nothing yet.
    pub fn read(files: &dyn Files, key: &NoteKey, witness: &NoteKey) -> Result<Option<Self>, ProveError> {
        let file = Self::file(witness);
        let Some(note) = read_whole(files, &file, CHECKPOINT_BYTES_MAX).map_err(storage(&file))? else {
            return Ok(None);
        };
        let cosigned = |source| ProveError::Cosigned { file: file.clone(), source };
        let checkpoint = SignedCheckpoint::parse(&note, key).map_err(cosigned)?;
        let parsed = Note::parse(&note).map_err(|error| cosigned(error.into()))?;
        let at_secs = cosigned_at(&parsed, witness).map_err(|error| cosigned(error.into()))?;
        Ok(Some(Self { checkpoint, at_secs }))
    }
}

/// The best checkpoint to prove entry `index` under: of those that cover it, the one with the most cosignatures, and of these the largest.
/// `published` if none was cosigned. Cosignatures are passed on unchecked: whoever relies on them has the witnesses' keys.
pub(crate) fn best(
    files: &dyn Files,
    key: &NoteKey,
    published: SignedCheckpoint,
    index: u64,
) -> io::Result<SignedCheckpoint> {
    let mut best: Vec<(usize, SignedCheckpoint)> = vec![(0, published.clone())];
    let mut names = files.list(FOLDER)?;
    names.sort();
    for name in names.iter().filter(|name| is_kept(name)).take(FILES_MAX) {
        let note = read_whole(files, &format!("{FOLDER}/{name}"), CHECKPOINT_BYTES_MAX)?.unwrap_or_default();
        // What is damaged is for the verifier to find; it proves nothing here.
        let Ok(kept) = SignedCheckpoint::parse(&note, key) else { continue };
        if index >= kept.size() || kept.size() > published.size() {
            continue;
        }
        match best.iter_mut().find(|(_, it)| it.checkpoint() == kept.checkpoint()) {
            Some((count, known)) => {
                *known = known.clone().joined(&kept);
                *count += 1;
            }
            None => best.push((1, kept)),
        }
    }
    let best = best.into_iter().max_by_key(|(count, checkpoint)| (*count, checkpoint.size()));
    Ok(best.map_or(published, |(_, checkpoint)| checkpoint))
}

/// Whether a file of the folder is what is kept of a witness, and not a draft or the lock.
pub(crate) fn is_kept(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
