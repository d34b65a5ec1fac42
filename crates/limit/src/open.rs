//! Calls that have not ended.

use std::collections::HashMap;
use std::sync::Arc;

use crate::sync::Mutex;

/// Shards of the table, each under its own lock.
pub(crate) const SHARDS: usize = 64;

/// Open calls of everyone that has any. One exists for each open call at most, so that the table cannot outgrow the
/// connections; a bound of its own guards against a mistake there.
pub(crate) struct Table {
    shards: Box<[Mutex<Shard>]>,
}

/// Open calls by id.
pub(crate) struct Shard {
    subjects_max: usize,
    open: HashMap<u64, u32>,
}

impl Table {
    pub(crate) fn new(subjects_max: usize) -> Self {
        let subjects_max = subjects_max.div_ceil(SHARDS).max(1);
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard { subjects_max, open: HashMap::new() })).collect(),
        }
    }

    /// The number of the shard that holds `id`: its six highest bits.
    pub(crate) fn shard_of(id: u64) -> u8 {
        id.to_be_bytes()[0] >> 2
    }

    pub(crate) fn shard(&self, number: u8) -> Option<&Mutex<Shard>> {
        self.shards.get(usize::from(number))
    }
}

impl Shard {
    /// Whether one more is within `max`. A full shard has no place for a newcomer.
    pub(crate) fn has_place(&self, id: u64, max: u64) -> bool {
        match self.open.get(&id) {
            Some(open) => u64::from(*open) < max,
            None => self.open.len() < self.subjects_max,
        }
    }

    /// Takes a place; returns how many are taken.
    pub(crate) fn take(&mut self, id: u64) -> u32 {
        let open = self.open.entry(id).or_insert(0);
        *open = open.saturating_add(1);
        *open
    }

    /// How many places are taken.
    pub(crate) fn taken(&self, id: u64) -> u32 {
        self.open.get(&id).copied().unwrap_or(0)
    }

    fn give_back(&mut self, id: u64) {
        if let Some(open) = self.open.get_mut(&id) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.open.remove(&id);
            }
        }
    }
}

/// A place taken; dropping it gives it back.
pub(crate) struct Place {
    table: Arc<Table>,
    id: u64,
}

impl Place {
    /// The place that [`Shard::take`] took.
    pub(crate) fn new(table: Arc<Table>, id: u64) -> Self {
        Self { table, id }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shard) = self.table.shard(Table::shard_of(self.id)) {
            shard.lock().give_back(self.id);
        }
    }
}
