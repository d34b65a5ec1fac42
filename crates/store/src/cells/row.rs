//! Rows: the clear columns a sealed cell is bound to, and numbers as databases keep them.

use botwarden_crypto::{Digest, Place};
use botwarden_types::UnixMs;

/// Version of what is inside sealed cells.
const SCHEMA: u32 = 1;

/// The clear columns of a row that never change, as one unambiguous text. A cell sealed for it opens only while all of them are what
/// they were: whoever edits the database cannot give a key more rights, or another hash, or a later expiry.
#[derive(Default)]
pub(crate) struct Clear(Vec<u8>);

impl Clear {
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn digest(self, digest: &Digest) -> Self {
        self.bytes(digest.as_bytes())
    }

    pub(crate) fn number(self, number: Option<i64>) -> Self {
        match number {
            Some(number) => self.bytes(&number.to_be_bytes()),
            None => self.bytes(&[]),
        }
    }

    pub(crate) fn time(self, at: UnixMs) -> Self {
        self.number(Some(to_column(at)))
    }

    /// The columns as one text.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The place of a cell in this row.
    pub(crate) fn place<'a>(&'a self, table: &'a str, column: &'a str) -> Place<'a> {
        Place { table, column, row: &self.0, schema: SCHEMA }
    }
}

/// Integers in a database are signed. A time beyond the year 292,000,000 is kept as that.
pub(crate) fn to_column(at: UnixMs) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// A negative time was never written; read as the past, so that whatever expires has.
pub(crate) fn from_column(at: i64) -> UnixMs {
    UnixMs(u64::try_from(at).unwrap_or(0))
}

/// A bound as databases count.
pub(crate) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
