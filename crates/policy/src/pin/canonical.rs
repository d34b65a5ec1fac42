//! One text for one definition, however its server ordered and spaced it.

use std::fmt;

use botwarden_crypto::sha256;

use crate::Data;

/// `value` as JSON in lines: names in order, two spaces a level, strings with the escapes of RFC 8785 §3.2.2.2, numbers as written.
///
/// Names are ordered by UTF-16 code units as in RFC 8785 §3.2.3. Unlike there, numbers are not normalised (`1.0` is not `1`: a model
/// reads the text) and lines are broken, so that the text in a lock file shows what changed.
pub fn canonical(value: &Data) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

fn write(out: &mut String, value: &Data, depth: usize) {
    match value {
        Data::Null => out.push_str("null"),
        Data::Bool(true) => out.push_str("true"),
        Data::Bool(false) => out.push_str("false"),
        Data::Number(number) => out.push_str(number),
        Data::Text(text) => quote(out, text),
        Data::List(items) if items.is_empty() => out.push_str("[]"),
        Data::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Data::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                line(out, at, depth + 1);
                write(out, item, depth + 1);
            }
            end(out, ']', depth);
        }
        Data::Map(entries) => {
            out.push('{');
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            for (at, (name, value)) in entries.into_iter().enumerate() {
                line(out, at, depth + 1);
                quote(out, name);
                out.push_str(": ");
                write(out, value, depth + 1);
            }
            end(out, '}', depth);
        }
    }
}

fn line(out: &mut String, at: usize, depth: usize) {
    out.push_str(if at == 0 { "\n" } else { ",\n" });
    out.extend(std::iter::repeat_n("  ", depth));
}

fn end(out: &mut String, bracket: char, depth: usize) {
    line(out, 0, depth);
    out.push(bracket);
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if u32::from(control) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// SHA-256 of a canonical text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of that text.
    pub fn of(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
