//! Something that is wrong with a configuration, and where.

use std::fmt;

use crate::text::{calm, mask};

/// Findings of each severity that are shown. More help nobody, and each costs a look through the file.
pub(super) const FINDINGS_MAX: usize = 100;

/// Whether it can be served all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// It cannot.
    Error,
    /// It can, and is probably a mistake.
    Warning,
}

/// Something that is wrong with a configuration. Its texts may be shown: what looks like a credential is masked in them.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// Path of the key from the top of the file: `bot[0].limit[1].window`. Empty for what concerns no key.
    pub(crate) key: String,
    /// What stands there.
    pub(crate) found: String,
    /// What could stand there.
    pub(crate) expected: String,
    /// What to do about it, where the two leave it open.
    pub(crate) help: Option<String>,
    /// Where it is, if anywhere.
    pub(crate) place: Option<Place>,
}

/// A place in a file, with the line that people look at.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// The line, or the part of a long one that matters.
    pub(crate) excerpt: String,
    /// Characters of the excerpt before the caret.
    pub(crate) caret_at: usize,
    /// Characters under the caret, at least 1.
    pub(crate) caret_chars: usize,
}

impl Finding {
    /// An error at `key`.
    pub(crate) fn error(key: &str, found: &str, expected: &str) -> Self {
        let shown = |text: &str| mask(&calm(text));
        Self {
            severity: Severity::Error,
            key: shown(key),
            found: shown(found),
            expected: shown(expected),
            help: None,
            place: None,
        }
    }

    /// A warning at `key`.
    pub(crate) fn warning(key: &str, found: &str, expected: &str) -> Self {
        Self { severity: Severity::Warning, ..Self::error(key, found, expected) }
    }

    pub(crate) fn with_help(self, help: &str) -> Self {
        Self { help: Some(mask(&calm(help))), ..self }
    }

    pub(crate) fn at(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }

    /// What is wrong in one line, as logs want it: `bot[0].name: found …, expected …`.
    pub(crate) fn line(&self) -> String {
        let severity = if self.severity == Severity::Warning { "warning: " } else { "" };
        let key = if self.key.is_empty() { String::new() } else { format!("{}: ", self.key) };
        format!("{severity}{key}found {}, expected {}", self.found, self.expected)
    }

    /// The line under `file` and position, the place with a caret under it, and the help.
    pub(crate) fn story(&self, file: &str) -> String {
        let Some(place) = &self.place else {
            return format!("{file}: {}\n{}", self.line(), self.help_line(" "));
        };
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        let (blank, caret) = (" ".repeat(place.caret_at), "^".repeat(place.caret_chars));
        format!(
            "{file}:{}:{}: {}\n{margin} |\n{number} | {}\n{margin} | {blank}{caret}\n{}",
            place.line,
            place.column,
            self.line(),
            place.excerpt,
            self.help_line(&margin),
        )
    }

    fn help_line(&self, margin: &str) -> String {
        self.help.as_ref().map(|help| format!("{margin} = {help}\n")).unwrap_or_default()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}: ", place.line, place.column)?;
        }
        f.write_str(&self.line())
    }
}
