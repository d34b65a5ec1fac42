//! What YAML dumpers write: block maps and lists, scalars plain, quoted or as blocks, and collections in brackets.
//!
//! Not all of YAML: no anchors, tags, documents, comments or explicit keys. What a dumper would have quoted is refused where it stands
//! unquoted, and a line that goes on a scalar is never anything else. Source: YAML 1.2.2, chapters 7 and 8; PyYAML's emitter.

use std::collections::HashSet;

use crate::data::{Data, DataError};
use crate::read::{Count, DEPTH_MAX, insert};

/// Reads a dumped document.
pub(super) fn read_yaml(text: &str) -> Result<Data, DataError> {
    let mut lines = Lines { text, at: 0, count: Count::default() };
    let first = lines.peek()?.ok_or(DataError::Syntax { at: 0 })?;
    let data = lines.block(first.indent, 0)?;
    match lines.peek()? {
        None => Ok(data),
        Some(line) => Err(DataError::Syntax { at: line.at }),
    }
}

/// A line that is not blank.
#[derive(Clone, Copy)]
struct Line<'t> {
    /// Where its text begins.
    at: usize,
    indent: usize,
    text: &'t str,
    /// Where the next line begins.
    next: usize,
}

struct Lines<'t> {
    text: &'t str,
    at: usize,
    count: Count,
}

fn wrong<T>(at: usize) -> Result<T, DataError> {
    Err(DataError::Syntax { at })
}

impl<'t> Lines<'t> {
    /// The line at `from`, blank or not.
    fn raw(&self, from: usize) -> Option<(&'t str, usize)> {
        let rest = self.text.get(from..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let next = from + (length + 1).min(rest.len());
        Some((rest.get(..length)?.trim_end_matches('\r'), next))
    }

    fn peek(&self) -> Result<Option<Line<'t>>, DataError> {
        let mut from = self.at;
        while let Some((line, next)) = self.raw(from) {
            let indent = line.bytes().take_while(|&byte| byte == b' ').count();
            let text = line.get(indent..).unwrap_or_default().trim_end();
            if text.starts_with('\t') {
                return wrong(from + indent);
            }
            if !text.is_empty() {
                return Ok(Some(Line { at: from + indent, indent, text, next }));
            }
            from = next;
        }
        Ok(None)
    }

