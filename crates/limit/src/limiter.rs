//! The limiter: plans and decisions.

use std::sync::Arc;
use std::time::Duration;

use botwarden_types::{Now, Tick};
use smallvec::SmallVec;

use crate::admission::Admission;
use crate::decision::{self, Decision};
use crate::hash::HashKey;
use crate::journal::Journal;
use crate::plan::{Level, Plan};
use crate::record::{Head, Kind, Small, Writer};
use crate::rule::Rule;
use crate::seat::{Role, Seat};
use crate::standing::Denied;
use crate::subject::{Subject, SubjectKeys, Unnamed};
use crate::sum::Wait;
use crate::sync::Mutex;
use crate::tables::Tables;
use crate::{log, sum, time};

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
    subjects: SubjectKeys,
    rules: HashKey,
    tables: Mutex<Tables>,
    journal: Option<Arc<dyn Journal>>,
}

impl Limiter {
    /// A limiter that remembers nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            subjects: SubjectKeys::new(&settings.hash_key),
            rules: HashKey::of_secret(&settings.hash_key, 1),
            tables: Mutex::new(Tables::new(&settings)),
            journal: None,
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
        Plan(kept.into_iter().map(|rule| self.level(scope, rule)).collect())
    }

    /// Tells whether two limiters hash under the same secret.
    pub(crate) fn key_check(&self) -> u64 {
        self.rules.hash(b"key check")
    }

    pub(crate) fn logs(&self) -> Vec<Arc<log::Table>> {
        self.tables.lock().logs()
    }

    pub(crate) fn sums(&self) -> Vec<Arc<sum::Table>> {
        self.tables.lock().sums()
    }

    /// The table of this window length, made if need be.
    pub(crate) fn log_of(&self, window_ms: u64) -> Arc<log::Table> {
        self.tables.lock().log(Duration::from_millis(window_ms)).1
    }

    /// The table of this window length, made if need be.
    pub(crate) fn sum_of(&self, window_ms: u64) -> Arc<sum::Table> {
        self.tables.lock().sum(Duration::from_millis(window_ms)).1
    }

    /// Notes that decisions of an earlier process are counted.
    pub(crate) fn note_restored(&self) {
        self.tables.lock().note_restored();
    }

    fn level(&self, scope: &str, rule: &Rule) -> Level {
        // A name holds no `/`, so that no two pairs of scope and rule read the same.
        let salt = self.rules.hash(format!("{}/{scope}", rule.name()).as_bytes());
        self.tables.lock().level(rule, salt)
    }

    /// Whether a call would be refused already, by what is known of its subject: for an early and cheap refusal. Charges
    /// nothing. Rules whose subject is absent do not apply; a tokens rule refuses if not even one token is left.
    pub fn check(&self, now: Tick, plan: &Plan, subject: &Subject<'_>) -> Result<(), Denied> {
        let now = time::ms(now);
        let mut hashes = self.subjects.hashes(subject);
        let mut seats = decision::seats(plan, &mut hashes, Unnamed::Wait, now);
        // One lock after the other suffices to see that nobody refuses, unless a level counts in two ways.
        let mut may_pass = |seat: &mut Seat<'_>| {
            seat.role == Role::InForce
                && seat.lock().is_some_and(|mut guard| seat.wait(&mut guard, now, 1) == Wait::None)
        };
        if seats.iter_mut().all(&mut may_pass) {
            return Ok(());
        }
        match Decision::begin(plan, &mut hashes, Unnamed::Wait, now).refusal(1) {
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
        let mut hashes = self.subjects.hashes(subject);
        let mut decision = Decision::begin(plan, &mut hashes, Unnamed::CountByKey, at);
        if !decision.has_room(tokens)
            && let Some(denied) = decision.refusal(tokens)
        {
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
        };
        let head = Head { kind: Kind::Charge, at, wall_ms: now.wall.0 };
        let mut record = self.journal.is_some().then(|| Writer::<Small>::new(head));
        let counted_at = decision.charge(tokens, &mut admission, record.as_mut());
        admission.charges.sort_unstable_by_key(|charge| charge.level);
        if let (Some(journal), Some(mut record)) = (&self.journal, record)
            && record.has_lines()
        {
            record.set_at(counted_at);
            journal.append(record.bytes()).map_err(Denied::Journal)?;
        }
        Ok(admission)
    }
}
