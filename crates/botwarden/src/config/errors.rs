//! Why there is no configuration.

use std::io;
use std::path::{Path, PathBuf};

use super::{Finding, Severity};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigErrors {
    /// The file could not be read.
    #[error("`{}` could not be read; `botwarden init` writes a starting one, `--config FILE` names another", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was read and is wrong.
    #[error("`{}` cannot be used: {}", .path.display(), in_one_line(.findings))]
    Found {
        /// The file.
        path: PathBuf,
        /// What is wrong, in the order of the file; at least one is an error.
        findings: Vec<Finding>,
    },
}

impl ConfigErrors {
    pub(super) fn found(path: &Path, findings: Vec<Finding>) -> Self {
        Self::Found { path: path.to_owned(), findings }
    }

    /// Every finding with its place and line, and their number, for people; for logs there is `Display`.
    pub(crate) fn report(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Found { path, findings } => Some(format!(
                "{}{} cannot be used: {}",
                report(path, findings),
                path.display(),
                count(findings)
            )),
        }
    }
}

/// Findings of a file with their places, for people.
pub(crate) fn report(path: &Path, findings: &[Finding]) -> String {
    let file = path.display().to_string();
    findings.iter().map(|finding| finding.story(&file) + "\n").collect()
}

/// `2 errors, 1 warning`
pub(crate) fn count(findings: &[Finding]) -> String {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let some = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{number} {word}s")),
    };
    let parts = [some(of(Severity::Error), "error"), some(of(Severity::Warning), "warning")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn in_one_line(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
