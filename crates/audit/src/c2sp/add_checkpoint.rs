//! What a log asks a witness, and how that answers. Source: c2sp.org/tlog-witness, `add-checkpoint`.

use super::checkpoint::SignedCheckpoint;
use super::cosignature::cosigned_by;
use super::note::{NoteError, NoteKey, SIGNATURES_MAX, Signature};
use super::parse_decimal;
use crate::tree::Hash;

/// The body of the question: cosign `checkpoint`, which goes on, as `proof` shows, from the `old` entries that you saw last.
pub fn add_checkpoint(old: u64, proof: &[Hash], checkpoint: &SignedCheckpoint) -> String {
    let mut body = format!("old {old}\n");
    for hash in proof {
        body += &hash.base64();
        body.push('\n');
    }
    body.push('\n');
    body += checkpoint.note();
    body
}

/// Reads the answer to an `old` that is not what the witness saw last: the size it did see.
pub fn witnessed_size(answer: &[u8]) -> Option<u64> {
    parse_decimal(std::str::from_utf8(answer).ok()?.strip_suffix('\n')?)
}

/// A witness's word for one checkpoint. INVARIANT: it was verified with the witness's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// When the witness gave it, in seconds since 1970, as it says.
    pub at_secs: u64,
    /// The line in the note, with its line feed.
    line: String,
}

impl Cosignature {
    /// Takes the cosignature of `witness` over `checkpoint` out of signature lines, such as a witness answers with. Those of other keys are
    /// passed over; of several the latest counts, and each has to verify.
    pub fn take(answer: &[u8], checkpoint: &SignedCheckpoint, witness: &NoteKey) -> Result<Self, NoteError> {
        let lines = std::str::from_utf8(answer).map_err(|_| NoteError::Format)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Format)?;
        if lines.split('\n').count() > SIGNATURES_MAX {
            return Err(NoteError::Format);
        }
        let text = checkpoint.checkpoint().to_string();
        let mut latest: Option<Self> = None;
        for line in lines.split('\n') {
            let signature = Signature::parse(line).ok_or(NoteError::Format)?;
            let Some(signature) = signature.of(witness) else { continue };
            let at_secs = cosigned_by(witness, &text, signature)?;
            if latest.as_ref().is_none_or(|it| it.at_secs < at_secs) {
                latest = Some(Self { at_secs, line: format!("{line}\n") });
            }
        }
        latest.ok_or(NoteError::Unsigned)
    }

    /// The line in the note, with its line feed.
    pub fn line(&self) -> &str {
        &self.line
    }
}
