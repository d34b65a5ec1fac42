//! How a command ends: exit codes, standard output, and what is said when it cannot be done.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use crate::config::ConfigErrors;

/// It was done.
pub(crate) const FINE: u8 = 0;
/// There are findings, or a check failed.
pub(crate) const FINDINGS: u8 = 1;
/// It was asked for wrongly.
pub(crate) const USAGE: u8 = 2;
/// It could not be done, or it cannot tell.
pub(crate) const CANNOT: u8 = 3;

/// What went wrong, and what to do about it. An error of its own, or the context of one.
#[derive(Debug)]
pub(crate) struct Advice {
    what: String,
    mend: String,
    code: u8,
}

impl Advice {
    pub(crate) fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into(), code: CANNOT }
    }

    /// The command line contradicts itself in a way its grammar cannot see.
    pub(crate) fn usage(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(what, mend) }
    }

    /// It could be done, and what was looked at is not as it should be.
    pub(crate) fn failed_check(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { code: FINDINGS, ..Self::new(what, mend) }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Advice {}

/// Whoever read our output has stopped reading (`… | head`): nothing is wrong, and nobody wants to hear of it.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
struct ReaderGone;

/// Writes a result to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// What became of writing to standard output.
pub(crate) fn printed(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        Err(error) => Err(anyhow::Error::new(error).context("writing to standard output")),
    }
}

/// Says something that is not the result: to standard error, where a failure could not be told to anyone.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// How long a person waits before wondering.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits; tells a person at a terminal what for, if it takes long.
pub(crate) async fn patiently<T>(what_for: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    match tokio::time::timeout(PATIENCE, &mut work).await {
        Ok(done) => done,
        Err(_) => {
            if io::stderr().is_terminal() {
                note(what_for);
            }
            work.await
        }
    }
}

/// Says why a command failed; gives its exit code.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    if error.is::<ReaderGone>() {
        return ExitCode::from(FINE);
    }
    note(story(error).trim_end());
    ExitCode::from(error.downcast_ref::<Advice>().map_or(CANNOT, |advice| advice.code))
}

/// The error, its causes, and the mend where one is known.
fn story(error: &anyhow::Error) -> String {
    let (red, bold) = (anstyle::AnsiColor::Red.on_default().bold(), anstyle::Style::new().bold());
    if let Some(report) = error.downcast_ref::<ConfigErrors>().and_then(ConfigErrors::report) {
        return report;
    }
    let mut text = format!("{red}error:{red:#} {error}\n");
    for cause in error.chain().skip(1) {
        text += &format!("  caused by: {cause}\n");
    }
    if let Some(advice) = error.downcast_ref::<Advice>() {
        text += &format!("  {bold}mend:{bold:#} {}\n", advice.mend);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(error: &anyhow::Error) -> String {
        anstream::adapter::strip_str(&story(error)).to_string()
    }

    #[test]
    fn a_failure_tells_its_causes_and_its_mend() {
        let cause = anyhow::Error::new(io::Error::other("disk full")).context("writing `a`");
        let error = cause.context(Advice::new("the page was not written", "make room"));
        assert_eq!(
            plain(&error),
            "error: the page was not written\n  caused by: writing `a`\n  caused by: disk full\n  mend: make room\n"
        );
        assert_eq!(plain(&anyhow::anyhow!("no")), "error: no\n");
    }
}
