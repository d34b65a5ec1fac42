//! One level of a decision: what it has to say of its subject, once its shard is locked.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::admission::{Admission, Charge};
use crate::open::Place;
use crate::plan::{Counter, Level, Way};
use crate::record::{self, Line, Small, Writer};
use crate::sum::Wait;
use crate::sync::MutexGuard;
use crate::time::Ms;
use crate::{log, open, sum};

/// One level of a decision under way.
pub(crate) struct Seat<'p> {
    /// The level's number in the plan.
    pub(crate) number: u16,
    pub(crate) level: &'p Level,
    pub(crate) role: Role,
    way: &'p Way,
    id: u64,
    pub(crate) lock_order: u32,
    /// Number of the guard of its shard.
    pub(crate) guard: u16,
    /// What time it is in a log's steps, and where the log was found.
    step: log::Step,
    place: log::Place,
}

/// What a seat is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The call is charged there.
    InForce,
    /// Calls that were charged there are looked at.
    Former,
}

/// A locked shard.
pub(crate) enum Guard<'p> {
    Log(MutexGuard<'p, log::Shard>),
    Sum(MutexGuard<'p, sum::Shard>),
    Open(MutexGuard<'p, open::Shard>),
}

/// The locked shards of a decision, each once.
pub(crate) type Guards<'p> = SmallVec<[Guard<'p>; 6]>;

/// How a subject stands with a level.
#[derive(Clone, Copy)]
pub(crate) struct Count {
    pub(crate) used: u64,
    /// Milliseconds until some of it leaves; 0 if nothing is used.
    pub(crate) leaves_in_ms: u64,
}

impl Count {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        let leaves_in_ms = match (self.leaves_in_ms, other.leaves_in_ms) {
            (0, ms) | (ms, 0) => ms,
            (one, other) => one.min(other),
        };
        Self { used: self.used.saturating_add(other.used), leaves_in_ms }
    }
}

impl<'p> Seat<'p> {
    /// The seat of a subject's `hash` in the way in force.
    #[inline]
    pub(crate) fn in_force(number: u16, level: &'p Level, hash: u64, now: Ms) -> Self {
        Self::new(number, level, Role::InForce, &level.way, hash, now)
    }

    /// The same in the former way, while calls may count there.
    #[inline]
    pub(crate) fn former(number: u16, level: &'p Level, hash: u64, now: Ms) -> Option<Self> {
        let way = level.former_at(now)?;
        Some(Self::new(number, level, Role::Former, way, hash, now))
    }

    #[inline]
    fn new(number: u16, level: &'p Level, role: Role, way: &'p Way, hash: u64, now: Ms) -> Self {
        let id = level.id(hash);
        let step = match &way.counter {
            Counter::Log { table } => table.step(now),
            Counter::Sum { .. } | Counter::Open { .. } => 0,
        };
        let lock_order = way.lock_order(id);
        Self { number, level, role, way, id, lock_order, guard: 0, step, place: log::Place::Nowhere }
    }

