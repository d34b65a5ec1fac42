//! What was seen of a step, and whether it is what must be.

use std::time::Duration;

use super::{Ends, Step};
use crate::command::demo::client::{Head, Reply};
use crate::command::demo::shop::Talk;

/// What an actor saw.
#[derive(Debug, Default)]
pub(in super::super) struct Seen {
    pub(in super::super) head: Head,
    /// What to show of it beyond the table's words: an answer, a count.
    pub(in super::super) note: String,
    /// Whether the model was asked by the request that the step is about.
    pub(in super::super) reached_model: bool,
    /// Evidence that is missing, in words.
    pub(in super::super) missing: Vec<String>,
}

impl Seen {
    pub(in super::super) fn of(head: Head) -> Self {
        Self { head, ..Self::default() }
    }

    pub(in super::super) fn of_reply(reply: Reply) -> Self {
        Self::of(reply.head)
    }

    pub(in super::super) fn of_talk(talk: Talk) -> Self {
        Self { note: format!("“{}”", talk.said), reached_model: true, ..Self::of(talk.head) }
    }

    /// Records what should be there and is not.
    #[must_use]
    pub(in super::super) fn expect(mut self, holds: bool, missing: &str) -> Self {
        if !holds {
            self.missing.push(missing.to_owned());
        }
        self
    }

    #[must_use]
    pub(in super::super) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// A step that was acted out.
#[derive(Debug)]
pub(in super::super) struct Outcome {
    pub(in super::super) step: &'static Step,
    pub(in super::super) head: Head,
    pub(in super::super) note: String,
    /// Since the demo began.
    pub(in super::super) at: Duration,
    /// What is not as it must be, in words; empty if all is.
    pub(in super::super) wrong: Vec<String>,
}

impl Outcome {
    /// Compares what was seen with what the table demands. An actor that failed is wrong, too.
    pub(super) fn judge(step: &'static Step, seen: anyhow::Result<Seen>, at: Duration) -> Self {
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                let wrong = vec![format!("{error:#}")];
                return Self { step, head: Head::default(), note: String::new(), at, wrong };
            }
        };
        let Seen { head, note, reached_model, missing: mut wrong } = seen;
        if (head.status, head.verdict.as_str()) != (step.status, step.verdict) {
            wrong.push(format!(
                "{}, not {}",
                say(head.status, &head.verdict),
                say(step.status, step.verdict)
            ));
        }
        if reached_model && step.ends == Ends::Stopped {
            wrong.push("it reached the model".to_owned());
        }
        Self { step, head, note, at, wrong }
    }

    pub(in super::super) fn is_as_it_must(&self) -> bool {
        self.wrong.is_empty()
    }
}

fn say(status: u16, verdict: &str) -> String {
    match status {
        0 => "connection cut".to_owned(),
        _ => format!("{status} {verdict}").trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Act;
    use super::*;

    const STOPPED: Step = Step {
        act: Act::NoCredential,
        who: "a stranger",
        asks: "asks",
        ends: Ends::Stopped,
        status: 401,
        verdict: "no-credential",
        why: "",
    };

    fn seen(status: u16, verdict: &str, reached_model: bool) -> Seen {
        let head = Head { status, verdict: verdict.into(), retry_after_s: None };
        Seen { reached_model, ..Seen::of(head) }
    }

    #[test]
    fn judgements() {
        for (name, seen, want) in [
            ("as it must", Ok(seen(401, "no-credential", false)), vec![]),
            (
                "let through",
                Ok(seen(200, "allowed", true)),
                vec!["200 allowed, not 401 no-credential", "it reached the model"],
            ),
            (
                "another reason",
                Ok(seen(401, "bad-credential", false)),
                vec!["401 bad-credential, not 401 no-credential"],
            ),
            ("cut", Ok(seen(0, "", false)), vec!["connection cut, not 401 no-credential"]),
            (
                "evidence missing",
                Ok(seen(401, "no-credential", false).expect(false, "no wait")),
                vec!["no wait"],
            ),
            ("the actor failed", Err(anyhow::anyhow!("no answer")), vec!["no answer"]),
        ] {
            assert_eq!(Outcome::judge(&STOPPED, seen, Duration::ZERO).wrong, want, "{name}");
        }
    }
}