    /// The list or map whose lines are indented by `indent`.
    fn block(&mut self, indent: usize, depth: usize) -> Result<Data, DataError> {
        if depth > DEPTH_MAX {
            return Err(DataError::TooMuch { what: "levels of nesting", max: DEPTH_MAX });
        }
        self.count.one()?;
        let Some(line) = self.peek()? else { return wrong(self.at) };
        if line.indent != indent {
            return wrong(line.at);
        }
        if is_item(line.text) { self.list(indent, depth) } else { self.map(indent, depth) }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Result<Data, DataError> {
        let mut items = Vec::new();
        while let Some(line) = self.peek()?.filter(|line| line.indent == indent && is_item(line.text)) {
            let inside = line.text.get(1..).unwrap_or_default();
            let skipped = 1 + inside.bytes().take_while(|&byte| byte == b' ').count();
            let text = line.text.get(skipped..).unwrap_or_default();
            if text.is_empty() {
                return wrong(line.at);
            }
            self.at = line.at + skipped;
            let nested = Line { at: self.at, indent: indent + skipped, text, next: line.next };
            items.push(self.item(nested, indent, depth)?);
        }
        Ok(Data::List(items))
    }

    /// What stands behind a dash: a map or a list that begins on that line, or a scalar.
    fn item(&mut self, line: Line<'t>, parent: usize, depth: usize) -> Result<Data, DataError> {
        if is_item(line.text) || key_of(line)?.is_some() {
            if depth >= DEPTH_MAX {
                return Err(DataError::TooMuch { what: "levels of nesting", max: DEPTH_MAX });
            }
            self.count.one()?;
            return if is_item(line.text) {
                self.nested_list(line, depth + 1)
            } else {
                self.entries(Some(line), line.indent, depth + 1)
            };
        }
        self.scalar(line, parent)
    }

    fn nested_list(&mut self, line: Line<'t>, depth: usize) -> Result<Data, DataError> {
        let inside = line.text.get(1..).unwrap_or_default();
        let skipped = 1 + inside.bytes().take_while(|&byte| byte == b' ').count();
        let text = line.text.get(skipped..).unwrap_or_default();
        if text.is_empty() {
            return wrong(line.at);
        }
        self.at = line.at + skipped;
        let nested = Line { at: self.at, indent: line.indent + skipped, text, next: line.next };
        let mut items = vec![self.item(nested, line.indent, depth)?];
        match self.peek()? {
            Some(next) if next.indent == line.indent && is_item(next.text) => {
                match self.list(line.indent, depth)? {
                    Data::List(more) => items.extend(more),
                    _ => return wrong(line.at),
                }
            }
            _ => {}
        }
        Ok(Data::List(items))
    }

    fn map(&mut self, indent: usize, depth: usize) -> Result<Data, DataError> {
        self.entries(None, indent, depth)
    }

    /// The entries of a map; the first may stand on a line that has begun already.
    fn entries(
        &mut self,
        mut begun: Option<Line<'t>>,
        indent: usize,
        depth: usize,
    ) -> Result<Data, DataError> {
        let (mut entries, mut names) = (Vec::new(), HashSet::new());
        loop {
            let line = match begun.take() {
                Some(line) => line,
                None => match self.peek()?.filter(|line| line.indent == indent && !is_item(line.text)) {
                    Some(line) => line,
                    None => return Ok(Data::Map(entries)),
                },
            };
            let Some((name, skipped)) = key_of(line)? else { return wrong(line.at) };
            self.at = line.at + skipped;
            let text = line.text.get(skipped..).unwrap_or_default();
            let value = if text.is_empty() {
                self.at = line.next;
                self.below(indent, depth)?
            } else {
                self.scalar(Line { at: self.at, indent, text, next: line.next }, indent)?
            };
            insert(&mut entries, &mut names, name, value, line.at)?;
        }
    }

    /// What stands below a key: deeper, or a list at the same indentation, or nothing.
    fn below(&mut self, indent: usize, depth: usize) -> Result<Data, DataError> {
        match self.peek()? {
            Some(line) if line.indent > indent => self.block(line.indent, depth + 1),
            Some(line) if line.indent == indent && is_item(line.text) => self.block(indent, depth + 1),
            _ => Ok(Data::Null),
        }
    }

    /// A scalar that begins at `line.at`; `parent` is the indentation that lines of it must exceed.
    fn scalar(&mut self, line: Line<'t>, parent: usize) -> Result<Data, DataError> {
        self.count.one()?;
        match line.text.as_bytes().first() {
            Some(b'"') => self.double(line),
            Some(b'\'') => self.single(line),
            Some(b'|' | b'>') => self.literal(line, parent),
            Some(b'[' | b'{') => self.flow(line),
            Some(b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b'#' | b',' | b']' | b'}') => wrong(line.at),
            _ => self.plain(line, parent),
        }
    }

    fn plain(&mut self, line: Line<'t>, parent: usize) -> Result<Data, DataError> {
        check_plain(line.text, line.at)?;
        self.at = line.next;
        let mut text = String::new();
        let mut has_more = false;
        let mut from = line.next;
        let mut blanks = 0;
        while let Some((raw, next)) = self.raw(from) {
            let indent = raw.bytes().take_while(|&byte| byte == b' ').count();
            let more = raw.get(indent..).unwrap_or_default().trim_end();
            if more.is_empty() {
                blanks += 1;
                from = next;
                continue;
            }
            if indent <= parent {
                break;
            }
            check_plain(more, from + indent)?;
            if !has_more {
                text.push_str(line.text);
                has_more = true;
            }
            push_fold(&mut text, blanks);
            text.push_str(more);
            blanks = 0;
            from = next;
            self.at = next;
        }
        Ok(if has_more { Data::Text(text) } else { resolve(line.text) })
    }

    fn double(&mut self, line: Line<'t>) -> Result<Data, DataError> {
        let mut text = String::new();
        let bytes = self.text.as_bytes();
        let mut at = line.at + 1;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(plain) = memchr::memchr3(b'"', b'\\', b'\n', rest) else {
                return wrong(at);
            };
            text.push_str(self.text.get(at..at + plain).unwrap_or_default());
            at += plain;
            match bytes.get(at) {
                Some(b'"') => {
                    self.close(at + 1)?;
                    return Ok(Data::Text(text));
                }
                Some(b'\n') => at = self.fold(&mut text, at),
                _ => at = self.escape(&mut text, at)?,
            }
        }
    }

