//! Reads results of tools as values.
//!
//! Many tool servers answer in text that is JSON, a Python literal, or what a YAML dumper writes. All three are read strictly, in
//! the form that dumpers write: text that is anything else has no fields, so nothing in it can pose as one.

mod literal;
mod yaml;

use crate::data::{Data, DataError};

pub use literal::read_json;

/// Levels of nesting.
pub(crate) const DEPTH_MAX: usize = 64;

/// Reads a result's text, if it is values that are named or counted: a lone word or number is text like any other.
///
/// Only for tools whose answers are records by contract: a file or a page may say anything, in any notation.
pub fn read_records(text: &str) -> Option<Data> {
    let text = text.trim();
    let data = match text.as_bytes().first()? {
        b'{' | b'[' => literal::read_literal(text).ok()?,
        _ => yaml::read_yaml(text).ok()?,
    };
    matches!(data, Data::Map(_) | Data::List(_)).then_some(data)
}

/// Counts values against [`crate::NODES_MAX`].
#[derive(Default)]
pub(crate) struct Count(usize);

impl Count {
    pub(crate) fn one(&mut self) -> Result<(), DataError> {
        self.0 += 1;
        if self.0 > crate::data::NODES_MAX {
            return Err(DataError::TooMuch { what: "values", max: crate::data::NODES_MAX });
        }
        Ok(())
    }
}

/// Adds a named value; a name may stand once.
pub(crate) fn insert(
    entries: &mut Vec<(String, Data)>,
    names: &mut std::collections::HashSet<String>,
    name: String,
    value: Data,
    at: usize,
) -> Result<(), DataError> {
    // Most maps are small: looking through them beats a table.
    let is_known = if entries.len() < 16 {
        entries.iter().any(|(known, _)| *known == name)
    } else {
        if names.is_empty() {
            names.extend(entries.iter().map(|(known, _)| known.clone()));
        }
        !names.insert(name.clone())
    };
    if is_known {
        return Err(DataError::Twice { at });
    }
    entries.push((name, value));
    Ok(())
}

#[cfg(test)]
mod tests;
