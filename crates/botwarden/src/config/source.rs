//! The text of a configuration file, and places in it.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Place;
use super::{ConfigErrors, Finding};
use crate::text::mask;

/// Bytes of a configuration file: thousands of bots.
pub(crate) const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Characters of a line that are shown.
const EXCERPT_CHARS_MAX: usize = 120;
/// Characters before the caret that are shown of a line that is too long.
const CONTEXT_CHARS: usize = 20;
/// Bytes of a long line that are looked at before the caret, and from it on.
const LOOK_BACK_BYTES: usize = 512;
const LOOK_AHEAD_BYTES: usize = 1024;
/// Mistakes in the TOML itself that are shown: the later ones are mostly echoes of the first.
const SYNTAX_ERRORS_MAX: usize = 5;

/// A file's text.
pub(crate) struct Source<'a> {
    text: &'a str,
}

/// Reads a file of bounded size.
pub(super) fn read(path: &Path) -> Result<String, ConfigErrors> {
    let unreadable = |source| ConfigErrors::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(CONFIG_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > CONFIG_BYTES_MAX) {
        return Err(unreadable(io::Error::other(format!("it has more than {CONFIG_BYTES_MAX} bytes"))));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let finding = Finding::error("", &format!("bytes on line {line} that are no text"), "UTF-8");
        ConfigErrors::found(path, vec![finding])
    })
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// Parses TOML into values that know their places.
    pub(super) fn tree(&self) -> Result<Spanned<DeValue<'a>>, Vec<Finding>> {
        let (tree, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            return Ok(Spanned::new(0..0, DeValue::Table(tree.into_inner())));
        }
        // The first of each line: what follows on a line is mostly an echo.
        let mut findings = Vec::new();
        let mut line_end = 0;
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            if findings.is_empty() || at > line_end {
                line_end = self.line_end(at);
                findings.push(self.syntax(&error));
            }
            if findings.len() == SYNTAX_ERRORS_MAX {
                break;
            }
        }
        Err(findings)
    }

    fn syntax(&self, error: &toml::de::Error) -> Finding {
        let (found, expected) = match error.message() {
            "duplicate key" => ("a key that this table has already", "each key once"),
            message => message.split_once(", expected ").unwrap_or((message, "TOML")),
        };
        Finding::error("", found, expected).at(error.span().map(|span| self.place(&span)))
    }

    /// Line, column and excerpt of a range of bytes. Total: a range outside the text is taken as its end.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let start = self.boundary(span.start);
        let line_start = self.slice(0, start).rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.line_end(start);
        // Of a long line the part around the caret, with room before it, so that no credential is cut and shown in part.
        let shown_start = self.boundary(start.saturating_sub(LOOK_BACK_BYTES)).max(line_start);
        let shown_end = self.boundary(start + LOOK_AHEAD_BYTES).min(line_end);
        let under = self.slice(start, self.boundary(span.end).min(shown_end)).chars().count();
        let before = self.slice(shown_start, start).chars().count();
        let skipped =
            if before + under > EXCERPT_CHARS_MAX { before.saturating_sub(CONTEXT_CHARS) } else { 0 };
        let shown = mask(self.slice(shown_start, shown_end).trim_end_matches('\r'));
        let excerpt: String = shown.chars().skip(skipped).take(EXCERPT_CHARS_MAX).map(flat).collect();
        let caret_at = before - skipped;
        Place {
            line: self.slice(0, start).bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: self.slice(line_start, start).chars().count() + 1,
            excerpt: excerpt.trim_end().to_owned(),
            caret_at,
            caret_chars: under.clamp(1, EXCERPT_CHARS_MAX.saturating_sub(caret_at).max(1)),
        }
    }

    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The nearest place at or before `at` where a character begins.
    fn boundary(&self, at: usize) -> usize {
        self.text.floor_char_boundary(at)
    }

    /// Where the line of `at` ends, its line break not included.
    fn line_end(&self, at: usize) -> usize {
        let start = self.boundary(at);
        self.slice(start, self.text.len()).find('\n').map_or(self.text.len(), |length| start + length)
    }
}

/// Tabs as one space, so that the caret stands where it should; control characters must not reach a terminal.
fn flat(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}
