//! Writing the log.

mod append;
mod batch;
mod open;
#[cfg(test)]
pub(crate) mod power;
#[cfg(test)]
pub(crate) mod tests;
mod tiler;
mod tiles;

pub use append::{AppendError, Appended, Log};
pub use batch::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, Batch, CONTENT_BYTES_MAX, PushError, Ticket};
pub use open::{OpenError, Opened};
pub use tiler::{Progress, Tiler, TilerError};
pub(crate) use tiles::read_tile;

/// The file of the published checkpoint.
const CHECKPOINT: &str = "checkpoint";
/// The file that says what lies here: format, and the log's key.
const FORMAT: &str = "format";
/// Bytes of the longest published checkpoint that is read, witnesses included.
const CHECKPOINT_BYTES_MAX: u64 = 128 << 10;
/// The folder of what is being written.
const DRAFTS: &str = "draft";
/// The folder of unfinished writes that were set aside.
const TORN: &str = "torn";

/// What the file `format` holds. Its second line is for people and tools; the key to rely on comes from elsewhere.
fn format_text(key: &crate::c2sp::NoteKey) -> String {
    format!("botwarden-audit/1\n{key}\n")
}

/// The name of the draft of a file.
fn draft(name: &str) -> String {
    format!("{DRAFTS}/{}", name.replace('/', "-"))
}
