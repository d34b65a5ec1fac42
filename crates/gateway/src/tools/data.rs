//! From JSON, as it was read, to the values that policy looks at.

use botwarden_policy::Data;
use botwarden_protocol::json::{Kind, Value};

/// The same values. As deep as the reader let it be.
pub(crate) fn data(value: Value<'_>) -> Data {
    match value.kind() {
        Kind::Null => Data::Null,
        Kind::Bool => Data::Bool(value.as_bool() == Some(true)),
        Kind::Number => Data::Number(value.raw().to_owned()),
        Kind::String => Data::Text(value.as_str().unwrap_or_default().into_owned()),
        Kind::Array => Data::List(value.items().map(data).collect()),
        Kind::Object => Data::Map(
            value.entries().map(|(name, value)| (name.as_str().into_owned(), data(value))).collect(),
        ),
    }
}
