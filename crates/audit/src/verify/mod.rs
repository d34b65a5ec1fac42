//! Checks a log offline, from its files and the public key alone.
//!
//! Shares with the writer nothing but hashing and the check of a signature: tiles, bundles, contents, checkpoints and the journal are read
//! by code of its own, so that a mistake of the writer is not one of the verifier. Memory does not grow with the log.
//!
//! Every entry is hashed from its bytes and compared with its tile, every tile with the one above, the tree with every signed checkpoint
//! it passes, and contents with their hashes. What nobody can see without an older checkpoint: that the end of the log is
//! missing, or that all of it was written anew by who holds the key. So keep checkpoints elsewhere, or have them cosigned.

mod content;
mod journal;
mod read;
mod report;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
mod watch;
mod witness;

pub use report::{Conclusion, Finding, Report, Witnessed, Wrong};

use crate::c2sp::NoteKey;
use crate::port::Files;

/// How often a log is gone over that is written meanwhile, before what was found is believed.
const ATTEMPTS: usize = 3;

/// Whose cosignatures count, and how many are demanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    /// The witnesses' public keys, each once.
    pub witnesses: Vec<NoteKey>,
    /// How many of them have to have cosigned this log.
    pub demanded: usize,
}

/// Checks the log in `files` with the public `key`, and that it goes on from each checkpoint in `kept`: notes that were put aside
/// earlier, and from each that a witness cosigned, as far as they lie beside the log. The log may be written meanwhile.
pub fn verify(files: &dyn Files, key: &NoteKey, kept: &[&[u8]]) -> Report {
    verify_witnessed(files, key, kept, &Quorum::default())
}

/// The same, and tells which of the witnesses of `quorum` cosigned the log: beside it, or on a checkpoint in `kept`. Nobody can tell whether a
/// log is good that fewer cosigned than are demanded.
pub fn verify_witnessed(files: &dyn Files, key: &NoteKey, kept: &[&[u8]], quorum: &Quorum) -> Report {
    for _ in 1..ATTEMPTS {
        let (report, moved_on) = walk::Walk::over(files, key, kept, quorum);
        if !moved_on {
            return report;
        }
    }
    walk::Walk::over(files, key, kept, quorum).0
}

/// What ends a walk.
enum Stop {
    /// Something is not as it was written.
    Wrong(Finding),
    /// Nobody can tell, and why.
    CannotTell(String),
}
