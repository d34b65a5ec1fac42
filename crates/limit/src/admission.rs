//! A call that was let in.

use std::sync::Arc;

use botwarden_types::Now;
use smallvec::SmallVec;

use crate::journal::Journal;
use crate::open::Place;
use crate::plan::{Counter, Plan, Weigh};
use crate::record::{self, Head, Kind, Line, Small, Writer};
use crate::seat::Count;
use crate::standing::Standing;
use crate::sum;
use crate::time::{self, Ms};

/// A call that was let in on every level. Dropping it gives its places among the open calls back; what it was charged
/// stays charged.
#[must_use = "dropping it ends the call"]
pub struct Admission {
    pub(crate) plan: Plan,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    /// In the order of the plan.
    pub(crate) charges: SmallVec<[Charge; 6]>,
    pub(crate) places: SmallVec<[Place; 2]>,
    pub(crate) at: Ms,
    /// Tokens charged when it was let in, less what was given back.
    pub(crate) reserved: u64,
    /// Tokens charged later.
    pub(crate) extra: u64,
}

/// What one level said.
pub(crate) struct Charge {
    pub(crate) level: u16,
    pub(crate) id: u64,
    pub(crate) count: Count,
}

impl Admission {
    /// How the caller stands with each limit that applied, this call included, in the order of the plan.
    pub fn standings(&self) -> SmallVec<[Standing<'_>; 6]> {
        let standing = |charge: &Charge| {
            let level = self.plan.0.get(usize::from(charge.level))?;
            Some(level.standing(charge.count))
        };
        self.charges.iter().filter_map(standing).collect()
    }

    /// Replaces the tokens reserved, or settled before, by `tokens`. More than reserved is charged now, whatever the
    /// limit: later calls wait for it. Less is given back, never more than this call was charged. If it is not called, the
    /// reservation stands. A journal that fails here shows at the next admission.
    pub fn settle(&mut self, now: Now, tokens: u64) {
        let charged = self.reserved.saturating_add(self.extra);
        if tokens > charged {
            let more = tokens - charged;
            self.extra = self.extra.saturating_add(more);
            self.change(now, Kind::Charge, more);
        } else {
            let back = (charged - tokens).min(self.reserved);
            self.reserved -= back;
            if back > 0 {
                self.change(now, Kind::Refund, back);
            }
        }
    }

    fn change(&self, now: Now, kind: Kind, weight: u64) {
        let at = time::ms(now.tick);
        let mut record = Writer::<Small>::new(Head { kind, at, wall_ms: now.wall.0 });
        if kind == Kind::Refund {
            record.moment(self.at);
        }
        let mut lines = 0;
        for charge in &self.charges {
            let Some(level) = self.plan.0.get(usize::from(charge.level)) else { continue };
            let Counter::Sum { table, weigh: Weigh::Tokens } = &level.way.counter else { continue };
            let Some(shard) = table.shard(sum::Table::shard_of(charge.id)) else { continue };
            let mut shard = shard.lock();
            match kind {
                Kind::Refund => shard.refund(charge.id, table.span_of(self.at), weight),
                _ => drop(shard.charge(charge.id, at, weight)),
            }
            let seq = shard.seq;
            drop(shard);
            let window_ms = table.window_ms();
            lines += 1;
            record.line(Line { counter: record::Counter::Sum, window_ms, id: charge.id, seq, weight });
        }
        if let Some(journal) = &self.journal
            && lines > 0
        {
            // What was charged stays in force in memory; the next admission finds the journal failing and is refused.
            let _ = journal.append(record.bytes());
        }
    }
}
