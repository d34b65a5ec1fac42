//! One shard of a table.

use std::collections::{HashMap, VecDeque};

use super::{Count, Step};

/// Logs by id.
pub(crate) struct Shard {
    window: Step,
    logs: HashMap<u64, VecDeque<Step>>,
    /// Charges made, ever: orders the records of this shard.
    pub(crate) seq: u64,
}

impl Shard {
    pub(crate) fn new(window: Step, _keys_max: usize) -> Self {
        Self { window, logs: HashMap::new(), seq: 0 }
    }

    /// Steps until one more call would be within `max`; 0 if it is now. Changes nothing that counts.
    pub(crate) fn wait(&mut self, id: u64, now: Step, max: u32) -> Step {
        let Some(log) = self.logs.get(&id) else { return 0 };
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let Some(oldest) = log.len().checked_sub(max).and_then(|at| log.get(at)) else { return 0 };
        (oldest + self.window + 1).saturating_sub(now)
    }

    /// Counts one call.
    pub(crate) fn charge(&mut self, id: u64, now: Step) -> Count {
        self.seq += 1;
        let log = self.logs.entry(id).or_default();
        let now = log.back().map_or(now, |last| now.max(*last));
        while log.front().is_some_and(|oldest| now - oldest > self.window) {
            log.pop_front();
        }
        log.push_back(now);
        self.count(id, now)
    }

    /// How `id` stands.
    pub(crate) fn count(&mut self, id: u64, now: Step) -> Count {
        let Some(log) = self.logs.get(&id) else { return Count { used: 0, leaves_in: 0 } };
        let mut live = log.iter().skip_while(|call| now.saturating_sub(**call) > self.window).peekable();
        let leaves_in = live.peek().map_or(0, |oldest| (*oldest + self.window + 1).saturating_sub(now));
        Count { used: u32::try_from(live.count()).unwrap_or(u32::MAX), leaves_in }
    }
}
