//! The limiter: tables, plans and decisions.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use botwarden_types::{Now, Tick};
use smallvec::SmallVec;

use crate::admission::{Admission, Charge};
use crate::hash::HashKey;
use crate::journal::Journal;
use crate::open::Place;
use crate::plan::{Counter, Former, Level, Plan, Weigh};
use crate::record::{self, Head, Kind, Line, Small, Writer};
use crate::rule::{Measure, Rule};
use crate::standing::{Denied, Standing};
use crate::subject::{Subject, SubjectHashes, SubjectKeys, Unnamed};
use crate::sum::Wait;
use crate::sync::{Mutex, MutexGuard};
use crate::time::{self, Ms};
use crate::{log, open, sum};

/// Bounds of a limiter, and the secret that its hashes depend on.
#[derive(Clone)]
pub struct Settings {
    /// Subjects with a log of their own, for each window length. While all of them have live calls, newcomers share logs.
    pub keys_max: usize,
    /// Subjects with a sum of their own (tokens, large request rules), for each window length.
    pub sums_max: usize,
    /// Subjects with open calls.
    pub open_max: usize,
    /// Secret that names are hashed under. Keep it over restarts: the journal's hashes depend on it.
    pub hash_key: [u8; 32],
}

impl Settings {
    /// The usual bounds: a million logs, 100,000 sums, 65,536 subjects with open calls.
    pub fn new(hash_key: [u8; 32]) -> Self {
        Self { keys_max: 1_000_000, sums_max: 100_000, open_max: 65_536, hash_key }
    }
}

/// Decides how much a caller may use.
pub struct Limiter {
    settings: Settings,
    subjects: SubjectKeys,
    rules: HashKey,
    tables: Mutex<Tables>,
    open: Arc<open::Table>,
    journal: Option<Arc<dyn Journal>>,
}

/// All tables, for plans to come. Window lengths are few: they come from the configuration.
#[derive(Default)]
struct Tables {
    made: u32,
    logs: Vec<(u32, Arc<log::Table>)>,
    sums: Vec<(u32, Arc<sum::Table>)>,
    /// How each request rule was counted in the last plan that had it, by its salt.
    ways: HashMap<u64, Way>,
    /// Whether decisions of an earlier process are counted, whose rules are not known.
    restored: bool,
}

/// How a request rule is counted, and until when in the other way too.
struct Way {
    by: record::Counter,
    former: Option<Arc<Former>>,
}

/// One level of a decision under way.
struct Seat<'p> {
    number: u16,
    level: &'p Level,
    id: u64,
    lock_order: u32,
    guard: u16,
    /// What time it is in a log's steps, and where the log was found.
    step: log::Step,
    place: log::Place,
}

type Seats<'p> = SmallVec<[Seat<'p>; 6]>;

