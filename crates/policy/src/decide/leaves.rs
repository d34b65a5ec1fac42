//! The scalar values of a call.

use std::hash::{BuildHasher, Hasher};

use crate::data::Data;
use crate::value::Canon;

/// One value of a call's arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its path: `recipients[0]`.
    pub path: String,
    /// As text.
    pub text: String,
    /// As what it is.
    pub canon: Canon,
    /// Whether it is true or false.
    pub flag: Option<bool>,
}

impl Leaf {
    /// Whether it says nothing: null, or an empty text.
    pub(crate) fn is_nothing(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// All values in their order.
pub fn leaves_of(arguments: &Data) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    walk(arguments, &mut String::new(), &mut leaves);
    leaves
}

fn walk(data: &Data, path: &mut String, leaves: &mut Vec<Leaf>) {
    let length = path.len();
    let (text, flag) = match data {
        Data::Null => (String::new(), None),
        Data::Bool(value) => (value.to_string(), Some(*value)),
        Data::Number(text) | Data::Text(text) => (text.clone(), None),
        Data::List(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push_str(&format!("[{at}]"));
                walk(item, path, leaves);
                path.truncate(length);
            }
            return;
        }
        Data::Map(entries) => {
            for (name, value) in entries {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                walk(value, path, leaves);
                path.truncate(length);
            }
            return;
        }
    };
    leaves.push(Leaf { path: path.clone(), canon: Canon::of(&text), text, flag });
}

/// A hash of the arguments, the same in every process.
pub fn hash_of(arguments: &Data) -> u64 {
    let mut hasher = ahash::RandomState::with_seeds(1, 2, 3, 4).build_hasher();
    hasher.write(crate::canonical(arguments).as_bytes());
    hasher.finish()
}
