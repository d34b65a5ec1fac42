//! What an application vouches for about its user, as typed values.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Claims of one user.
pub const CLAIMS_MAX: usize = 32;
/// Bytes of a claim's name.
pub const CLAIM_NAME_BYTES_MAX: usize = 64;
/// Bytes of a text, alone or in a list.
pub const CLAIM_TEXT_BYTES_MAX: usize = 1024;
/// Texts in a list.
pub const CLAIM_TEXTS_MAX: usize = 64;
/// Characters of a number as written.
pub const CLAIM_NUMBER_CHARS_MAX: usize = 64;
/// Bytes of all claims as JSON: what one session may take of memory.
pub const CLAIMS_BYTES_MAX: usize = 8 * 1024;

/// One value. Personal: it has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum Claim {
    /// Words.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any other number, as its JSON text: nothing is lost by rounding.
    Decimal(String),
    /// True or false.
    Flag(bool),
    /// Several texts.
    Texts(Vec<String>),
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(…)",
            Self::Integer(_) => "Integer(…)",
            Self::Decimal(_) => "Decimal(…)",
            Self::Flag(_) => "Flag(…)",
            Self::Texts(_) => "Texts(…)",
        })
    }
}

/// Why claims are refused. `path` leads to the value, never shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Not a JSON object.
    #[error("claims: expected a JSON object")]
    NotAnObject,
    /// The same name twice: two readers might believe different ones.
    #[error("{path}: given twice")]
    Twice {
        /// The claim.
        path: String,
    },
    /// An object, null, or a list of something other than texts.
    #[error("{path}: found {found}, expected a text, a number, true or false, or a list of texts")]
    Kind {
        /// The value.
        path: String,
        /// What it is.
        found: &'static str,
    },
    /// Over a bound.
    #[error("{path}: more than {max} {unit}")]
    TooMuch {
        /// What is too much.
        path: String,
        /// How much is allowed.
        max: usize,
        /// Of what.
        unit: &'static str,
    },
    /// An empty name, or one with control characters.
    #[error("claims: a name is empty or has control characters")]
    Name,
}

/// A user's claims, by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Claims(BTreeMap<String, Claim>);

impl Claims {
    /// Reads a JSON object. Nested objects, nulls, repeated names and whatever exceeds a bound are refused.
    pub fn parse(json: &str) -> Result<Self, ClaimsError> {
        if json.len() > CLAIMS_BYTES_MAX {
            return Err(too_much("claims", CLAIMS_BYTES_MAX, "bytes of JSON"));
        }
        let entries: Entries = serde_json::from_str(json).map_err(|_| ClaimsError::NotAnObject)?;
        if entries.0.len() > CLAIMS_MAX {
            return Err(too_much("claims", CLAIMS_MAX, "claims"));
        }
        let mut claims = BTreeMap::new();
        for (name, raw) in entries.0 {
            let path = path_of(&name)?;
            let claim = read(&path, raw.get())?;
            if claims.insert(name, claim).is_some() {
                return Err(ClaimsError::Twice { path });
            }
        }
        Ok(Self(claims))
    }

    /// The claims as a JSON object that [`Claims::parse`] reads back to the same.
    pub fn to_json(&self) -> String {
        // Strings, numbers checked on the way in, and maps with string keys: none of it can fail to serialise.
        serde_json::to_string(&Object(self)).unwrap_or_else(|_| "{}".to_owned())
    }

    /// The claim of that name.
    pub fn named(&self, name: &str) -> Option<&Claim> {
        self.0.get(name)
    }

    /// All claims, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Claim)> {
        self.0.iter().map(|(name, claim)| (name.as_str(), claim))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter()).finish()
    }
}

fn too_much(path: &str, max: usize, unit: &'static str) -> ClaimsError {
    ClaimsError::TooMuch { path: path.to_owned(), max, unit }
}

