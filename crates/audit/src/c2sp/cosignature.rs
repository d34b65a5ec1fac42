//! Cosignatures: a witness saw this checkpoint, and it goes on from what it saw before. Source: c2sp.org/tlog-cosignature.

use super::note::{Algorithm, Note, NoteError, NoteKey, NoteSigner};

/// Times are below 2^63.
const TIME_MAX: u64 = (1 << 63) - 1;

fn message(at_secs: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {at_secs}\n{text}")
}

/// The line by which `witness` cosigns the text of a checkpoint at a time (seconds since 1970), to be appended to the note. `None`
/// if the witness's key makes another kind of signature, or the time is none.
pub fn cosign(checkpoint_text: &str, at_secs: u64, witness: &NoteSigner) -> Option<String> {
    if witness.key().algorithm() != Algorithm::CosignatureEd25519 || at_secs > TIME_MAX {
        return None;
    }
    let signature = witness.sign(message(at_secs, checkpoint_text).as_bytes());
    Some(witness.line(&[&at_secs.to_be_bytes()[..], &signature].concat()))
}

/// When `witness` cosigned the checkpoint in `note` (seconds since 1970); the latest, if it did more than once.
pub fn cosigned_at(note: &Note<'_>, witness: &NoteKey) -> Result<u64, NoteError> {
    let mut latest = None;
    for signature in note.by(witness) {
        latest = latest.max(Some(cosigned_by(witness, note.text(), signature)?));
    }
    latest.ok_or(NoteError::Unsigned)
}

/// When a signature of `witness` over the text of a checkpoint says that it was given, if it verifies.
pub(super) fn cosigned_by(witness: &NoteKey, text: &str, signature: &[u8]) -> Result<u64, NoteError> {
    if witness.algorithm() != Algorithm::CosignatureEd25519 {
        return Err(NoteError::Unsigned);
    }
    let (at, signature) = signature.split_first_chunk().ok_or(NoteError::BadSignature)?;
    let at = u64::from_be_bytes(*at);
    if at > TIME_MAX {
        return Err(NoteError::BadSignature);
    }
    witness.verify(message(at, text).as_bytes(), signature)?;
    Ok(at)
}
