//! What a person asked for: the tools of a turn, from their own words alone.

use crate::contract::{Effect, Tool};
use crate::session::Session;

/// Whether the person asked for what a tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// Nobody needs to ask for it.
    Free,
    /// They did.
    Given,
    /// They may have: a verb without its object, or a document to which they left it.
    Doubtful,
    /// They did not.
    Missing,
}

impl Grant {
    /// As written in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Given => "given",
            Self::Doubtful => "doubtful",
            Self::Missing => "missing",
        }
    }
}

/// Turns looked back over while a person goes on with what they asked before.
const TURNS_BACK_MAX: usize = 4;

/// What the person's words say of `tool`. Words of anybody else are not in `session`'s turns, so nothing else can widen it.
pub fn grant(tool: &Tool, session: &Session) -> Grant {
    if matches!(tool.effect, Effect::Read | Effect::Browse) {
        return Grant::Free;
    }
    let mut best = Grant::Missing;
    for heard in session.turns().iter().rev().take(TURNS_BACK_MAX) {
        let verb = heard.says_any(&tool.verbs);
        let object = tool.objects.is_empty() || heard.says_any(&tool.objects);
        let here = match (verb, object) {
            (true, true) => Grant::Given,
            (true, false) => Grant::Doubtful,
            (false, true) if heard.asks_for_a_change => Grant::Doubtful,
            _ if heard.leaves_it_to_a_document => Grant::Doubtful,
            _ => Grant::Missing,
        };
        best = best.min(here);
        // A turn that asks for something of its own ends what was asked before, unless it goes on with it.
        if heard.asks_for_a_change && !heard.goes_on {
            break;
        }
    }
    best
}