/// A locked shard.
enum Guard<'p> {
    Log(MutexGuard<'p, log::Shard>),
    Sum(MutexGuard<'p, sum::Shard>),
    Open(MutexGuard<'p, open::Shard>),
}

type Guards<'p> = SmallVec<[Guard<'p>; 6]>;

impl Limiter {
    /// A limiter that remembers nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            subjects: SubjectKeys::new(&settings.hash_key),
            rules: HashKey::of_secret(&settings.hash_key, 1),
            tables: Mutex::new(Tables::default()),
            open: Arc::new(open::Table::new(settings.open_max)),
            journal: None,
            settings,
        }
    }

    /// The same, with every admission recorded before it is returned.
    #[must_use]
    pub fn with_journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Binds the rules of `scope` (a bot) to their tables. What is counted survives a new plan for the same scope: a rule is
    /// the same if it counts the same subjects and unit over the same window, whatever its maximum. Of two such rules in
    /// one plan the smaller maximum holds.
    pub fn plan(&self, scope: &str, rules: &[Rule]) -> Plan {
        let mut kept: Vec<&Rule> = Vec::new();
        for rule in rules {
            match kept.iter_mut().find(|other| other.name() == rule.name()) {
                Some(other) if rule.measure().max() < other.measure().max() => *other = rule,
                Some(_) => {}
                None => kept.push(rule),
            }
        }
        Plan(kept.into_iter().flat_map(|rule| self.levels(scope, rule)).collect())
    }

    /// Tells whether two limiters hash under the same secret.
    pub(crate) fn key_check(&self) -> u64 {
        self.rules.hash(b"key check")
    }

    pub(crate) fn logs(&self) -> Vec<Arc<log::Table>> {
        self.tables.lock().logs.iter().map(|(_, table)| Arc::clone(table)).collect()
    }

    pub(crate) fn sums(&self) -> Vec<Arc<sum::Table>> {
        self.tables.lock().sums.iter().map(|(_, table)| Arc::clone(table)).collect()
    }

    /// The table of this window length, made if need be.
    pub(crate) fn log_of(&self, window_ms: u64) -> Arc<log::Table> {
        self.tables.lock().log(Duration::from_millis(window_ms), self.settings.keys_max).1
    }

    /// The table of this window length, made if need be.
    pub(crate) fn sum_of(&self, window_ms: u64) -> Arc<sum::Table> {
        self.tables.lock().sum(Duration::from_millis(window_ms), self.settings.sums_max).1
    }

    /// Notes that decisions of an earlier process are counted.
    pub(crate) fn note_restored(&self) {
        self.tables.lock().restored = true;
    }

    /// The level of a rule, and one more while it is counted in its former way too.
    fn levels(&self, scope: &str, rule: &Rule) -> impl Iterator<Item = Level> + use<> {
        // A name holds no `/`, so that no two pairs of scope and rule read the same.
        let salt = self.rules.hash(format!("{}/{scope}", rule.name()).as_bytes());
        let mut tables = self.tables.lock();
        let settings = &self.settings;
        let (by_log, by_sum) = (record::Counter::Log, record::Counter::Sum);
        let level = |(table, counter), former| Level { rule: rule.clone(), salt, counter, table, former };
        let (now, before) = match rule.measure() {
            Measure::Requests { max, window } => {
                let (by, other) = if max <= log::CALLS_MAX { (by_log, by_sum) } else { (by_sum, by_log) };
                let former = tables.former(salt, by, window);
                let before =
                    former.map(|end| level(tables.requests(other, max, window, settings), Some(end)));
                (level(tables.requests(by, max, window, settings), None), before)
            }
            Measure::Tokens { max, window } => {
                let (number, table) = tables.sum(window, settings.sums_max);
                (level((number, Counter::Sum { table, max, weigh: Weigh::Tokens }), None), None)
            }
            Measure::Open { max } => {
                (level((0, Counter::Open { table: Arc::clone(&self.open), max }), None), None)
            }
        };
        std::iter::once(now).chain(before)
    }

    /// Whether a call would be refused already, by what is known of its subject: for an early and cheap refusal. Charges
    /// nothing. Rules whose subject is absent do not apply; a tokens rule refuses if not even one token is left.
    pub fn check(&self, now: Tick, plan: &Plan, subject: &Subject<'_>) -> Result<(), Denied> {
        let now = time::ms(now);
        let mut seats = seats(plan, self.subjects.hashes(subject), Unnamed::Wait, now);
        let refused = |seat: &mut Seat<'_>| {
            lock(seat).is_none_or(|mut guard| seat.wait(&mut guard, now, 1) != Wait::None)
        };
        if !seats.iter_mut().any(refused) {
            return Ok(());
        }
        let (mut seats, mut guards) = lock_all(seats);
        match denied(&mut seats, &mut guards, now, 1) {
            Some(denied) => Err(denied),
            None => Ok(()),
        }
    }

    /// Admits one call that is expected to use `tokens`, on every level, or refuses it and charges nothing. A `User` rule
    /// counts by key where no user is named; a rule whose subject is absent altogether does not apply.
    ///
    /// Fails with [`Denied::Journal`] if the admission cannot be recorded; it stays charged then.
    pub fn admit(
        &self,
        now: Now,
        plan: &Plan,
        subject: &Subject<'_>,
        tokens: u64,
    ) -> Result<Admission, Denied> {
        let at = time::ms(now.tick);
        let seats = seats(plan, self.subjects.hashes(subject), Unnamed::CountByKey, at);
        let (mut seats, mut guards) = lock_all(seats);
        touch(&seats, &guards);
        let admissible = seats.iter_mut().all(|seat| {
            let weight = seat.level.weight(tokens);
            guard(&mut guards, seat.guard).is_some_and(|guard| seat.wait(guard, at, weight) == Wait::None)
        });
        if !admissible && let Some(denied) = denied(&mut seats, &mut guards, at, tokens) {
            return Err(denied);
        }
        let mut admission = Admission {
            plan: plan.clone(),
            journal: self.journal.clone(),
            charges: SmallVec::new(),
            places: SmallVec::new(),
            at,
            reserved: tokens,
            extra: 0,
            standings: OnceLock::new(),
        };
        let head = Head { kind: Kind::Charge, at, wall_ms: now.wall.0 };
        let mut record = self.journal.is_some().then(|| Writer::<Small>::new(head));
        let mut counted_at = at;
        for seat in &seats {
            let Some(guard) = guard(&mut guards, seat.guard) else { continue };
            counted_at = counted_at.max(seat.charge(guard, at, tokens, &mut admission, record.as_mut()));
        }
        drop(guards);
        if let (Some(journal), Some(mut record)) = (&self.journal, record)
            && record.has_lines()
        {
            record.set_at(counted_at);
            journal.append(record.bytes()).map_err(Denied::Journal)?;
        }
        Ok(admission)
    }
}

