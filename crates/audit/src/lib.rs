//! The audit log: what happened, in a form that cannot be changed unnoticed.
//!
//! An [`Entry`] goes with others into a [`Batch`]; [`Log::append`] makes the batch durable together with a signed [`Checkpoint`] that
//! includes it, by one write and one sync. The [`Tiler`] follows behind and turns the journal into the tiles that auditors and
//! tools of others read. [`verify()`] checks it all from the files and the public key; [`prove()`] makes one file that shows one entry.
//!
//! Promises: when `append` returns, every entry of the batch outlives a loss of power, signed. Whoever holds a checkpoint or a
//! witness's cosignature notices any change of what it covers. The verifier shares only hashing and the check of signatures with the
//! writer. What is personal is in an entry as a commitment only, so that destroying a subject's key leaves a log that
//! still verifies. `docs/formats/audit-log.md` describes the files.
//!
//! Left to others: files and queues (`store`, behind [`Disk`] and [`Files`]), what is worth recording (`gateway`, `admin`), sealing.

mod c2sp;
mod content;
mod cosigned;
mod entry;
pub mod export;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod journal;
mod log;
mod port;
mod prove;
mod read;
mod tree;
mod verify;

pub use c2sp::{
    Algorithm, Checkpoint, CheckpointError, Cosignature, KeyError, Note, NoteError, NoteKey, NoteSigner,
    ProofFile, ProofFileError, SignedCheckpoint, TileId, TileKind, TilePathError, add_checkpoint, cosign,
    cosigned_at, witnessed_size,
};
pub use content::{read_content, remove_contents};
pub use cosigned::Cosigned;
pub use entry::{
    Change, Commitment, Decision, ENTRY_BYTES_MAX, Entry, EntryError, EntryId, Erasure, Event, KeyOperation,
    KeyUse, OperatorAction, Outcome, Personal, Salt, Start, Stop, ToolCall, ToolPlace, Verdict, Word,
    WordError,
};
pub use log::{
    AppendError, Appended, BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, Batch, CONTENT_BYTES_MAX, Log, OpenError,
    Opened, Progress, PushError, Ticket, Tiler, TilerError,
};
pub use port::{Disk, Files};
pub use prove::{ProveError, Proven, prove, prove_consistency, published};
pub use read::Entries;
pub use tree::{
    HASH_BYTES, Hash, ProofError, check_consistency, check_inclusion, empty_root, leaf_hash, node_hash,
};
pub use verify::{Conclusion, Finding, Quorum, Report, Witnessed, Wrong, verify, verify_witnessed};
