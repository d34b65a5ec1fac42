//! JSON in its one spelling: written field by field, read by comparing.

use super::EntryError;

/// A value of a field.
pub(super) trait Value: Sized {
    /// What should stand there, for errors.
    const NAME: &'static str;

    fn write(&self, to: &mut Vec<u8>);

    /// Reads what [`Value::write`] wrote, and nothing else; `None` if that is not there.
    fn read(from: &mut Reader<'_>) -> Option<Self>;
}

/// A group of fields.
pub(super) trait Fields: Sized {
    fn write(&self, to: &mut Writer<'_>);
    fn read(from: &mut Reader<'_>) -> Result<Self, EntryError>;
}

/// An entry being written, at the end of what is there.
pub(super) struct Writer<'a>(&'a mut Vec<u8>);

impl<'a> Writer<'a> {
    pub(super) fn new(version: u64, to: &'a mut Vec<u8>) -> Self {
        to.extend_from_slice(b"{\"v\":");
        version.write(to);
        Self(to)
    }

    pub(super) fn field<V: Value>(&mut self, name: &str, value: &V) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        value.write(self.0);
    }

    pub(super) fn optional<V: Value>(&mut self, name: &str, value: &Option<V>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    pub(super) fn finish(self) {
        self.0.push(b'}');
    }
}

/// An entry being read.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads the version, with which every entry begins.
    pub(super) fn open(bytes: &'a [u8]) -> Result<(u64, Self), EntryError> {
        let mut from = Self { bytes, at: 0 };
        let version = if from.skip(b"{\"v\":") { u64::read(&mut from) } else { None };
        let version = version.ok_or_else(|| from.malformed("`{\"v\":` and a version"))?;
        Ok((version, from))
    }

    pub(super) fn field<V: Value>(&mut self, name: &'static str) -> Result<V, EntryError> {
        self.optional(name)?.ok_or_else(|| self.malformed(name))
    }

    /// The value, if the next field is the one named.
    pub(super) fn optional<V: Value>(&mut self, name: &str) -> Result<Option<V>, EntryError> {
        let before = self.at;
        let named = self.skip(b",\"") && self.skip(name.as_bytes()) && self.skip(b"\":");
        if !named {
            self.at = before;
            return Ok(None);
        }
        V::read(self).map(Some).ok_or_else(|| self.malformed(V::NAME))
    }

    pub(super) fn finish(mut self) -> Result<(), EntryError> {
        if self.skip(b"}") && self.rest().is_empty() { Ok(()) } else { Err(self.malformed("the end")) }
    }

    pub(super) fn malformed(&self, expected: &'static str) -> EntryError {
        EntryError::Malformed { at: self.at, expected }
    }

    /// Goes past `text` if it stands here.
    pub(super) fn skip(&mut self, text: &[u8]) -> bool {
        let here = self.rest().starts_with(text);
        self.at += if here { text.len() } else { 0 };
        here
    }

    /// A text in quotes, up to the next quote.
    pub(super) fn quoted(&mut self) -> Option<&'a str> {
        if !self.skip(b"\"") {
            return None;
        }
        let rest = self.rest();
        let text = rest.get(..rest.iter().position(|byte| *byte == b'"')?)?;
        self.at += text.len() + 1;
        std::str::from_utf8(text).ok()
    }

    /// The digits that stand here.
    pub(super) fn digits(&mut self) -> &'a str {
        let rest = self.rest();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        rest.get(..count).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

/// Appends lower-case hexadecimal digits.
pub(super) fn push_hex(bytes: &[u8], to: &mut Vec<u8>) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            to.push(DIGITS.get(usize::from(half)).copied().unwrap_or(b'0'));
        }
    }
}

/// Reads exactly `2 N` lower-case hexadecimal digits.
pub(super) fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (to, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *to = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}
