//! Why a request is not read.

use botwarden_types::NameError;

use crate::json::{JsonError, JsonErrorKind};

/// A request that is refused as it stands. `Display` is meant for the caller: it names the place and the mend, and
/// never repeats what stood there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// `messages[2].content`; none for the body as a whole.
    place: Option<String>,
    fault: Fault,
}

/// What a [`ReadError`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// Not JSON, or JSON that two parsers may read differently.
    Malformed,
    /// A known field is missing or holds what it cannot hold.
    Field,
    /// Deeper, longer or more than the bounds allow.
    Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Json(JsonError),
    Missing { expected: &'static str },
    Shape { found: &'static str, expected: &'static str },
    FoldedName,
    Conflict { other: &'static str },
    User(NameError),
    Model,
    Nested { max: usize },
    BodyNotExpected,
}

impl ReadError {
    pub(crate) fn new(place: Option<String>, fault: Fault) -> Self {
        Self { place, fault }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ReadErrorKind {
        match self.fault {
            Fault::Json(error) if error.kind.is_bound() => ReadErrorKind::Bound,
            Fault::Nested { .. } => ReadErrorKind::Bound,
            Fault::Json(_) | Fault::FoldedName | Fault::Conflict { .. } => ReadErrorKind::Malformed,
            Fault::Missing { .. }
            | Fault::Shape { .. }
            | Fault::User(_)
            | Fault::Model
            | Fault::BodyNotExpected => ReadErrorKind::Field,
        }
    }

    /// The field it is about, for a refusal's `param`.
    pub fn param(&self) -> Option<&str> {
        self.place.as_deref()
    }
}

impl From<JsonError> for ReadError {
    fn from(error: JsonError) -> Self {
        Self::new(None, Fault::Json(error))
    }
}

impl std::error::Error for ReadError {}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Some(place) => write!(f, "`{place}`: ")?,
            None => f.write_str("request body: ")?,
        }
        match self.fault {
            Fault::Json(error) => write!(f, "{error}; {}", mend(error.kind)),
            Fault::Missing { expected } => write!(f, "missing; send {expected}"),
            Fault::Shape { found, expected } => write!(f, "found {found}; send {expected}"),
            Fault::FoldedName => f.write_str("the name is there in other letters; write it exactly so, once"),
            Fault::Conflict { other } => {
                write!(f, "differs from `{other}`; send one of them, or the same in both")
            }
            Fault::User(error) => write!(f, "{error}; send a user name of up to 256 printable bytes"),
            Fault::Model => {
                f.write_str("no model's name; send one: letters, digits and - _ . : / @, at most 256 in all")
            }
            Fault::Nested { max } => write!(f, "content blocks more than {max} levels deep; nest less"),
            Fault::BodyNotExpected => f.write_str("there is one; this operation takes none"),
        }
    }
}

fn mend(kind: JsonErrorKind) -> &'static str {
    match kind {
        JsonErrorKind::InvalidUtf8 => "encode it as UTF-8",
        JsonErrorKind::ByteOrderMark => "leave it out",
        JsonErrorKind::UnexpectedEnd => "send the whole JSON document",
        JsonErrorKind::UnexpectedByte | JsonErrorKind::Number => "send JSON as in RFC 8259",
        JsonErrorKind::ControlCharacter | JsonErrorKind::Escape => "escape strings as in RFC 8259 section 7",
        JsonErrorKind::LoneSurrogate => "send surrogates in pairs",
        JsonErrorKind::TrailingBytes => "send one JSON document and nothing after it",
        JsonErrorKind::DuplicateName => "send each name once",
        JsonErrorKind::Depth { .. } => "nest less",
        JsonErrorKind::Nodes { .. } => "send fewer values",
        JsonErrorKind::StringBytes { .. } | JsonErrorKind::BodyBytes => "send less",
    }
}
