//! The formats of c2sp.org that tools of others read: signed notes, checkpoints, cosignatures, tiles, proofs.
//!
//! Parsers are total and bounded, and accept one spelling of each value, so that what is printed is what was parsed.

mod add_checkpoint;
pub(crate) mod bundle;
mod checkpoint;
mod cosignature;
mod note;
mod proof_file;
#[cfg(test)]
mod tests;
pub(crate) mod tile;

pub use add_checkpoint::{Cosignature, add_checkpoint, witnessed_size};
pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use cosignature::{cosign, cosigned_at};
pub use note::{Algorithm, KeyError, Note, NoteError, NoteKey, NoteSigner};
pub use proof_file::{ProofFile, ProofFileError};
pub use tile::{TileId, TileKind, TilePathError};

/// A number as these formats have it: decimal digits without a leading zero.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
}
