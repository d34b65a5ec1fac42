//! How a subject stands with its limits, and how it is told to wait.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::journal::JournalError;
use crate::rule::{Per, Span, Unit};

/// What is left of one limit, for the header fields of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'r> {
    /// The rule's name: `user-requests-60s`. Borrowed where the call was let in, because nearly all are.
    pub rule: Cow<'r, str>,
    /// Whom it counts.
    pub per: Per,
    /// What it counts.
    pub unit: Unit,
    /// How much is allowed.
    pub max: u64,
    /// How much is left now.
    pub remaining: u64,
    /// The span; zero for open calls.
    pub window: Duration,
    /// Milliseconds until `remaining` grows: until the oldest call counted leaves the window. 0 if nothing is counted,
    /// and for open calls, whose end nobody knows.
    pub reset_ms: u64,
}

/// Why a call may not pass now.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// A limit is reached. Nothing was charged, on any level.
    #[error("{}", over(violated, *retry_ms))]
    Over {
        /// The limit that keeps the call out longest.
        violated: Standing<'static>,
        /// Milliseconds after which this call would be admitted if nothing else came in, all levels considered; none
        /// if nobody can tell (open calls) or never (more tokens than the limit).
        retry_ms: Option<u64>,
        /// All limits that apply.
        standings: Vec<Standing<'static>>,
    },
    /// The decision could not be recorded: refused, because it would be forgotten over a restart. The call stays charged.
    #[error("limits cannot be recorded")]
    Journal(#[source] JournalError),
}

impl Standing<'_> {
    /// The same with a name of its own.
    pub(crate) fn into_owned(self) -> Standing<'static> {
        Standing { rule: Cow::Owned(self.rule.into_owned()), ..self }
    }
}

/// Says which limit, whose and how long; never a name, because the text goes to callers and logs.
fn over(violated: &Standing<'_>, retry_ms: Option<u64>) -> String {
    let Standing { max, per, window, .. } = violated;
    let whose = match per {
        Per::User => "this user",
        Per::Key => "this key",
        Per::Address => "this address",
        Per::Bot => "this bot",
    };
    let limit = match violated.unit {
        Unit::Requests => format!("{max} {} in {} for {whose}", plural(*max, "request"), Span(*window)),
        Unit::Tokens => format!("{max} {} in {} for {whose}", plural(*max, "token"), Span(*window)),
        Unit::Open => format!("{max} open {} for {whose}", plural(*max, "request")),
    };
    match (retry_ms, violated.unit) {
        (Some(ms), _) => format!("Rate limit exceeded: {limit}; try again in {}", Seconds(ms)),
        (None, Unit::Tokens) => format!("Rate limit exceeded: {limit}; this request alone needs more"),
        (None, _) => format!("Rate limit exceeded: {limit}; try again when one has ended"),
    }
}

fn plural(number: u64, noun: &str) -> String {
    if number == 1 { noun.to_owned() } else { format!("{noun}s") }
}

/// Milliseconds as seconds: `0.250 s`, `12 s`.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (secs, 0) => write!(f, "{secs} s"),
            (secs, millis) => write!(f, "{secs}.{millis:03} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_in_words() {
        for (unit, per, max, window_s, retry_ms, want) in [
            (
                Unit::Requests,
                Per::User,
                30,
                60,
                Some(12_345),
                "Rate limit exceeded: 30 requests in 60s for this user; try again in 12.345 s",
            ),
            (
                Unit::Requests,
                Per::Key,
                1,
                3600,
                Some(2000),
                "Rate limit exceeded: 1 request in 1h for this key; try again in 2 s",
            ),
            (
                Unit::Tokens,
                Per::Bot,
                500,
                60,
                None,
                "Rate limit exceeded: 500 tokens in 60s for this bot; this request alone needs more",
            ),
            (
                Unit::Open,
                Per::Address,
                4,
                0,
                None,
                "Rate limit exceeded: 4 open requests for this address; try again when one has ended",
            ),
        ] {
            let window = Duration::from_secs(window_s);
            let violated = Standing { rule: "r".into(), per, unit, max, remaining: 0, window, reset_ms: 0 };
            let denied = Denied::Over { violated, retry_ms, standings: Vec::new() };
            assert_eq!(denied.to_string(), want);
        }
    }
}
