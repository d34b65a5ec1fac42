//! The decision about one call, from the contract, the person's words, and where each value came from.

mod content;
mod directory;
mod leaves;
mod origin;
mod terms;

use crate::call::{Call, Decision, Finding, Outcome};
use crate::contract::{Argument, Contract, Effect, Role, Tool};
use crate::grant::{Grant, grant};
use crate::session::Session;
use crate::value::Canon;

pub use leaves::{Leaf, hash_of, leaves_of};
pub use origin::Origin;

/// Leaves of one call.
const LEAVES_MAX: usize = 1024;

/// What was found about a call, before any policy speaks.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Whether the person asked for it.
    pub grant: Grant,
    /// Whether the very same call was made since they last spoke.
    pub is_repeated: bool,
    /// Each value, and what was found about it.
    pub leaves: Vec<LeafFacts>,
    /// Arguments that identity fills in: path and value.
    pub filled: Vec<(String, String)>,
}

/// What was found about one value.
#[derive(Clone, Debug)]
pub struct LeafFacts {
    /// Its path.
    pub at: String,
    /// What it decides.
    pub role: Role,
    /// Where it came from.
    pub origin: Origin,
    /// What that means for the call.
    pub outcome: Outcome,
    /// For people.
    pub text: String,
}

/// One value of a call in its surroundings.
pub(crate) struct Question<'q> {
    pub(crate) contract: &'q Contract,
    pub(crate) name: &'q str,
    pub(crate) tool: &'q Tool,
    pub(crate) session: &'q Session,
    pub(crate) leaves: &'q [Leaf],
    pub(crate) leaf: &'q Leaf,
    pub(crate) argument: &'q Argument,
}

/// What one value means for the call.
pub(crate) struct Answer {
    pub(crate) origin: Origin,
    pub(crate) outcome: Outcome,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn fine(origin: Origin) -> Self {
        Self { origin, outcome: Outcome::Allow, text: String::new() }
    }

    pub(crate) fn ask(origin: Origin, text: String) -> Self {
        Self { origin, outcome: Outcome::Ask, text }
    }
}

/// Finds out all there is to know about a call. `None`: the contract has no such tool, or the call has too many values.
pub fn facts(contract: &Contract, session: &Session, call: &Call) -> Option<Facts> {
    let tool = contract.tools.get(&call.tool)?;
    let leaves = leaves_of(&call.arguments);
    if leaves.len() > LEAVES_MAX {
        return None;
    }
    let strictest = Argument::new(Role::Party);
    let mut found = Vec::with_capacity(leaves.len());
    for leaf in &leaves {
        let argument = tool.argument(&leaf.path).unwrap_or(&strictest);
        let question =
            Question { contract, name: &call.tool, tool, session, leaves: &leaves, leaf, argument };
        let answer = question.answer();
        found.push(LeafFacts {
            at: leaf.path.clone(),
            role: argument.role,
            origin: answer.origin,
            outcome: answer.outcome,
            text: answer.text,
        });
    }
    let mut filled = Vec::new();
    for (path, argument) in &tool.arguments {
        let Some(claim) = &argument.claim else { continue };
        if leaves.iter().any(|leaf| leaf.path == *path) {
            continue;
        }
        match session.claim(claim) {
            Some(vouched) => filled.push((path.clone(), vouched.text.clone())),
            None => found.push(LeafFacts {
                at: path.clone(),
                role: argument.role,
                origin: Origin::None,
                outcome: Outcome::Deny,
                text: format!("`{path}` has to be the person's `{claim}`, for which nobody vouches"),
            }),
        }
    }
    let writes = !matches!(tool.effect, Effect::Read | Effect::Browse);
    Some(Facts {
        grant: grant(tool, session),
        is_repeated: writes && session.was_done(&call.server, &call.tool, hash_of(&call.arguments)),
        leaves: found,
        filled,
    })
}

