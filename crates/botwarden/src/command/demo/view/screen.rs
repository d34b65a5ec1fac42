//! Where lines go: to the terminal as they come, and kept for the picture.

use std::io;
use std::time::Duration;

use super::line::{Ink, Line};
use super::row;
use crate::command::demo::tour::Outcome;
use crate::exit;

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
    pub(in super::super) fn title(&mut self) -> anyhow::Result<()> {
        let title = Line::of(Ink::Strong, "botwarden demo")
            .then(Ink::Dim, "  a shop's chat bot that obeys whoever talks to it    ")
            .then(Ink::Good, "✔ allowed  ")
            .then(Ink::Stop, "✖ stopped  ")
            .then(Ink::Open, "⚠ not yet stopped");
        self.show(title)
    }

    pub(in super::super) fn heading(&mut self, title: &str) -> anyhow::Result<()> {
        self.show(Line::default())?;
        self.show(Line::of(Ink::Strong, title))
    }

    pub(in super::super) async fn outcome(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        row::of_outcome(outcome).into_iter().try_for_each(|line| self.show(line))?;
        if self.to == To::Person {
            tokio::time::sleep(READING_PACE).await;
        }
        Ok(())
    }

    pub(super) fn show(&mut self, line: Line) -> anyhow::Result<()> {
        match self.to {
            To::Person => print(&line)?,
            To::Progress => exit::note(line.styled().trim_end()),
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

/// Writes a line to standard output at once, in colour where colours are wanted.
pub(super) fn print(line: &Line) -> anyhow::Result<()> {
    let styled = line.styled();
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => exit::print(&anstream::adapter::strip_str(&styled).to_string()),
        _ => exit::print(&styled),
    }
}
