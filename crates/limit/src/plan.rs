//! The rules of one bot, bound to the tables that count them.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::rule::Rule;
use crate::seat::Count;
use crate::standing::Standing;
use crate::time::Ms;
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
#[derive(Clone)]
pub(crate) struct Level {
    pub(crate) rule: Rule,
    /// The rule's maximum.
    pub(crate) max: u64,
    /// Mixed into the subject's hash: keeps rules that share a table apart.
    pub(crate) salt: u64,
    /// Where calls are charged.
    pub(crate) way: Way,
    /// Where calls may still count that were charged before.
    pub(crate) former: Option<Former>,
    /// The same rule in a later plan that counts it in the other way. One for all plans that count it in this way.
    pub(crate) next: Arc<OnceLock<Level>>,
}

/// A way to count, and the table for it.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) counter: Counter,
    /// Number of the table, the higher part of the lock order.
    pub(crate) table: u32,
}

/// How a rule was counted before its maximum crossed the border between logs and sums. Its calls are looked at until the
/// last of them has left the window; none is charged there any more.
#[derive(Clone)]
pub(crate) struct Former {
    way: Way,
    /// The moment after which nothing counts there: set by the first call charged in the new way.
    end: Arc<OnceLock<Ms>>,
}

/// How a rule is counted.
#[derive(Clone)]
pub(crate) enum Counter {
    /// By time stamps; the maximum is at most [`log::CALLS_MAX`].
    Log { table: Arc<log::Table> },
    /// By sums.
    Sum { table: Arc<sum::Table>, weigh: Weigh },
    /// By calls under way.
    Open { table: Arc<open::Table> },
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

impl Way {
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

    /// What a call of `tokens` weighs here.
    #[inline]
    pub(crate) fn weight(&self, tokens: u64) -> u64 {
        match &self.counter {
            Counter::Sum { weigh, .. } => weigh.weight(tokens),
            Counter::Log { .. } | Counter::Open { .. } => 1,
        }
    }
}

impl Former {
    pub(crate) fn new(way: Way) -> Self {
        Self { way, end: Arc::default() }
    }
}

impl Level {
    /// The id that `subject` is counted under.
    #[inline]
    pub(crate) fn id(&self, subject: u64) -> u64 {
        subject ^ self.salt
    }

    /// Whether a later plan counts the rule in the other way.
    #[inline]
    pub(crate) fn is_outdated(&self) -> bool {
        self.next.get().is_some()
    }

    /// The level as it stands now. Whoever still decides by an older plan charges where later plans look, and looks where they
    /// charge: otherwise both together could admit more than either maximum.
    #[inline]
    pub(crate) fn newest(&self) -> &Self {
        let mut level = self;
        while let Some(next) = level.next.get() {
            level = next;
        }
        level
    }

    /// Where calls may still count that were charged in the former way.
    #[inline]
    pub(crate) fn former_at(&self, now: Ms) -> Option<&Way> {
        let former = self.former.as_ref()?;
        let is_over = former.end.get().is_some_and(|end| now > *end);
        (!is_over).then_some(&former.way)
    }

    /// Notes that a call was charged: from now on the former way loses its calls.
    #[inline]
    pub(crate) fn begin_end(&self, now: Ms) {
        if let Some(former) = &self.former {
            let window_ms = u64::try_from(self.rule.measure().window().as_millis()).unwrap_or(u64::MAX);
            // Twice, because sums count for longer than the window.
            former.end.get_or_init(|| now.saturating_add(2 * window_ms));
        }
    }

    /// What a count means for a caller.
    pub(crate) fn standing(&self, count: Count) -> Standing<'_> {
        let measure = self.rule.measure();
        Standing {
            rule: Cow::Borrowed(self.rule.name()),
            per: self.rule.per(),
            unit: measure.unit(),
            max: self.max,
            remaining: self.max.saturating_sub(count.used),
            window: measure.window(),
            reset_ms: count.leaves_in_ms,
        }
    }
}