    fn escape(&self, text: &mut String, at: usize) -> Result<usize, DataError> {
        let hex = |digits: usize| -> Result<char, DataError> {
            let code = self.text.get(at + 2..at + 2 + digits);
            let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
            code.and_then(char::from_u32).ok_or(DataError::Syntax { at })
        };
        let Some(&letter) = self.text.as_bytes().get(at + 1) else { return wrong(at) };
        let (char, length) = match letter {
            b'\n' => {
                // The line goes on behind the next line's indentation.
                let rest = self.text.get(at + 2..).unwrap_or_default();
                let blank = rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                return Ok(at + 2 + blank);
            }
            b'n' => ('\n', 2),
            b't' => ('\t', 2),
            b'r' => ('\r', 2),
            b'0' => ('\0', 2),
            b'a' => ('\u{7}', 2),
            b'b' => ('\u{8}', 2),
            b'v' => ('\u{b}', 2),
            b'f' => ('\u{c}', 2),
            b'e' => ('\u{1b}', 2),
            b' ' | b'"' | b'\\' | b'/' => (char::from(letter), 2),
            b'N' => ('\u{85}', 2),
            b'_' => ('\u{a0}', 2),
            b'L' => ('\u{2028}', 2),
            b'P' => ('\u{2029}', 2),
            b'x' => (hex(2)?, 4),
            b'u' => (hex(4)?, 6),
            b'U' => (hex(8)?, 10),
            _ => return wrong(at),
        };
        text.push(char);
        Ok(at + length)
    }

    fn single(&mut self, line: Line<'t>) -> Result<Data, DataError> {
        let mut text = String::new();
        let bytes = self.text.as_bytes();
        let mut at = line.at + 1;
        loop {
            let Some(plain) = memchr::memchr2(b'\'', b'\n', bytes.get(at..).unwrap_or_default()) else {
                return wrong(at);
            };
            text.push_str(self.text.get(at..at + plain).unwrap_or_default());
            at += plain;
            match (bytes.get(at), bytes.get(at + 1)) {
                (Some(b'\''), Some(b'\'')) => {
                    text.push('\'');
                    at += 2;
                }
                (Some(b'\''), _) => {
                    self.close(at + 1)?;
                    return Ok(Data::Text(text));
                }
                _ => at = self.fold(&mut text, at),
            }
        }
    }

    /// Goes over a line break inside quotes: a space, or as many line breaks as there are blank lines.
    fn fold(&self, text: &mut String, at: usize) -> usize {
        text.truncate(text.trim_end_matches([' ', '\t']).len());
        let (mut blanks, mut from) = (0, at + 1);
        while let Some((raw, next)) = self.raw(from) {
            if !raw.trim().is_empty() {
                push_fold(text, blanks);
                return from + raw.len() - raw.trim_start().len();
            }
            blanks += 1;
            from = next;
        }
        from
    }

    /// Nothing may follow a closing quote or bracket on its line.
    fn close(&mut self, at: usize) -> Result<(), DataError> {
        match self.raw(at) {
            Some((rest, _)) if !rest.trim().is_empty() => wrong(at),
            Some((_, next)) => {
                self.at = next;
                Ok(())
            }
            None => {
                self.at = self.text.len();
                Ok(())
            }
        }
    }

