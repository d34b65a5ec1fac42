//! JSON, and the same as Python prints it (`{'a': None, 'b': (1, 2)}`).

use std::collections::HashSet;

use crate::data::{Data, DataError};
use crate::read::{Count, DEPTH_MAX, insert};

/// Which notation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    Json,
    Python,
}

/// Reads JSON (RFC 8259). A name twice in one object is refused; numbers stay as they were written.
pub fn read_json(text: &str) -> Result<Data, DataError> {
    read(text, Notation::Json)
}

/// Reads JSON or a Python literal.
pub(super) fn read_literal(text: &str) -> Result<Data, DataError> {
    read(text, Notation::Json).or_else(|_| read(text, Notation::Python))
}

fn read(text: &str, notation: Notation) -> Result<Data, DataError> {
    let mut reader = Reader { text, at: 0, notation, count: Count::default() };
    let data = reader.value(0)?;
    reader.space();
    if reader.at == text.len() { Ok(data) } else { Err(reader.wrong()) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    notation: Notation,
    count: Count,
}

impl Reader<'_> {
    fn wrong(&self) -> DataError {
        DataError::Syntax { at: self.at }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, depth: usize) -> Result<Data, DataError> {
        if depth > DEPTH_MAX {
            return Err(DataError::TooMuch { what: "levels of nesting", max: DEPTH_MAX });
        }
        self.count.one()?;
        self.space();
        match self.peek().ok_or_else(|| self.wrong())? {
            b'{' => self.map(depth),
            b'[' => self.list(depth, b']'),
            b'(' if self.notation == Notation::Python => self.list(depth, b')'),
            b'"' => self.string(b'"').map(Data::Text),
            b'\'' if self.notation == Notation::Python => self.string(b'\'').map(Data::Text),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Data, DataError> {
        let words: &[(&str, Data)] = match self.notation {
            Notation::Json => {
                &[("true", Data::Bool(true)), ("false", Data::Bool(false)), ("null", Data::Null)]
            }
            Notation::Python => {
                &[("True", Data::Bool(true)), ("False", Data::Bool(false)), ("None", Data::Null)]
            }
        };
        for (word, value) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value.clone());
            }
        }
        Err(self.wrong())
    }

    fn number(&mut self) -> Result<Data, DataError> {
        let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
        let (rest, start) = (self.rest(), self.at);
        let mut length = usize::from(rest.starts_with('-'));
        let whole = digits(rest.get(length..).unwrap_or_default());
        let leading_zero = whole > 1 && rest.as_bytes().get(length) == Some(&b'0');
        if whole == 0 || leading_zero {
            return Err(self.wrong());
        }
        length += whole;
        if rest.as_bytes().get(length) == Some(&b'.') {
            let fraction = digits(rest.get(length + 1..).unwrap_or_default());
            if fraction == 0 {
                return Err(self.wrong());
            }
            length += 1 + fraction;
        }
        if let Some(b'e' | b'E') = rest.as_bytes().get(length) {
            let sign = usize::from(matches!(rest.as_bytes().get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(rest.get(length + 1 + sign..).unwrap_or_default());
            if exponent == 0 {
                return Err(self.wrong());
            }
            length += 1 + sign + exponent;
        }
        self.at += length;
        let text = self.text.get(start..self.at).unwrap_or_default();
        Ok(Data::Number(text.to_owned()))
    }

    fn list(&mut self, depth: usize, end: u8) -> Result<Data, DataError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space();
            // JSON has no comma before the end; Python may have one.
            if self.peek() == Some(end) && (items.is_empty() || self.notation == Notation::Python) {
                self.at += 1;
                return Ok(Data::List(items));
            }
            items.push(self.value(depth + 1)?);
            self.space();
            if self.eat(end) {
                return Ok(Data::List(items));
            }
            if !self.eat(b',') {
                return Err(self.wrong());
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Data, DataError> {
        self.at += 1;
        let (mut entries, mut names) = (Vec::new(), HashSet::new());
        loop {
            self.space();
            if self.peek() == Some(b'}') && (entries.is_empty() || self.notation == Notation::Python) {
                self.at += 1;
                return Ok(Data::Map(entries));
            }
            let at = self.at;
            let name = match (self.peek(), self.notation) {
                (Some(quote @ b'"'), _) | (Some(quote @ b'\''), Notation::Python) => self.string(quote)?,
                (Some(b'-' | b'0'..=b'9'), Notation::Python) => match self.number()? {
                    Data::Number(text) => text,
                    _ => return Err(self.wrong()),
                },
                _ => return Err(self.wrong()),
            };
            self.space();
            if !self.eat(b':') {
                return Err(self.wrong());
            }
            let value = self.value(depth + 1)?;
            insert(&mut entries, &mut names, name, value, at)?;
            self.space();
            if self.eat(b'}') {
                return Ok(Data::Map(entries));
            }
            if !self.eat(b',') {
                return Err(self.wrong());
            }
        }
    }

    fn string(&mut self, quote: u8) -> Result<String, DataError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest().as_bytes();
            let plain = rest.iter().position(|&byte| byte == quote || byte == b'\\' || byte < b' ');
            let plain = plain.ok_or_else(|| self.wrong())?;
            text.push_str(self.rest().get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(byte) if byte == quote => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.wrong()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, DataError> {
        let python = self.notation == Notation::Python;
        let letter = self.text.as_bytes().get(self.at + 1).copied().ok_or_else(|| self.wrong())?;
        let (char, length) = match letter {
            b'"' | b'\\' => (char::from(letter), 2),
            b'/' if !python => ('/', 2),
            b'\'' if python => ('\'', 2),
            b'n' => ('\n', 2),
            b't' => ('\t', 2),
            b'r' => ('\r', 2),
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'x' if python => (self.hex(2)?, 4),
            b'U' if python => (self.hex(8)?, 10),
            b'u' => match self.code(2, 4)? {
                high @ 0xd800..=0xdbff if !python => {
                    let low = self.rest().get(6..8) == Some("\\u");
                    let low = if low { self.code(8, 4)? } else { 0 };
                    if !(0xdc00..=0xdfff).contains(&low) {
                        return Err(self.wrong());
                    }
                    let point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    (char::from_u32(point).ok_or_else(|| self.wrong())?, 12)
                }
                point => (char::from_u32(point).ok_or_else(|| self.wrong())?, 6),
            },
            _ => return Err(self.wrong()),
        };
        self.at += length;
        Ok(char)
    }

    fn hex(&self, digits: usize) -> Result<char, DataError> {
        char::from_u32(self.code(2, digits)?).ok_or_else(|| self.wrong())
    }

    fn code(&self, from: usize, digits: usize) -> Result<u32, DataError> {
        let text = self.rest().get(from..from + digits).ok_or_else(|| self.wrong())?;
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.wrong());
        }
        u32::from_str_radix(text, 16).map_err(|_| self.wrong())
    }
}
