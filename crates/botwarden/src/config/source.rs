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
        let mut findings: Vec<Finding> = Vec::new();
        for error in errors {
            let finding = self.syntax(&error);
            let line = |finding: &Finding| finding.place.as_ref().map(|place| place.line);
            if findings.last().is_none_or(|last| line(last) != line(&finding)) {
                findings.push(finding);
            }
        }
        findings.truncate(SYNTAX_ERRORS_MAX);
        Err(findings)
    }

    fn syntax(&self, error: &toml::de::Error) -> Finding {
        let (found, expected) =
            error.message().split_once(", expected ").unwrap_or((error.message(), "TOML"));
        Finding::error("", found, expected).at(error.span().map(|span| self.place(&span)))
    }

    /// Line, column and excerpt of a range of bytes. Total: a range outside the text is taken as its end.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let start = self.text.floor_char_boundary(span.start.min(self.text.len()));
        let (before, after) = self.text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let before_chars = before.get(line_start..).unwrap_or_default().chars().count();
        let rest = after.lines().next().unwrap_or_default();
        let length = span.end.saturating_sub(start).min(rest.len());
        let under = rest.get(..rest.floor_char_boundary(length)).unwrap_or_default().chars().count();
        let line: String =
            self.text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default().into();
        // Long lines are shown from shortly before the caret on.
        let skipped =
            if before_chars + under > EXCERPT_CHARS_MAX { before_chars.saturating_sub(20) } else { 0 };
        let shown: String = mask(&line).chars().skip(skipped).take(EXCERPT_CHARS_MAX).map(flat).collect();
        let caret_at = before_chars - skipped;
        Place {
            line: before.matches('\n').count() + 1,
            column: before_chars + 1,
            excerpt: shown,
            caret_at,
            caret_chars: under.clamp(1, EXCERPT_CHARS_MAX.saturating_sub(caret_at).max(1)),
        }
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
