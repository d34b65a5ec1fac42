//! The tables of a limiter, and which of them count a rule.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::limiter::Settings;
use crate::plan::{Counter, Former, Level, Way, Weigh};
use crate::rule::{Measure, Rule};
use crate::{log, open, sum};

/// All tables, for plans to come. Window lengths are few: they come from the configuration.
pub(crate) struct Tables {
    keys_max: usize,
    sums_max: usize,
    open: Arc<open::Table>,
    made: u32,
    logs: Vec<(u32, Arc<log::Table>)>,
    sums: Vec<(u32, Arc<sum::Table>)>,
    /// Each request rule as the last plan that had it has it, by its salt.
    last: HashMap<u64, Level>,
    /// Whether decisions of an earlier process are counted, whose rules are not known.
    restored: bool,
}

impl Tables {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            keys_max: settings.keys_max,
            sums_max: settings.sums_max,
            open: Arc::new(open::Table::new(settings.open_max)),
            made: 0,
            logs: Vec::new(),
            sums: Vec::new(),
            last: HashMap::new(),
            restored: false,
        }
    }

    /// Notes that decisions of an earlier process are counted.
    pub(crate) fn note_restored(&mut self) {
        self.restored = true;
    }

    pub(crate) fn logs(&self) -> Vec<Arc<log::Table>> {
        self.logs.iter().map(|(_, table)| Arc::clone(table)).collect()
    }

    pub(crate) fn sums(&self) -> Vec<Arc<sum::Table>> {
        self.sums.iter().map(|(_, table)| Arc::clone(table)).collect()
    }

    /// The level of a rule in a new plan.
    pub(crate) fn level(&mut self, rule: &Rule, salt: u64) -> Level {
        let measure = rule.measure();
        let way = match measure {
            Measure::Requests { max, window } if max <= log::CALLS_MAX => {
                let (table, log) = self.log(window);
                Way { counter: Counter::Log { table: log }, table }
            }
            Measure::Requests { window, .. } => self.sum_way(window, Weigh::Call),
            Measure::Tokens { window, .. } => self.sum_way(window, Weigh::Tokens),
            Measure::Open { .. } => {
                Way { counter: Counter::Open { table: Arc::clone(&self.open) }, table: 0 }
            }
        };
        let level =
            Level { rule: rule.clone(), max: measure.max(), salt, way, former: None, next: Arc::default() };
        match measure {
            Measure::Requests { window, .. } => self.follow(level, window),
            Measure::Tokens { .. } | Measure::Open { .. } => level,
        }
    }

    /// Lets a request rule go on from where it was counted before.
    fn follow(&mut self, mut level: Level, window: Duration) -> Level {
        match self.last.get(&level.salt) {
            Some(last) if last.way.table == level.way.table => {
                level.former.clone_from(&last.former);
                level.next = Arc::clone(&last.next);
            }
            Some(last) => level.former = Some(Former::new(last.way.clone())),
            None if self.restored => level.former = self.other_way(&level.way, window).map(Former::new),
            None => {}
        }
        let last = self.last.insert(level.salt, level.clone());
        if let Some(last) = last
            && last.way.table != level.way.table
        {
            // It was the last one until now, so that nothing follows it yet.
            let _ = last.next.set(level.clone());
        }
        level
    }

    /// The other way to count calls, if there is a table for it.
    fn other_way(&self, way: &Way, window: Duration) -> Option<Way> {
        let window_ms = millis(window);
        match way.counter {
            Counter::Log { .. } => {
                let (table, sum) = self.sums.iter().find(|(_, table)| table.window_ms() == window_ms)?;
                let counter = Counter::Sum { table: Arc::clone(sum), weigh: Weigh::Call };
                Some(Way { counter, table: *table })
            }
            Counter::Sum { .. } => {
                let (table, log) = self.logs.iter().find(|(_, table)| table.window_ms() == window_ms)?;
                Some(Way { counter: Counter::Log { table: Arc::clone(log) }, table: *table })
            }
            Counter::Open { .. } => None,
        }
    }

    fn sum_way(&mut self, window: Duration, weigh: Weigh) -> Way {
        let (table, sum) = self.sum(window);
        Way { counter: Counter::Sum { table: sum, weigh }, table }
    }

    /// The table of this window length and its number, made if need be.
    pub(crate) fn log(&mut self, window: Duration) -> (u32, Arc<log::Table>) {
        let window_ms = millis(window);
        if let Some((number, table)) = self.logs.iter().find(|(_, table)| table.window_ms() == window_ms) {
            return (*number, Arc::clone(table));
        }
        self.made += 1;
        let table = Arc::new(log::Table::new(window, self.keys_max));
        self.logs.push((self.made, Arc::clone(&table)));
        (self.made, table)
    }

    /// The table of this window length and its number, made if need be.
    pub(crate) fn sum(&mut self, window: Duration) -> (u32, Arc<sum::Table>) {
        let window_ms = millis(window);
        if let Some((number, table)) = self.sums.iter().find(|(_, table)| table.window_ms() == window_ms) {
            return (*number, Arc::clone(table));
        }
        self.made += 1;
        let table = Arc::new(sum::Table::new(window, self.sums_max));
        self.sums.push((self.made, Arc::clone(&table)));
        (self.made, table)
    }
}

fn millis(window: Duration) -> u64 {
    u64::try_from(window.as_millis()).unwrap_or(u64::MAX)
}
