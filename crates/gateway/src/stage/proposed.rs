//! Decides the calls of one answer, together.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use botwarden_policy::Place;
use botwarden_protocol::{CallKind, Proposed};

use crate::desk::{Asked, Desk, Patron, Verdict};

/// A call whose arguments have not one reading.
const UNCLEAR: &str = "call-unclear";
/// A call that may go on, but not without the one beside it.
const BESIDE: &str = "beside-refused";
/// Bytes of a tool's name that are repeated to whoever proposed it.
const NAME_BYTES_MAX: usize = 128;

/// A decision under way.
pub(super) type Judging = Pin<Box<dyn Future<Output = Judged> + Send>>;

/// Calls of one answer with what was decided about each.
pub(super) struct Judged {
    calls: Vec<Proposed>,
    verdicts: Vec<Verdict>,
}

/// Decides calls that the application is to run. None of them goes on if one does not: an agent that is told that a call was refused, while the
/// one beside it was made, has to be built for that, and few are.
pub(super) fn judge(desk: &Desk, patron: &Arc<Patron>, calls: Vec<Proposed>) -> Judging {
    let mut asked = Vec::with_capacity(calls.len());
    let mut unclear = Vec::new();
    for (at, proposed) in calls.iter().enumerate() {
        match proposed.arguments() {
            Ok(arguments) => asked.push(Asked {
                id: proposed.call.id.clone(),
                server: None,
                tool: proposed.call.name.clone(),
                arguments: arguments.into_owned(),
            }),
            Err(why) => unclear.push((at, why.to_string())),
        }
    }
    if !unclear.is_empty() {
        // Nobody is asked for leave for a call that could not be made.
        let mut verdicts = vec![Verdict::Allowed { arguments: None }; calls.len()];
        for (at, text) in unclear {
            if let Some(verdict) = verdicts.get_mut(at) {
                *verdict = Verdict::Refused { reason: UNCLEAR, text };
            }
        }
        return Box::pin(std::future::ready(Judged { calls, verdicts }));
    }
    let deciding = desk.decide(patron, Place::Proposed, asked);
    Box::pin(async move {
        let mut verdicts = deciding.await;
        // One that is missing was not decided.
        let undecided = || Verdict::Refused { reason: "internal", text: "it was not decided".to_owned() };
        verdicts.resize_with(calls.len(), undecided);
        Judged { calls, verdicts }
    })
}

impl Judged {
    /// Each call, and why it does not go on, for the audit log.
    pub(super) fn decisions(&self) -> impl Iterator<Item = (&Proposed, Option<&'static str>)> {
        let is_refused = self.refused().is_some();
        self.calls.iter().zip(&self.verdicts).map(move |(call, verdict)| match verdict {
            Verdict::Refused { reason, .. } => (call, Some(*reason)),
            Verdict::Allowed { .. } => (call, is_refused.then_some(BESIDE)),
        })
    }

    /// Why none of them goes on; `None` if all do.
    pub(super) fn refused(&self) -> Option<&'static str> {
        self.verdicts.iter().find_map(|verdict| match verdict {
            Verdict::Refused { reason, .. } => Some(*reason),
            Verdict::Allowed { .. } => None,
        })
    }

    /// What the agent reads instead of them.
    pub(super) fn text(&self) -> String {
        let lines = self.calls.iter().zip(&self.verdicts).filter_map(|(call, verdict)| match verdict {
            Verdict::Refused { text, .. } => {
                Some(format!("The call of {} was refused: {text}", shown(&call.call.name)))
            }
            Verdict::Allowed { .. } => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What their arguments have to be, where those of one are not what the model wrote.
    pub(super) fn arguments(&self) -> Option<Vec<Option<String>>> {
        let is_changed = |verdict: &Verdict| matches!(verdict, Verdict::Allowed { arguments: Some(_) });
        if !self.verdicts.iter().any(is_changed) {
            return None;
        }
        let each = self.calls.iter().zip(&self.verdicts).map(|(call, verdict)| match verdict {
            Verdict::Allowed { arguments: Some(new) } => call.written(new),
            _ => None,
        });
        Some(each.collect())
    }
}

/// A name as it may be repeated: it is the model's word.
pub(super) fn shown(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte));
    if is_plain && (1..=NAME_BYTES_MAX).contains(&name.len()) {
        format!("`{name}`")
    } else {
        "a tool".to_owned()
    }
}

/// Whether the vendor itself runs it.
pub(super) fn is_vendors(call: &Proposed) -> bool {
    call.kind == CallKind::Vendor
}
