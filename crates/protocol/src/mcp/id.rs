//! Ids and progress tokens: strings or whole numbers, kept as they were written.

use crate::ReadError;
use crate::envelope::Place;
use crate::error::Fault;
use crate::json::{Kind, Value};

/// Bytes of an id as written. Clients count from 0 or draw UUIDs.
pub const ID_BYTES_MAX: usize = 256;

/// An id of a request as its sender wrote it: JSON text of a string or a whole number.
///
/// Compared by the bytes: `1` and `"1"` are two ids, and whoever writes one id in two ways finds none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(Box<str>);

impl Id {
    /// The JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// A number of ours.
    pub fn number(number: u64) -> Self {
        Self(number.to_string().into())
    }

    /// The number, if it is one of ours.
    pub fn as_number(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    pub(super) fn read(value: Value<'_>, place: &Place<'_>) -> Result<Self, ReadError> {
        let raw = value.raw();
        let whole = || raw.strip_prefix('-').unwrap_or(raw).bytes().all(|byte| byte.is_ascii_digit());
        let sound = match value.kind() {
            Kind::String => true,
            Kind::Number => whole(),
            Kind::Null | Kind::Bool | Kind::Array | Kind::Object => false,
        };
        if sound && raw.len() <= ID_BYTES_MAX {
            return Ok(Self(raw.into()));
        }
        let found = if sound { "a long one" } else { value.kind().in_words() };
        Err(place.refuse(Fault::Shape { found, expected: "a string or a whole number of up to 256 bytes" }))
    }
}
