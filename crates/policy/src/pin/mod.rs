//! What an operator has accepted of a tool server: its tools, word for word.
//!
//! A server may say one thing when it is looked at and another when it is used, and what it says is read by a model. So each
//! definition is brought into one [`canonical`] form whose SHA-256 stands in a [`Lock`]; a tool that is not there, or is there in
//! other words, does not exist until an operator has seen the [`difference`]. What no reader can see, or would read as something
//! else, is never accepted ([`oddity_of_name`], [`oddity_of_text`], [`look_alikes`]).
//!
//! The format of the lock is described in `docs/formats/tools-lock.md`.

mod canonical;
mod characters;
mod difference;
mod lock;

pub use canonical::{Digest, canonical};
pub use characters::{Oddity, TOOL_NAME_BYTES_MAX, look_alikes, oddity_of_name, oddity_of_text};
pub use difference::{Line, difference};
pub use lock::{LOCK_BYTES_MAX, Lock, LockError, Pin, PinnedServer, Standing};

#[cfg(test)]
mod tests;
