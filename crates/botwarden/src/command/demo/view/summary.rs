//! The tour in three tables: allowed, stopped, not yet stopped.

use std::time::Duration;

use super::line::{Ink, Line, cut, fit};
use super::row::{WIDTH, reason};
use super::screen::{Screen, print};
use crate::command::demo::tour::{Ends, Outcome};
use crate::command::demo::trail::Trail;

const WHO: usize = 18;
const ASKS: usize = 38;
const REASON: usize = 22;
const HARM: usize = 48;

/// How the tour went as a whole.
pub(in super::super) struct Totals {
    pub(in super::super) took: Duration,
    pub(in super::super) model_answered: u64,
    pub(in super::super) trail: Trail,
}

/// Prints the tables, with what went wrong at the end.
pub(in super::super) fn summary(outcomes: &[Outcome], totals: &Totals) -> anyhow::Result<()> {
    lines(outcomes, totals).iter().try_for_each(print)
}

/// What there is to say after the live view, where the tables would repeat it.
pub(in super::super) fn verdict(
    screen: &mut Screen,
    outcomes: &[Outcome],
    totals: &Totals,
) -> anyhow::Result<()> {
    screen.show(Line::default())?;
    closing(outcomes, totals).into_iter().try_for_each(|line| screen.show(line))
}

/// The same as plain text.
#[cfg(test)]
pub(in super::super) fn plain_summary(outcomes: &[Outcome], totals: &Totals) -> String {
    let text: String = lines(outcomes, totals).iter().map(Line::styled).collect();
    anstream::adapter::strip_str(&text).to_string()
}

fn lines(outcomes: &[Outcome], totals: &Totals) -> Vec<Line> {
    let mut lines = Vec::new();
    table(&mut lines, ("Allowed", Ink::Good), outcomes, |ends| ends == Ends::Allowed);
    table(&mut lines, ("Stopped", Ink::Stop), outcomes, |ends| {
        matches!(ends, Ends::Stopped | Ends::Contained)
    });
    table(&mut lines, ("Not yet stopped", Ink::Open), outcomes, |ends| matches!(ends, Ends::Open { .. }));
    lines.extend(closing(outcomes, totals));
    lines
}

fn table(lines: &mut Vec<Line>, (title, ink): (&str, Ink), outcomes: &[Outcome], belongs: fn(Ends) -> bool) {
    let rows: Vec<_> = outcomes.iter().filter(|outcome| belongs(outcome.step.ends)).collect();
    lines.push(Line::of(ink, format!("{title} ({})", rows.len())));
    lines.extend(rows.into_iter().map(table_row));
    lines.push(Line::default());
}

fn table_row(outcome: &Outcome) -> Line {
    let step = outcome.step;
    let left = WIDTH - 2 - WHO - ASKS;
    let line =
        Line::of(Ink::Strong, format!("  {}", fit(step.who, WHO))).then(Ink::Plain, fit(step.asks, ASKS));
    if !outcome.is_as_it_must() {
        return line.then(Ink::Wrong, cut(&outcome.wrong.join("; "), left));
    }
    match step.ends {
        Ends::Allowed => line.then(Ink::Dim, cut(&outcome.note, left)),
        Ends::Stopped | Ends::Contained => {
            line.then(Ink::Stop, fit(reason(outcome), REASON)).then(Ink::Dim, cut(step.why, left - REASON))
        }
        Ends::Open { planned } => open_row(step.who, step.why, planned),
    }
}

/// Here what it did matters more than what was said.
fn open_row(who: &str, harm: &str, planned: &str) -> Line {
    let left = WIDTH - 2 - WHO - HARM;
    Line::of(Ink::Strong, format!("  {}", fit(who, WHO)))
        .then(Ink::Plain, fit(harm, HARM))
        .then(Ink::Open, cut(&format!("planned: {planned}"), left))
}

/// That everything was written down, and cannot be rewritten unnoticed.
fn trail(trail: &Trail) -> Line {
    if !trail.is_as_it_must() {
        return Line::of(Ink::Wrong, format!("The audit log is not as it must be: {trail:?}"));
    }
    let (first, last) = (trail.found.unwrap_or_default(), trail.found_last.unwrap_or_default());
    let found = if first == last { format!("entry {first}") } else { format!("entries {first} to {last}") };
    Line::of(Ink::Good, format!("{} entries in the audit log verify", trail.entries))
        .then(Ink::Dim, format!("; in a copy, where somebody rewrote a refusal, the check names {found}."))
}

fn closing(outcomes: &[Outcome], totals: &Totals) -> Vec<Line> {
    let wrong: Vec<_> = outcomes.iter().filter(|outcome| !outcome.is_as_it_must()).collect();
    let (steps, took) = (outcomes.len(), totals.took.as_secs_f64());
    if wrong.is_empty() {
        let asked =
            format!("The model was asked {} times; no refused request reached it.", totals.model_answered);
        let went = Line::of(Ink::Good, format!("All {steps} steps went as they must"));
        return vec![went.then(Ink::Dim, format!(" in {took:.1} s. {asked}")), trail(&totals.trail)];
    }
    let mut lines =
        vec![Line::of(Ink::Wrong, format!("{} of {steps} steps did not go as they must:", wrong.len()))];
    lines.extend(wrong.into_iter().map(|outcome| {
        Line::of(Ink::Strong, format!("  {}: ", outcome.step.act.id()))
            .then(Ink::Plain, outcome.wrong.join("; "))
    }));
    lines
}
