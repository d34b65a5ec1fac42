//! The tour for machines: one JSON document.

use serde::Serialize;

use super::summary::Totals;
use crate::command::demo::tour::{Ends, Outcome};
use crate::command::demo::trail::Trail;
use crate::exit;

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    took_ms: u128,
    model_answered: u64,
    audit: &'a Trail,
    allowed: Vec<Entry<'a>>,
    stopped: Vec<Entry<'a>>,
    not_yet_stopped: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: String,
    who: &'a str,
    asks: &'a str,
    /// `null` if the connection was cut.
    status: Option<u16>,
    verdict: Option<&'a str>,
    why: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    planned: Option<&'a str>,
    ok: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    wrong: &'a [String],
}

/// Prints the document.
pub(in super::super) fn report(outcomes: &[Outcome], totals: &Totals) -> anyhow::Result<()> {
    exit::print(&format!("{}\n", document(outcomes, totals)?))
}

/// The document itself.
pub(in super::super) fn document(outcomes: &[Outcome], totals: &Totals) -> serde_json::Result<String> {
    let of =
        |belongs: fn(Ends) -> bool| outcomes.iter().filter(|o| belongs(o.step.ends)).map(entry).collect();
    serde_json::to_string_pretty(&Report {
        ok: outcomes.iter().all(Outcome::is_as_it_must) && totals.trail.is_as_it_must(),
        took_ms: totals.took.as_millis(),
        model_answered: totals.model_answered,
        audit: &totals.trail,
        allowed: of(|ends| ends == Ends::Allowed),
        stopped: of(|ends| matches!(ends, Ends::Stopped | Ends::Contained)),
        not_yet_stopped: of(|ends| matches!(ends, Ends::Open { .. })),
    })
}

fn entry(outcome: &Outcome) -> Entry<'_> {
    let step = outcome.step;
    let planned = match step.ends {
        Ends::Open { planned } => Some(planned),
        Ends::Allowed | Ends::Stopped | Ends::Contained => None,
    };
    Entry {
        id: step.act.id(),
        who: step.who,
        asks: step.asks,
        status: Some(outcome.head.status).filter(|status| *status > 0),
        verdict: Some(outcome.head.verdict.as_str()).filter(|verdict| !verdict.is_empty()),
        why: step.why,
        planned,
        ok: outcome.is_as_it_must(),
        wrong: &outcome.wrong,
    }
}