impl Tables {
    /// Notes how a request rule is counted from now on; says until when it is counted in the other way too, if it is.
    fn former(&mut self, salt: u64, by: record::Counter, window: Duration) -> Option<Arc<Former>> {
        let crossed = match self.ways.get(&salt) {
            Some(way) if way.by == by => return way.former.clone(),
            Some(_) => true,
            None => self.restored && self.has_other(by, window),
        };
        let former = crossed.then(Arc::<Former>::default);
        self.ways.insert(salt, Way { by, former: former.clone() });
        former
    }

    /// Whether there is a table of this window that counts in the other way.
    fn has_other(&self, by: record::Counter, window: Duration) -> bool {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        match by {
            record::Counter::Log => self.sums.iter().any(|(_, table)| table.window_ms() == window_ms),
            record::Counter::Sum => self.logs.iter().any(|(_, table)| table.window_ms() == window_ms),
        }
    }

    /// Where a request rule is counted.
    fn requests(
        &mut self,
        by: record::Counter,
        max: u32,
        window: Duration,
        settings: &Settings,
    ) -> (u32, Counter) {
        match by {
            record::Counter::Log => {
                let (number, table) = self.log(window, settings.keys_max);
                (number, Counter::Log { table, max: max.min(log::CALLS_MAX) })
            }
            record::Counter::Sum => {
                let (number, table) = self.sum(window, settings.sums_max);
                (number, Counter::Sum { table, max: u64::from(max), weigh: Weigh::Call })
            }
        }
    }

    fn log(&mut self, window: Duration, keys_max: usize) -> (u32, Arc<log::Table>) {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        if let Some((number, table)) = self.logs.iter().find(|(_, table)| table.window_ms() == window_ms) {
            return (*number, Arc::clone(table));
        }
        self.made += 1;
        let table = Arc::new(log::Table::new(window, keys_max));
        self.logs.push((self.made, Arc::clone(&table)));
        (self.made, table)
    }

    fn sum(&mut self, window: Duration, keys_max: usize) -> (u32, Arc<sum::Table>) {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        if let Some((number, table)) = self.sums.iter().find(|(_, table)| table.window_ms() == window_ms) {
            return (*number, Arc::clone(table));
        }
        self.made += 1;
        let table = Arc::new(sum::Table::new(window, keys_max));
        self.sums.push((self.made, Arc::clone(&table)));
        (self.made, table)
    }
}

/// The levels that apply.
fn seats<'p>(plan: &'p Plan, mut subject: SubjectHashes<'_>, unnamed: Unnamed, now: Ms) -> Seats<'p> {
    let mut seats = Seats::new();
    for (number, level) in (0..).zip(plan.0.iter()) {
        let Some(hash) = subject.of(level.rule.per(), unnamed) else { continue };
        if level.is_over(now) {
            continue;
        }
        let id = level.id(hash);
        let step = match &level.counter {
            Counter::Log { table, .. } => table.step(now),
            Counter::Sum { .. } | Counter::Open { .. } => 0,
        };
        let lock_order = level.lock_order(id);
        seats.push(Seat { number, level, id, lock_order, guard: 0, step, place: log::Place::Nowhere });
    }
    seats
}

/// Locks the shards of all seats, each once, in an order common to all threads.
fn lock_all(mut seats: Seats<'_>) -> (Seats<'_>, Guards<'_>) {
    let mut guards = Guards::new();
    let mut last = None;
    seats.sort_unstable_by_key(|seat| seat.lock_order);
    for seat in &mut seats {
        if last != Some(seat.lock_order) {
            guards.extend(lock(seat));
            last = Some(seat.lock_order);
        }
        seat.guard = u16::try_from(guards.len().saturating_sub(1)).unwrap_or(u16::MAX);
    }
    (seats, guards)
}

fn lock<'p>(seat: &Seat<'p>) -> Option<Guard<'p>> {
    Some(match &seat.level.counter {
        Counter::Log { table, .. } => Guard::Log(table.shard(log::Table::shard_of(seat.id))?.lock()),
        Counter::Sum { table, .. } => Guard::Sum(table.shard(sum::Table::shard_of(seat.id))?.lock()),
        Counter::Open { table, .. } => Guard::Open(table.shard(open::Table::shard_of(seat.id))?.lock()),
    })
}

fn guard<'g, 'p>(guards: &'g mut Guards<'p>, number: u16) -> Option<&'g mut Guard<'p>> {
    guards.get_mut(usize::from(number))
}

