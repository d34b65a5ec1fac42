//! Values of arguments and results, as they were read.

/// Values in one tree.
pub const NODES_MAX: usize = 200_000;

/// Why a text is not read as values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// Not written as such.
    #[error("not a value at byte {at}")]
    Syntax {
        /// Where.
        at: usize,
    },
    /// A name twice in one map: two readers might believe different ones.
    #[error("a name is given twice at byte {at}")]
    Twice {
        /// Where.
        at: usize,
    },
    /// Over a bound.
    #[error("more than {max} {what}")]
    TooMuch {
        /// What is too much.
        what: &'static str,
        /// How much is allowed.
        max: usize,
    },
}

/// A value. Numbers stay text, so none is rounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// Words.
    Text(String),
    /// Several values.
    List(Vec<Data>),
    /// Named values, in the order in which they were written.
    Map(Vec<(String, Data)>),
}

impl Data {
    /// The value of that name, if this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Data> {
        match self {
            Self::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The words, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
