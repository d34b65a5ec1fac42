//! CEF, for what takes nothing better. Source: ArcSight Common Event Format, version 0 (header and extension escapes).

use std::fmt::Write as _;

use super::Recorded;
use crate::entry::{Event, Verdict, Word};

/// One line of CEF. Without a line feed.
pub fn cef(recorded: &Recorded<'_>) -> String {
    let Recorded { origin, index, leaf, entry, .. } = recorded;
    let kind = entry.event.kind();
    let (verdict, reason) = outcome(&entry.event);
    let severity = if verdict == Some(Verdict::Denied) { 5 } else { 1 };
    let mut line = format!("CEF:0|Botwarden|Botwarden|1|{kind}|{kind}|{severity}|");
    let _ = write!(line, "rt={} externalId={}", entry.at.0, entry.id);
    let mut field = |name: &str, value: &str| {
        let _ = write!(line, " {name}={}", escaped(value));
    };
    if let Some(verdict) = verdict {
        field("act", verdict.as_str());
    }
    if let Some(reason) = reason {
        field("reason", reason.as_str());
    }
    let (request, subject) = whom(&entry.event);
    if let Some(request) = request {
        field("cs1Label", "request");
        field("cs1", request);
    }
    if let Some(subject) = subject {
        field("suid", subject);
    }
    field("cs2Label", "log");
    field("cs2", origin);
    field("cs3Label", "leaf");
    field("cs3", &leaf.to_string());
    field("cn1Label", "index");
    field("cn1", &index.to_string());
    line
}

fn outcome(event: &Event) -> (Option<Verdict>, Option<&Word>) {
    match event {
        Event::Decision(it) => (Some(it.verdict), it.reason.as_ref()),
        Event::ToolCall(it) => (Some(it.verdict), it.reason.as_ref()),
        Event::Operator(it) => (Some(it.verdict), it.reason.as_ref()),
        Event::Outcome(it) => (None, it.reason.as_ref().or(Some(&it.outcome))),
        Event::Erasure(it) => (None, Some(&it.reason)),
        Event::Stop(it) => (None, Some(&it.reason)),
        Event::Configuration(_) | Event::Policy(_) | Event::Key(_) | Event::Start(_) => (None, None),
    }
}

/// The request, and who acted.
fn whom(event: &Event) -> (Option<&str>, Option<&str>) {
    match event {
        Event::Decision(it) => (Some(it.request.as_str()), it.key.as_ref().map(|key| key.as_str())),
        Event::Outcome(it) => (Some(it.request.as_str()), None),
        Event::ToolCall(it) => (Some(it.request.as_str()), None),
        Event::Operator(it) => (None, Some(it.operator.as_str())),
        Event::Configuration(it) | Event::Policy(it) => (None, Some(it.by.as_str())),
        Event::Key(it) => (None, it.by.as_ref().map(Word::as_str)),
        Event::Erasure(it) => (None, Some(it.by.as_str())),
        Event::Start(_) | Event::Stop(_) => (None, None),
    }
}

/// Escapes the value of an extension.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('=', "\\=").replace('\n', "\\n")
}
