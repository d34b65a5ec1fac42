//! What people call what tools do: the words from which drafts of contracts are made, and those of ordinary speech.
//!
//! A word that ends in `*` stands for every word that begins so. Languages: English, German, French, Spanish, Italian, Dutch, Portuguese.

mod actions;
mod objects;
mod speech;

pub use actions::{ACTIONS, Action};
pub use objects::{OBJECTS, Object};
pub(crate) use speech::{
    Extreme, commands_a_document, extremes_in, is_common, is_negated, is_write_verb, says_go_on,
};

/// Whether `word` is what `pattern` stands for.
pub(crate) fn matches(pattern: &str, word: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => word.starts_with(stem),
        None => pattern == word,
    }
}

#[cfg(test)]
mod tests;
