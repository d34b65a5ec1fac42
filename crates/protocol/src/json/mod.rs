//! A strict JSON reader that keeps every value's place in the bytes.
//!
//! [`Document::parse`] reads RFC 8259 exactly, in one pass and constant stack, into a flat list of nodes; [`Value`] walks
//! it. It refuses what the standard leaves open and parsers therefore disagree on: a name twice in one object (compared
//! after unescaping), lone surrogates, a byte order mark. Numbers stay text, so none is rounded.
//!
//! Why not `serde_json`: it keeps no spans, takes the last of duplicate names, and has no bound on values (ADR 0003).

mod edit;
mod error;
mod member;
mod parse;
mod scan;
mod text;
mod value;

pub(crate) use edit::{Edits, ObjectText, array, quoted};
pub use error::{JsonError, JsonErrorKind};
pub(crate) use member::MemberReader;
pub(crate) use text::plain_bytes;
pub use text::push_quoted;
pub use value::{Document, Entries, Items, Kind, Name, Spare, Value};

#[cfg(test)]
mod tests;