    /// Locks its shard.
    pub(crate) fn lock(&self) -> Option<Guard<'p>> {
        Some(match &self.way.counter {
            Counter::Log { table } => Guard::Log(table.shard(log::Table::shard_of(self.id))?.lock()),
            Counter::Sum { table, .. } => Guard::Sum(table.shard(sum::Table::shard_of(self.id))?.lock()),
            Counter::Open { table } => Guard::Open(table.shard(open::Table::shard_of(self.id))?.lock()),
        })
    }

    /// The guard of its shard among all.
    #[inline]
    pub(crate) fn guard_in<'g>(&self, guards: &'g mut Guards<'p>) -> Option<&'g mut Guard<'p>> {
        guards.get_mut(usize::from(self.guard))
    }

    /// Reads what it is going to decide on, so that the waits of several for memory overlap.
    #[inline]
    pub(crate) fn touch(&self, guards: &Guards<'p>) {
        if let Some(Guard::Log(shard)) = guards.get(usize::from(self.guard)) {
            shard.touch(self.id);
        }
    }

    /// What a call of `tokens` weighs here.
    #[inline]
    pub(crate) fn weight(&self, tokens: u64) -> u64 {
        self.way.weight(tokens)
    }

    /// How long `weight` more has to wait by what counts here. Remembers where the log was found.
    #[inline]
    pub(crate) fn wait(&mut self, guard: &mut Guard<'_>, now: Ms, weight: u64) -> Wait {
        self.wait_below(guard, now, self.level.max, weight)
    }

    /// The same under another maximum.
    #[inline]
    fn wait_below(&mut self, guard: &mut Guard<'_>, now: Ms, max: u64, weight: u64) -> Wait {
        match (&self.way.counter, guard) {
            (Counter::Log { table }, Guard::Log(shard)) => {
                let max = u32::try_from(max).unwrap_or(u32::MAX);
                let (steps, place) = shard.wait(self.id, self.step, max);
                self.place = place;
                if steps == 0 { Wait::None } else { Wait::Ms(table.until(now, self.step, steps)) }
            }
            (Counter::Sum { .. }, Guard::Sum(shard)) => shard.wait(self.id, now, max, weight),
            (Counter::Open { .. }, Guard::Open(shard)) if shard.has_place(self.id, max) => Wait::None,
            // Open calls without a place; or a guard of another kind, which `lock` does not make.
            _ => Wait::Forever,
        }
    }

    /// Milliseconds until no more than `left` calls count here.
    pub(crate) fn falls_to(&mut self, guard: &mut Guard<'_>, now: Ms, left: u64) -> u64 {
        match self.wait_below(guard, now, left.saturating_add(1), 1) {
            Wait::None => 0,
            Wait::Ms(ms) => ms,
            Wait::Forever => u64::MAX,
        }
    }

    /// How the subject stands.
    pub(crate) fn count(&self, guard: &mut Guard<'_>, now: Ms) -> Count {
        match (&self.way.counter, guard) {
            (Counter::Log { table }, Guard::Log(shard)) => {
                let count = shard.count(self.id, self.step);
                let leaves_in_ms = table.until(now, self.step, count.leaves_in);
                Count { used: u64::from(count.used), leaves_in_ms }
            }
            (Counter::Sum { .. }, Guard::Sum(shard)) => shard.total(self.id, now).into(),
            (Counter::Open { .. }, Guard::Open(shard)) => {
                Count { used: u64::from(shard.taken(self.id)), leaves_in_ms: 0 }
            }
            _ => Count { used: u64::MAX, leaves_in_ms: 0 },
        }
    }

    /// Charges the level and notes it; returns the moment it was charged at.
    #[inline]
    pub(crate) fn charge(
        &self,
        guard: &mut Guard<'_>,
        now: Ms,
        tokens: u64,
        admission: &mut Admission,
        record: Option<&mut Writer<Small>>,
    ) -> Ms {
        let id = self.id;
        let note = |counter, window_ms, seq, weight| {
            if let Some(record) = record {
                record.line(Line { counter, window_ms, id, seq, weight });
            }
        };
        let mut at = now;
        let count = match (&self.way.counter, guard) {
            (Counter::Log { table }, Guard::Log(shard)) => {
                let counted = shard.charge(id, self.step, self.place);
                at = at.max(counted.at * table.unit_ms());
                note(record::Counter::Log, table.window_ms(), shard.seq, 1);
                let leaves_in_ms = table.until(now, self.step, counted.count.leaves_in);
                Count { used: u64::from(counted.count.used), leaves_in_ms }
            }
            (Counter::Sum { table, weigh }, Guard::Sum(shard)) => {
                let weight = weigh.weight(tokens);
                let total = shard.charge(id, now, weight);
                note(record::Counter::Sum, table.window_ms(), shard.seq, weight);
                total.into()
            }
            (Counter::Open { table }, Guard::Open(shard)) => {
                let taken = shard.take(id);
                admission.places.push(Place::new(Arc::clone(table), id));
                Count { used: u64::from(taken), leaves_in_ms: 0 }
            }
            _ => return now,
        };
        admission.charges.push(Charge { level: self.number, id, count });
        self.level.begin_end(now);
        at
    }
}

impl From<sum::Total> for Count {
    fn from(total: sum::Total) -> Self {
        Self { used: total.used, leaves_in_ms: total.leaves_in_ms }
    }
}
