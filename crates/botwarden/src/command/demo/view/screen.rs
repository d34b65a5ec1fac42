//! Where lines go: to the terminal as they come, and kept for the picture.

use std::io::{self, Write};
use std::time::Duration;

use super::line::{Ink, Line};
use super::row;
use crate::command::demo::tour::Outcome;

/// Between two lines for a person: fast enough not to wait, slow enough to read along.
const READING_PACE: Duration = Duration::from_millis(150);

/// Who reads along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum To {
    /// A person at the terminal: lines come at a pace to be read.
    Person,
    /// A pipeline that waits for the summary; progress goes to standard error if that is a terminal.
    Progress,
    /// Nobody.
    Nobody,
}

/// The live view.
pub(in super::super) struct Screen {
    to: To,
    kept: Vec<Line>,
}

impl Screen {
    pub(in super::super) fn new(to: To) -> Self {
        Self { to, kept: Vec::new() }
    }

    /// Says what is to be seen.
    pub(in super::super) fn title(&mut self) -> io::Result<()> {
        let title = Line::of(Ink::Strong, "botwarden demo")
            .then(Ink::Dim, "  a shop's chat bot that obeys whoever talks to it    ")
            .then(Ink::Good, "✔ allowed  ")
            .then(Ink::Stop, "✖ stopped  ")
            .then(Ink::Open, "⚠ not yet stopped");
        self.show(title)
    }

    pub(in super::super) fn heading(&mut self, title: &str) -> io::Result<()> {
        self.show(Line::default())?;
        self.show(Line::of(Ink::Strong, title))
    }

    pub(in super::super) async fn outcome(&mut self, outcome: &Outcome) -> io::Result<()> {
        row::of_outcome(outcome).into_iter().try_for_each(|line| self.show(line))?;
        if self.to == To::Person {
            tokio::time::sleep(READING_PACE).await;
        }
        Ok(())
    }

    pub(super) fn show(&mut self, line: Line) -> io::Result<()> {
        match self.to {
            To::Person => print(&line)?,
            To::Progress => line.write(&mut anstream::stderr())?,
            To::Nobody => {}
        }
        self.kept.push(line);
        Ok(())
    }

    /// Everything shown so far.
    pub(super) fn kept(&self) -> &[Line] {
        &self.kept
    }
}

/// Writes a line to standard output at once.
pub(super) fn print(line: &Line) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    line.write(&mut out)?;
    out.flush()
}
