//! Reading the objects whose fields the dialects define: the body, messages, parts, calls, offers, and the
//! metadata in which a dialect names the user.
//!
//! Unknown fields pass. A name that equals a known one only after case folding is refused: parsers that match names
//! without regard to case (Go's `encoding/json` among them) would read a field that we did not. Inside of tool
//! parameters, schemas and arguments any name goes; those are not read here.

use std::borrow::Cow;
use std::fmt::Write as _;

use botwarden_types::UserName;

use crate::ReadError;
use crate::error::Fault;
use crate::json::{Kind, Value};

/// The way from the body to a value, kept on the stack and written out only for an error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    up: Option<&'p Place<'p>>,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Body,
    Field(&'static str),
    Item(usize),
}

impl Place<'_> {
    /// The body itself.
    pub(crate) const BODY: Place<'static> = Place { up: None, step: Step::Body };

    /// The field `name` of the object here.
    pub(crate) fn field<'p>(&'p self, name: &'static str) -> Place<'p> {
        Place { up: Some(self), step: Step::Field(name) }
    }

    /// The element `at` of the array here.
    pub(crate) fn item<'p>(&'p self, at: usize) -> Place<'p> {
        Place { up: Some(self), step: Step::Item(at) }
    }

    /// The refusal of what stands here.
    pub(crate) fn refuse(&self, fault: Fault) -> ReadError {
        let mut path = String::new();
        self.write(&mut path);
        ReadError::new(Some(path).filter(|path| !path.is_empty()), fault)
    }

    /// The refusal of a value that is not `expected`.
    pub(crate) fn wrong(&self, value: Value<'_>, expected: &'static str) -> ReadError {
        self.refuse(Fault::Shape { found: value.kind().in_words(), expected })
    }

    /// The refusal of a field that is absent or null.
    pub(crate) fn missing(&self, expected: &'static str) -> ReadError {
        self.refuse(Fault::Missing { expected })
    }

    fn write(&self, path: &mut String) {
        if let Some(up) = self.up {
            up.write(path);
        }
        // Writing to a string cannot fail.
        let _ = match self.step {
            Step::Body => Ok(()),
            Step::Field(name) if path.is_empty() => write!(path, "{name}"),
            Step::Field(name) => write!(path, ".{name}"),
            Step::Item(at) => write!(path, "[{at}]"),
        };
    }
}

/// The values of the fields `names`, in their order; `null` counts as absent.
pub(crate) fn fields<'d, const N: usize>(
    object: Value<'d>,
    names: &[&'static str; N],
    place: &Place<'_>,
) -> Result<[Option<Value<'d>>; N], ReadError> {
    if object.kind() != Kind::Object {
        return Err(place.wrong(object, "an object"));
    }
    let mut values = [None; N];
    for (name, value) in object.entries() {
        match names.iter().zip(values.iter_mut()).find(|(known, _)| name.is(known)) {
            Some((_, slot)) => *slot = Some(value).filter(|value| value.kind() != Kind::Null),
            None => refuse_folded(&name.as_str(), names, place)?,
        }
    }
    Ok(values)
}

fn refuse_folded(name: &str, names: &[&'static str], place: &Place<'_>) -> Result<(), ReadError> {
    // Names in lower case, which is nearly all of them, fold to themselves.
    if !name.bytes().fold(false, |any, byte| any | !byte.is_ascii() | byte.is_ascii_uppercase()) {
        return Ok(());
    }
    let folded: String = name.chars().map(fold).collect();
    match names.iter().find(|known| **known == folded) {
        Some(known) => Err(place.field(known).refuse(Fault::FoldedName)),
        None => Ok(()),
    }
}

/// Folds ASCII letters and the two other characters that fold to ASCII letters: U+017F to `s`, U+212A to `k`.
/// Source: Unicode 16 CaseFolding.txt, status C.
fn fold(c: char) -> char {
    match c {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        _ => c.to_ascii_lowercase(),
    }
}

/// The text of a string.
#[inline]
pub(crate) fn text<'d>(value: Value<'d>, place: &Place<'_>) -> Result<Cow<'d, str>, ReadError> {
    value.as_str().ok_or_else(|| place.wrong(value, "a string"))
}

/// The text of a string that has to be there.
pub(crate) fn required_text(value: Option<Value<'_>>, place: &Place<'_>) -> Result<String, ReadError> {
    text(value.ok_or_else(|| place.missing("a string"))?, place).map(Cow::into_owned)
}

/// A whole number, where there is one.
pub(crate) fn whole_number(value: Option<Value<'_>>, place: &Place<'_>) -> Result<Option<u64>, ReadError> {
    let read =
        |value: Value<'_>| value.as_u64().ok_or_else(|| place.wrong(value, "a whole number from 0 up"));
    value.map(read).transpose()
}

/// `true`, or `false`, which is also what absence means.
pub(crate) fn flag(value: Option<Value<'_>>, place: &Place<'_>) -> Result<bool, ReadError> {
    let read = |value: Value<'_>| value.as_bool().ok_or_else(|| place.wrong(value, "true or false"));
    Ok(value.map(read).transpose()?.unwrap_or(false))
}

/// The elements of an array with their places; none where it is absent.
pub(crate) fn items<'d, 'p>(
    value: Option<Value<'d>>,
    place: &'p Place<'p>,
) -> Result<impl Iterator<Item = (Place<'p>, Value<'d>)> + use<'d, 'p>, ReadError> {
    match value {
        Some(value) if value.kind() != Kind::Array => Err(place.wrong(value, "an array")),
        _ => {
            let items = value.map(|array| array.items()).unwrap_or_default();
            Ok(items.enumerate().map(|(at, item)| (place.item(at), item)))
        }
    }
}

/// The name of a user, where there is one. An empty name is what applications send that have none.
pub(crate) fn user_name(value: Option<Value<'_>>, place: &Place<'_>) -> Result<Option<UserName>, ReadError> {
    let Some(value) = value else { return Ok(None) };
    match &*text(value, place)? {
        "" => Ok(None),
        name => UserName::parse(name).map(Some).map_err(|error| place.refuse(Fault::User(error))),
    }
}