/// Reads what the levels are going to decide on, so that the waits for memory overlap.
fn touch(seats: &Seats<'_>, guards: &Guards<'_>) {
    for seat in seats {
        if let Some(Guard::Log(shard)) = guards.get(usize::from(seat.guard)) {
            shard.touch(seat.id);
        }
    }
}

/// The refusal, if any level refuses: the level with the longest wait, and all standings.
fn denied(seats: &mut Seats<'_>, guards: &mut Guards<'_>, now: Ms, tokens: u64) -> Option<Denied> {
    let mut worst: Option<(u64, Standing)> = None;
    let mut standings = Vec::with_capacity(seats.len());
    for seat in seats {
        let guard = guard(guards, seat.guard)?;
        let (used, leaves_in_ms) = seat.used(guard, now);
        let standing = seat.level.standing(used, leaves_in_ms);
        let wait_ms = match seat.wait(guard, now, seat.level.weight(tokens)) {
            Wait::None => 0,
            Wait::Ms(ms) => ms,
            Wait::Forever => u64::MAX,
        };
        if wait_ms > worst.as_ref().map_or(0, |(most, _)| *most) {
            worst = Some((wait_ms, standing.clone()));
        }
        if seat.level.former.is_none() {
            standings.push((seat.number, standing));
        }
    }
    standings.sort_unstable_by_key(|(number, _)| *number);
    let standings = standings.into_iter().map(|(_, standing)| standing).collect();
    let (wait_ms, violated) = worst?;
    Some(Denied::Over { violated, retry_ms: (wait_ms != u64::MAX).then_some(wait_ms), standings })
}

impl Level {
    /// What a call of `tokens` weighs here.
    fn weight(&self, tokens: u64) -> u64 {
        match &self.counter {
            Counter::Sum { weigh, .. } => weigh.weight(tokens),
            Counter::Log { .. } | Counter::Open { .. } => 1,
        }
    }
}

impl Seat<'_> {
    /// How long `weight` more has to wait. Remembers where the log was found.
    #[inline]
    fn wait(&mut self, guard: &mut Guard<'_>, now: Ms, weight: u64) -> Wait {
        match (&self.level.counter, guard) {
            (Counter::Log { table, max }, Guard::Log(shard)) => {
                let (steps, place) = shard.wait(self.id, self.step, *max);
                self.place = place;
                if steps == 0 { Wait::None } else { Wait::Ms(table.until(now, self.step, steps)) }
            }
            (Counter::Sum { max, .. }, Guard::Sum(shard)) => shard.wait(self.id, now, *max, weight),
            (Counter::Open { max, .. }, Guard::Open(shard)) if shard.has_place(self.id, *max) => Wait::None,
            // Open calls without a place; or a guard of another kind, which `lock` does not make.
            _ => Wait::Forever,
        }
    }

    /// What is used, and the milliseconds until some of it leaves.
    fn used(&self, guard: &mut Guard<'_>, now: Ms) -> (u64, u64) {
        match (&self.level.counter, guard) {
            (Counter::Log { table, .. }, Guard::Log(shard)) => {
                let count = shard.count(self.id, self.step);
                (u64::from(count.used), table.until(now, self.step, count.leaves_in))
            }
            (Counter::Sum { .. }, Guard::Sum(shard)) => {
                let total = shard.total(self.id, now);
                (total.used, total.leaves_in_ms)
            }
            (Counter::Open { .. }, Guard::Open(shard)) => (u64::from(shard.taken(self.id)), 0),
            _ => (u64::MAX, 0),
        }
    }

    /// Charges the level and notes it; returns the moment it was charged at.
    fn charge(
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
        let (used, leaves_in_ms) = match (&self.level.counter, guard) {
            (Counter::Log { table, .. }, Guard::Log(shard)) => {
                let counted = shard.charge(id, self.step, self.place);
                at = at.max(counted.at * table.unit_ms());
                note(record::Counter::Log, table.window_ms(), shard.seq, 1);
                (u64::from(counted.count.used), table.until(now, self.step, counted.count.leaves_in))
            }
            (Counter::Sum { table, weigh, .. }, Guard::Sum(shard)) => {
                let weight = weigh.weight(tokens);
                let total = shard.charge(id, now, weight);
                note(record::Counter::Sum, table.window_ms(), shard.seq, weight);
                (total.used, total.leaves_in_ms)
            }
            (Counter::Open { table, .. }, Guard::Open(shard)) => {
                let taken = shard.take(id);
                admission.places.push(Place::new(Arc::clone(table), id));
                (u64::from(taken), 0)
            }
            _ => return now,
        };
        if self.level.former.is_none() {
            admission.charges.push(Charge { level: self.number, id, used, leaves_in_ms });
        }
        self.level.begin_end(now);
        at
    }
}