/// Where a claim stands, if its name may be one.
fn path_of(name: &str) -> Result<String, ClaimsError> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(ClaimsError::Name);
    }
    if name.len() > CLAIM_NAME_BYTES_MAX {
        return Err(too_much("claims", CLAIM_NAME_BYTES_MAX, "bytes in a name"));
    }
    Ok(format!("claims.{name}"))
}

/// One value from its JSON text, which is well formed: the object around it was read.
fn read(path: &str, json: &str) -> Result<Claim, ClaimsError> {
    let kind = |found| ClaimsError::Kind { path: path.to_owned(), found };
    match json.as_bytes().first() {
        Some(b'"') => read_text(path, json).map(Claim::Text),
        Some(b't') => Ok(Claim::Flag(true)),
        Some(b'f') => Ok(Claim::Flag(false)),
        Some(b'-' | b'0'..=b'9') => read_number(path, json),
        Some(b'[') => read_texts(path, json),
        Some(b'{') => Err(kind("an object")),
        Some(b'n') => Err(kind("null")),
        _ => Err(kind("something else")),
    }
}

fn read_text(path: &str, json: &str) -> Result<String, ClaimsError> {
    // Fails on escapes that are no characters (a lone surrogate), which the raw scan lets pass.
    let text: String = serde_json::from_str(json)
        .map_err(|_| ClaimsError::Kind { path: path.to_owned(), found: "a text that is not Unicode" })?;
    if text.len() > CLAIM_TEXT_BYTES_MAX {
        return Err(too_much(path, CLAIM_TEXT_BYTES_MAX, "bytes"));
    }
    Ok(text)
}

/// Whole numbers of 64 bits are numbers; `1.10`, `1e3`, `-0` and giants keep their spelling.
fn read_number(path: &str, json: &str) -> Result<Claim, ClaimsError> {
    if json.len() > CLAIM_NUMBER_CHARS_MAX {
        return Err(too_much(path, CLAIM_NUMBER_CHARS_MAX, "characters"));
    }
    match json.parse::<i64>() {
        Ok(number) if json != "-0" => Ok(Claim::Integer(number)),
        _ => Ok(Claim::Decimal(json.to_owned())),
    }
}

fn read_texts(path: &str, json: &str) -> Result<Claim, ClaimsError> {
    let items: Vec<&RawValue> = serde_json::from_str(json)
        .map_err(|_| ClaimsError::Kind { path: path.to_owned(), found: "something else" })?;
    if items.len() > CLAIM_TEXTS_MAX {
        return Err(too_much(path, CLAIM_TEXTS_MAX, "texts"));
    }
    let mut texts = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let path = format!("{path}[{at}]");
        match read(&path, item.get())? {
            Claim::Text(text) => texts.push(text),
            Claim::Integer(_) | Claim::Decimal(_) => {
                return Err(ClaimsError::Kind { path, found: "a number in a list" });
            }
            Claim::Flag(_) => return Err(ClaimsError::Kind { path, found: "true or false in a list" }),
            Claim::Texts(_) => return Err(ClaimsError::Kind { path, found: "a list in a list" }),
        }
    }
    Ok(Claim::Texts(texts))
}

/// The entries of a JSON object in order, repetitions included, values unread.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Claims on their way to JSON. A type of its own, so that claims do not serialise by accident.
struct Object<'a>(&'a Claims);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, claim) in self.0.iter() {
            match claim {
                Claim::Text(text) => map.serialize_entry(name, text)?,
                Claim::Integer(number) => map.serialize_entry(name, number)?,
                Claim::Decimal(text) => map.serialize_entry(name, &number(text)?)?,
                Claim::Flag(flag) => map.serialize_entry(name, flag)?,
                Claim::Texts(texts) => map.serialize_entry(name, texts)?,
            }
        }
        map.end()
    }
}

fn number<E: serde::ser::Error>(text: &str) -> Result<Box<RawValue>, E> {
    RawValue::from_string(text.to_owned()).map_err(|_| E::custom("not a number"))
}

#[cfg(test)]
mod tests;
