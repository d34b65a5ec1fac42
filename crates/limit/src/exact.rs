//! One request rule by itself, without hierarchy, journal or words.

use std::time::Duration;

use botwarden_types::Tick;

use crate::hash::HashKey;
use crate::log::{CALLS_MAX, Table};
use crate::time;

/// At most `max` calls of each key in any span of a window, exactly. What [`crate::Limiter`] is made of, and what to
/// compare with other limiters.
pub struct ExactLog {
    table: Table,
    key: HashKey,
    max: u32,
}

impl ExactLog {
    /// A limit of `max` calls (1 to 1000; beyond is taken as the nearest) for each of at least `keys_max` keys.
    pub fn new(max: u32, window: Duration, keys_max: usize, hash_key: &[u8; 32]) -> Self {
        let key = HashKey::of_secret(hash_key, 0).derive(b"exact");
        Self { table: Table::new(window, keys_max), key, max: max.clamp(1, CALLS_MAX) }
    }

    /// Admits a call of `key`, or says how many milliseconds it has to wait.
    pub fn admit(&self, now: Tick, key: &[u8]) -> Result<(), u64> {
        self.admit_hash(now, self.key.hash(key))
    }

    /// Admits a call of a numbered key.
    #[inline(always)]
    pub fn admit_number(&self, now: Tick, key: u64) -> Result<(), u64> {
        self.admit_hash(now, self.key.hash_number(key))
    }

    #[inline(always)]
    fn admit_hash(&self, now: Tick, id: u64) -> Result<(), u64> {
        let now = time::ms(now);
        let Some(shard) = self.table.shard(Table::shard_of(id)) else { return Err(u64::MAX) };
        let step = self.table.step(now);
        match shard.lock().admit(id, step, self.max) {
            0 => Ok(()),
            steps => Err(self.table.until(now, step, steps)),
        }
    }

    /// Bytes taken from the allocator.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }
}
