//! The rules of one bot, bound to the tables that count them.

use std::sync::{Arc, OnceLock};

use crate::rule::Rule;
use crate::standing::Standing;
use crate::time::Ms;
use crate::{log, open, sum};

/// The limits of one bot. Cheap to clone; a plan in use keeps working when another replaces it.
#[derive(Clone)]
pub struct Plan(pub(crate) Arc<[Level]>);

impl Plan {
    /// The rules it holds.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter().filter(|level| level.former.is_none()).map(|level| &level.rule)
    }
}

/// One rule and where it is counted.
pub(crate) struct Level {
    pub(crate) rule: Rule,
    /// Mixed into the subject's hash: keeps rules that share a table apart.
    pub(crate) salt: u64,
    pub(crate) counter: Counter,
    /// Number of the table, the higher part of the lock order.
    pub(crate) table: u32,
    /// Set where a rule is counted in its former way too: see [`Former`].
    pub(crate) former: Option<Arc<Former>>,
}

/// A rule whose maximum crossed the border between logs and sums is counted both ways until the new count is complete: for
/// a window after the first decision under the new plan. Its end is the moment here.
pub(crate) type Former = OnceLock<Ms>;

/// How a rule is counted.
pub(crate) enum Counter {
    Log { table: Arc<log::Table>, max: u32 },
    Sum { table: Arc<sum::Table>, max: u64, weigh: Weigh },
    Open { table: Arc<open::Table>, max: u32 },
}

/// What a call weighs in a sum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weigh {
    /// One.
    Call,
    /// Its tokens.
    Tokens,
}

impl Weigh {
    pub(crate) fn weight(self, tokens: u64) -> u64 {
        match self {
            Self::Call => 1,
            Self::Tokens => tokens,
        }
    }
}

impl Level {
    /// The id that `subject` is counted under.
    #[inline]
    pub(crate) fn id(&self, subject: u64) -> u64 {
        subject ^ self.salt
    }

    /// Whether it is counted no more: the new count of its rule is complete.
    #[inline]
    pub(crate) fn is_over(&self, now: Ms) -> bool {
        self.former.as_ref().is_some_and(|end| end.get().is_some_and(|end| now > *end))
    }

    /// Begins the window after which a former way of counting ends.
    pub(crate) fn begin_end(&self, now: Ms) {
        if let Some(end) = &self.former {
            let window_ms = u64::try_from(self.rule.measure().window().as_millis()).unwrap_or(u64::MAX);
            // Twice, because sums count for longer than the window.
            end.get_or_init(|| now.saturating_add(2 * window_ms));
        }
    }

    /// Where the lock of `id` stands in the order in which locks are taken.
    #[inline]
    pub(crate) fn lock_order(&self, id: u64) -> u32 {
        let shard = match self.counter {
            Counter::Log { .. } => log::Table::shard_of(id),
            Counter::Sum { .. } => sum::Table::shard_of(id),
            Counter::Open { .. } => open::Table::shard_of(id),
        };
        self.table << 8 | u32::from(shard)
    }

    /// What `used` and `reset_ms` mean for a caller.
    pub(crate) fn standing(&self, used: u64, reset_ms: u64) -> Standing {
        let measure = self.rule.measure();
        Standing {
            rule: Arc::clone(self.rule.name()),
            per: self.rule.per(),
            unit: measure.unit(),
            max: measure.max(),
            remaining: measure.max().saturating_sub(used),
            window: measure.window(),
            reset_ms,
        }
    }
}
