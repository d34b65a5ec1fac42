//! What is known of a session: what its person said, what the application vouches for, what tools returned.

mod heard;
mod named;
mod observed;

use std::sync::Arc;

use ahash::RandomState;

use crate::value::{Canon, Date};

pub use heard::{Heard, PASTED_LINES_MIN};
pub use observed::{Field, Observed, Record};

pub(crate) use named::{Hit, Named};

/// Turns that count.
pub const TURNS_MAX: usize = 512;
/// Results that count; the oldest are forgotten first.
pub const RESULTS_MAX: usize = 1024;

/// A value somebody answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The claim's name.
    pub name: String,
    /// The value as it was vouched for.
    pub text: String,
    /// The same as what it is.
    pub canon: Canon,
}

/// A value that is known for an argument of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// The argument's path, with `[]` for any item.
    pub argument: String,
    /// The value.
    pub canon: Canon,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// A hash of its canonical arguments.
    pub arguments: u64,
    /// After how many turns.
    pub turn: usize,
}

/// What is known of a session. Cheap to build anew: what takes time to read is shared.
#[derive(Clone, Debug, Default)]
pub struct Session {
    claims: Vec<Vouched>,
    known: Vec<Known>,
    turns: Vec<Arc<Heard>>,
    results: Vec<Arc<Observed>>,
    /// For each result, which of its records somebody named.
    named: Vec<Named>,
    done: Vec<Done>,
    today: Option<Date>,
}

impl Session {
    /// A session of somebody about whom `claims` are vouched for, on `today`.
    pub fn new(claims: impl IntoIterator<Item = (String, String)>, today: Option<Date>) -> Self {
        let vouch = |(name, text): (String, String)| Vouched { name, canon: Canon::of(&text), text };
        let claims = claims.into_iter().map(vouch).collect();
        Self { claims, today, ..Self::default() }
    }

    /// Takes note of what the person said.
    pub fn hear(&mut self, turn: Arc<Heard>) {
        if self.turns.len() >= TURNS_MAX {
            return; // what is not heard grants nothing
        }
        for (result, named) in self.results.iter().zip(&mut self.named) {
            named.note(result, self.turns.len(), &turn);
        }
        self.turns.push(turn);
    }

    /// Takes note of what a tool returned.
    pub fn observe(&mut self, result: Arc<Observed>) {
        let mut named = Named::default();
        for (at, turn) in self.turns.iter().enumerate() {
            named.note(&result, at, turn);
        }
        if self.results.len() >= RESULTS_MAX {
            self.results.remove(0);
            self.named.remove(0);
        }
        self.results.push(result);
        self.named.push(named);
    }

    /// Takes note of a value that a person answers for.
    pub fn endorse(&mut self, known: Known) {
        self.known.push(known);
    }

    /// Takes note of a call that is going to be made.
    pub fn done(&mut self, server: &str, tool: &str, arguments: u64) {
        self.done_after(server, tool, arguments, self.turns.len());
    }

    /// The same of a call that was made when the person had spoken `turns` times: by another node, or before a restart.
    pub fn done_after(&mut self, server: &str, tool: &str, arguments: u64, turns: usize) {
        let done = Done { server: server.to_owned(), tool: tool.to_owned(), arguments, turn: turns };
        if !self.done.contains(&done) {
            self.done.push(done);
        }
    }

    /// Whether that very call was made since the person last spoke.
    pub(crate) fn was_done(&self, server: &str, tool: &str, arguments: u64) -> bool {
        let now = self.turns.len();
        self.done.iter().any(|done| {
            done.arguments == arguments && done.turn == now && done.server == server && done.tool == tool
        })
    }

    /// Whether the tool was called since the person last spoke.
    pub(crate) fn has_done(&self, server: &str, tool: &str) -> bool {
        let now = self.turns.len();
        self.done.iter().any(|done| done.turn == now && done.server == server && done.tool == tool)
    }

    pub(crate) fn turns(&self) -> &[Arc<Heard>] {
        &self.turns
    }

    pub(crate) fn today(&self) -> Date {
        // Without a clock, relative days name a day long gone.
        self.today.unwrap_or(Date { year: 1, month: 1, day: 1 })
    }

    /// The results with what was named of them.
    pub(crate) fn results(&self) -> impl Iterator<Item = (&Observed, &Named)> {
        self.results.iter().map(Arc::as_ref).zip(&self.named)
    }

    pub(crate) fn claims(&self) -> &[Vouched] {
        &self.claims
    }

    /// The claim of that name.
    pub(crate) fn claim(&self, name: &str) -> Option<&Vouched> {
        self.claims.iter().find(|claim| claim.name == name)
    }

    pub(crate) fn is_known(&self, server: &str, tool: &str, argument: &str, canon: &Canon) -> bool {
        self.known.iter().any(|known| {
            known.server == server
                && known.tool == tool
                && known.argument == argument
                && known.canon == *canon
        })
    }
}

pub(crate) type Map<K, V> = std::collections::HashMap<K, V, RandomState>;

#[cfg(test)]
mod tests;
