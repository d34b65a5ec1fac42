//! The rules of one bot, bound to the tables that count them.

use std::sync::Arc;

use crate::rule::Rule;
use crate::standing::Standing;
use crate::{log, open, sum};

/// The limits of one bot. Cheap to clone; a plan in use keeps working when another replaces it.
#[derive(Clone)]
pub struct Plan(pub(crate) Arc<[Level]>);

impl Plan {
    /// The rules it holds.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter().map(|level| &level.rule)
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
}

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