/// Decides by the facts alone.
pub fn decide(contract: &Contract, session: &Session, call: &Call) -> Decision {
    let Some(facts) = facts(contract, session, call) else {
        return Decision {
            outcome: Outcome::Deny,
            reason: "tool-not-granted",
            policy: "contract".to_owned(),
            findings: vec![Finding {
                at: String::new(),
                outcome: Outcome::Deny,
                origin: "none",
                text: format!("no contract speaks of the tool `{}`", call.tool),
            }],
        };
    };
    weigh(call, &facts)
}

fn weigh(call: &Call, facts: &Facts) -> Decision {
    let mut findings = Vec::new();
    let mut whole =
        |outcome, origin, text: String| findings.push(Finding { at: String::new(), outcome, origin, text });
    match facts.grant {
        Grant::Free | Grant::Given => {}
        Grant::Doubtful => whole(
            Outcome::Ask,
            "user",
            format!("whether the user asked for `{}` is not clear from their words", call.tool),
        ),
        Grant::Missing => whole(Outcome::Deny, "none", format!("the user did not ask for `{}`", call.tool)),
    }
    if facts.is_repeated {
        whole(
            Outcome::Ask,
            "none",
            "the very same call was made already since the user last spoke".to_owned(),
        );
    }
    for leaf in &facts.leaves {
        findings.push(Finding {
            at: leaf.at.clone(),
            outcome: leaf.outcome,
            origin: leaf.origin.as_str(),
            text: leaf.text.clone(),
        });
    }
    let outcome = findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Allow);
    let reason = match outcome {
        Outcome::Allow => "granted",
        _ if facts.grant == Grant::Missing => "tool-not-granted",
        Outcome::Deny => "argument-refused",
        Outcome::Ask if facts.leaves.iter().any(|leaf| leaf.outcome == Outcome::Ask) => "argument-unproven",
        Outcome::Ask => "grant-unclear",
    };
    Decision { outcome, reason, policy: "contract".to_owned(), findings }
}

impl Question<'_> {
    fn answer(&self) -> Answer {
        if let Some(claim) = &self.argument.claim {
            return self.claimed(claim);
        }
        if self.leaf.is_nothing() || self.argument.default.as_deref() == Some(self.leaf.text.as_str()) {
            return Answer::fine(Origin::None);
        }
        if self.argument.known.iter().any(|known| Canon::of(known) == self.leaf.canon) {
            return Answer::fine(Origin::Operator);
        }
        match (self.tool.effect, self.argument.role) {
            (Effect::Read, _) | (_, Role::Flag) => Answer::fine(self.origin()),
            (_, Role::Party) => self.party(),
            (_, Role::Record) => self.record(),
            (_, Role::Commit) => self.term(),
            (_, Role::Secret) => self.secret(),
            (_, Role::Content) => self.content(),
            (Effect::Browse, Role::Filter) => self.goes_out(),
            (_, Role::Filter) => Answer::fine(self.origin()),
        }
    }

    /// Identity decides: nothing anybody says changes it.
    fn claimed(&self, claim: &str) -> Answer {
        let at = &self.leaf.path;
        match self.session.claim(claim) {
            Some(vouched) if vouched.canon == self.leaf.canon => Answer::fine(Origin::Profile),
            Some(_) => Answer {
                origin: self.origin(),
                outcome: Outcome::Deny,
                text: format!("`{at}` is not the signed-in person's own `{claim}`"),
            },
            None => Answer {
                origin: Origin::None,
                outcome: Outcome::Deny,
                text: format!("`{at}` has to be the person's `{claim}`, for which nobody vouches"),
            },
        }
    }

    fn secret(&self) -> Answer {
        let is_said = self.leaf.text.chars().count() >= 4
            && self.session.turns().iter().any(|heard| heard.says_exactly(&self.leaf.text));
        if is_said {
            return Answer::fine(Origin::User);
        }
        let origin = self.origin();
        Answer::ask(origin, format!("`{}` was not chosen by the user", self.leaf.path))
    }
}

#[cfg(test)]
mod tests;
