//! One thing that was asked, as a line of at most [`WIDTH`] columns.

use std::time::Duration;

use super::line::{Ink, Line, cut, fit};
use crate::command::demo::client::Head;
use crate::command::demo::gateway::Decision;
use crate::command::demo::tour::{Ends, Outcome};

/// Fits a README and a terminal beside an editor.
pub(super) const WIDTH: usize = 110;
/// `✔  0.42 s  `
const TIME: usize = 7;
const WHO: usize = 17;
const ASKS: usize = 37;
const RESULT: usize = WIDTH - 2 - TIME - 2 - WHO - ASKS;

/// What a step came to. For an attack that gets through, what it did and, on a second line, what will stop it.
pub(super) fn of_outcome(outcome: &Outcome) -> Vec<Line> {
    let step = outcome.step;
    let line = |mark, result| row(mark, outcome.at, step.who, step.asks, result);
    if !outcome.is_as_it_must() {
        let wrong = outcome.wrong.join("; ");
        return vec![line(('!', Ink::Wrong), Line::of(Ink::Wrong, cut(&wrong, RESULT)))];
    }
    match step.ends {
        Ends::Allowed => vec![line(('✔', Ink::Good), said(&outcome.note))],
        Ends::Stopped | Ends::Contained => vec![line(('✖', Ink::Stop), stopped(outcome))],
        Ends::Open { planned } => {
            let plan = cut(&format!("planned: {planned}"), RESULT);
            let indent = " ".repeat(WIDTH - RESULT);
            vec![
                line(('⚠', Ink::Open), Line::of(Ink::Open, cut(step.why, RESULT))),
                Line::of(Ink::Plain, indent).then(Ink::Dim, plan),
            ]
        }
    }
}

/// What a customer was answered in passing.
pub(super) fn of_passer(at: Duration, who: &str, asks: &str, head: &Head, words: &str) -> Line {
    if head.status == 200 {
        return row(('✔', Ink::Good), at, who, asks, said(words));
    }
    row(('✖', Ink::Stop), at, who, asks, verdict(&head.verdict, &head.status.to_string()))
}

/// What the gateway decided about a request that the demo did not make.
pub(super) fn of_decision(at: Duration, who: &str, decision: &Decision) -> Line {
    let Decision { operation, verdict: reason, status, added_us, .. } = decision;
    let words = format!("{status}, {added_us} µs in Botwarden");
    let mark = if *reason == "allowed" { ('✔', Ink::Good) } else { ('✖', Ink::Stop) };
    // Who it is comes before what is asked: of strangers nothing else is known.
    let asks = if *operation == "none" { "—" } else { operation };
    row(mark, at, who, asks, verdict(reason, &words))
}

fn row((mark, ink): (char, Ink), at: Duration, who: &str, asks: &str, result: Line) -> Line {
    let mut line = Line::of(ink, format!("{mark} "))
        .then(Ink::Dim, format!("{:>5.1} s  ", at.as_secs_f64()))
        .then(Ink::Strong, fit(who, WHO))
        .then(Ink::Plain, fit(asks, ASKS));
    line.0.extend(result.0);
    line
}

fn said(words: &str) -> Line {
    Line::of(Ink::Dim, cut(words, RESULT))
}

/// The reason id, then the reason in words and what the tour counted.
fn stopped(outcome: &Outcome) -> Line {
    let words = match outcome.note.as_str() {
        "" => outcome.step.why.to_owned(),
        note => format!("{}, {note}", outcome.step.why),
    };
    verdict(reason(outcome), &words)
}

/// The reason id, or who refused in the gateway's place.
pub(super) fn reason(outcome: &Outcome) -> &str {
    match (outcome.head.status, outcome.head.verdict.as_str()) {
        (0, _) => "connection cut",
        (_, "") => "401 by the model",
        (_, "allowed") => "own data only",
        (_, verdict) => verdict,
    }
}

fn verdict(reason: &str, words: &str) -> Line {
    let left = RESULT.saturating_sub(reason.chars().count() + 2);
    Line::of(Ink::Stop, format!("{reason}  ")).then(Ink::Dim, cut(words, left))
}