    /// `|` and `>`: the lines below, as they stand (joined lines make no difference to anybody here).
    fn literal(&mut self, line: Line<'t>, parent: usize) -> Result<Data, DataError> {
        let head = line.text.get(1..).unwrap_or_default();
        if !head.bytes().all(|byte| matches!(byte, b'-' | b'+' | b'1'..=b'9')) || head.len() > 2 {
            return wrong(line.at);
        }
        let mut text = String::new();
        let (mut from, mut inner) = (line.next, None);
        self.at = from;
        while let Some((raw, next)) = self.raw(from) {
            let indent = raw.bytes().take_while(|&byte| byte == b' ').count();
            let is_blank = raw.trim().is_empty();
            if !is_blank && indent <= parent {
                break;
            }
            let inner = *inner.get_or_insert(indent);
            if !is_blank && indent < inner {
                return wrong(from);
            }
            text.push_str(raw.get(inner.min(raw.len())..).unwrap_or_default());
            text.push('\n');
            from = next;
            self.at = next;
        }
        Ok(Data::Text(text.trim_end_matches('\n').to_owned()))
    }

    /// Brackets: on one line, of plain or quoted scalars.
    fn flow(&mut self, line: Line<'t>) -> Result<Data, DataError> {
        let data = match line.text {
            "[]" => Data::List(Vec::new()),
            "{}" => Data::Map(Vec::new()),
            text => {
                let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
                let Some(inside) = inside else { return wrong(line.at) };
                let mut items = Vec::new();
                for piece in inside.split(", ") {
                    self.count.one()?;
                    let odd = |byte: u8| matches!(byte, b'"' | b'\'' | b'[' | b']' | b'{' | b'}' | b',');
                    if piece.is_empty() || piece.bytes().any(odd) {
                        return wrong(line.at);
                    }
                    check_plain(piece, line.at)?;
                    items.push(resolve(piece));
                }
                Data::List(items)
            }
        };
        self.at = line.next;
        Ok(data)
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn push_fold(text: &mut String, blanks: usize) {
    if blanks == 0 {
        text.push(' ');
    }
    text.extend(std::iter::repeat_n('\n', blanks));
}

/// A plain scalar has nothing in it that a dumper would have quoted.
fn check_plain(text: &str, at: usize) -> Result<(), DataError> {
    let odd = text.contains(": ") || text.ends_with(':') || text.contains(" #") || text.contains('\t');
    if odd { wrong(at) } else { Ok(()) }
}

/// The key that the line begins with, and how many bytes it takes with its colon and the space behind; none if it has none.
fn key_of(line: Line<'_>) -> Result<Option<(String, usize)>, DataError> {
    let text = line.text;
    let (name, after) = match text.as_bytes().first() {
        Some(quote @ (b'"' | b'\'')) => {
            let Some((name, after)) = quoted_key(text, *quote) else { return Ok(None) };
            (name, after)
        }
        Some(b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b'#' | b'[' | b'{' | b'|' | b'>') => return Ok(None),
        _ if text.starts_with("? ") => return wrong(line.at),
        _ => {
            let at = text.find(": ").or_else(|| text.ends_with(':').then(|| text.len() - 1));
            let Some(at) = at else { return Ok(None) };
            let name = text.get(..at).unwrap_or_default();
            if name.contains(" #") || name.is_empty() {
                return wrong(line.at);
            }
            (name.to_owned(), at)
        }
    };
    let rest = text.get(after..).unwrap_or_default();
    if !rest.starts_with(':') || !(rest.len() == 1 || rest.starts_with(": ")) {
        return Ok(None);
    }
    let spaces = rest.bytes().skip(1).take_while(|&byte| byte == b' ').count();
    Ok(Some((name, after + 1 + spaces)))
}

/// A key in quotes, on one line and without escapes.
fn quoted_key(text: &str, quote: u8) -> Option<(String, usize)> {
    let inside = text.get(1..)?;
    let end = memchr::memchr(quote, inside.as_bytes())?;
    let name = inside.get(..end)?;
    let doubled = quote == b'\'' && inside.as_bytes().get(end + 1) == Some(&b'\'');
    (!name.contains('\\') && !doubled).then(|| (name.to_owned(), end + 2))
}

/// What a plain scalar means.
fn resolve(text: &str) -> Data {
    match text {
        "null" | "~" | "Null" | "NULL" => return Data::Null,
        "true" | "True" | "yes" => return Data::Bool(true),
        "false" | "False" | "no" => return Data::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|&byte| byte == b'.').count() <= 1
        && !digits.ends_with('.');
    if is_number { Data::Number(text.to_owned()) } else { Data::Text(text.to_owned()) }
}
