//! Entries in the forms that other systems take in: JSON Lines, OCSF, CEF.
//!
//! An export is a copy for searching; what proves anything is the log. So each line carries the index and the hash of its entry, by
//! which it can be asked for a proof.

mod cef;
mod ocsf;
#[cfg(test)]
mod tests;

pub use cef::cef;
pub use ocsf::ocsf;

use crate::entry::{Entry, EntryError};
use crate::tree::{Hash, leaf_hash};

/// An entry with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// Which log.
    pub origin: &'a str,
    /// Its index.
    pub index: u64,
    /// Its hash in the tree.
    pub leaf: Hash,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What they say.
    pub entry: Entry,
}

impl<'a> Recorded<'a> {
    /// Reads the bytes of an entry.
    pub fn read(origin: &'a str, index: u64, bytes: &'a [u8]) -> Result<Self, EntryError> {
        Ok(Self { origin, index, leaf: leaf_hash(bytes), bytes, entry: Entry::decode(bytes)? })
    }
}

/// One line of JSON: `{"index":…,"leaf":"…","entry":{…}}`, the entry in its own bytes. Without a line feed.
pub fn json_line(recorded: &Recorded<'_>) -> String {
    let entry = String::from_utf8_lossy(recorded.bytes);
    format!("{{\"index\":{},\"leaf\":\"{}\",\"entry\":{entry}}}", recorded.index, recorded.leaf)
}
