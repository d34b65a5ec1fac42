//! What the hot path reads: all keys as one snapshot, live sessions in shards.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use botwarden_crypto::Digest;
use botwarden_types::{BotName, KeyId, SessionId, UnixMs};
use parking_lot::{Mutex, RwLock};

use crate::principal::Standing;
use crate::rights::Rights;
use crate::session::Session;
use crate::store::KeySet;

/// Takes the first eight bytes of a [`Digest`] as they are: they are keyed, so nobody outside can choose them, and uniform.
#[derive(Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, bucket: u64) {
        self.0 = bucket;
    }

    /// Not reached: a digest hashes by `write_u64` alone. Correct all the same, only slow.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

type ByDigest<T> = HashMap<Digest, T, BuildHasherDefault<AsIs>>;

/// A key, ready to become a principal.
pub(crate) struct KeyEntry {
    pub(crate) id: KeyId,
    pub(crate) bot: BotName,
    pub(crate) rights: Rights,
    pub(crate) expires: Option<UnixMs>,
    pub(crate) standing: Arc<Standing>,
}

/// All keys of one generation. Never changed; replaced as a whole.
#[derive(Default)]
pub(crate) struct KeyTable {
    pub(crate) generation: u64,
    by_hash: ByDigest<Arc<KeyEntry>>,
    by_id: HashMap<KeyId, Arc<KeyEntry>>,
}

impl KeyTable {
    /// The table for `set`. Keys that `before` knew keep their standing, so that whoever holds it hears of a revocation; those that
    /// are revoked or gone lose it.
    pub(crate) fn replacing(before: &KeyTable, set: KeySet) -> Self {
        let mut table = KeyTable { generation: set.generation, ..KeyTable::default() };
        for key in set.keys {
            let record = key.record;
            let known = before.by_id.get(&record.id);
            let standing = known.map(|entry| Arc::clone(&entry.standing)).unwrap_or_default();
            if record.revoked.is_some() {
                standing.end();
            }
            let (id, bot, rights, expires) = (record.id, record.bot, record.rights, record.expires);
            let entry = Arc::new(KeyEntry { id: id.clone(), bot, rights, expires, standing });
            table.by_hash.insert(key.hash, Arc::clone(&entry));
            table.by_id.insert(id, entry);
        }
        for (id, entry) in &before.by_id {
            if !table.by_id.contains_key(id) {
                entry.standing.end();
            }
        }
        table
    }

    pub(crate) fn find(&self, hash: &Digest) -> Option<&KeyEntry> {
        self.by_hash.get(hash).map(Arc::as_ref)
    }

    pub(crate) fn named(&self, id: &KeyId) -> Option<&KeyEntry> {
        self.by_id.get(id).map(Arc::as_ref)
    }
}

/// Shards of the session table: enough that the cores of a large machine seldom meet.
const SHARDS: usize = 64;
/// What a session takes beside its texts, about: two table entries, two ids, the struct.
const SESSION_BYTES: usize = 512;

/// Why there is no room for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The bot has as many as it may.
    Sessions,
    /// All sessions together take as much memory as they may.
    Bytes,
}

/// What the bounds are kept by.
#[derive(Default)]
struct Ledger {
    hashes: HashMap<SessionId, Digest>,
    per_bot: HashMap<BotName, usize>,
    bytes: usize,
}

impl Ledger {
    fn release(&mut self, bot: &BotName, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(count) = self.per_bot.get_mut(bot) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.per_bot.remove(bot);
            }
        }
    }
}

/// Live sessions by the hash of their token. Lock order: ledger, then a shard.
pub(crate) struct SessionTable {
    shards: Box<[RwLock<ByDigest<Arc<Session>>>]>,
    ledger: Mutex<Ledger>,
}

impl Default for SessionTable {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), ledger: Mutex::default() }
    }
}

impl SessionTable {
    /// Bits 32 to 37 choose the shard: apart from those by which the map inside tells entries apart (the low ones and the top seven).
    fn shard(&self, hash: &Digest) -> Option<&RwLock<ByDigest<Arc<Session>>>> {
        let at = usize::try_from(hash.bucket() >> 32).unwrap_or(0) % SHARDS;
        self.shards.get(at)
    }

    /// The session whose token has this hash.
    pub(crate) fn find(&self, hash: &Digest) -> Option<Arc<Session>> {
        self.shard(hash)?.read().get(hash).cloned()
    }

    /// Makes room for a session of `bot` with `texts` bytes of user and claims. The room is given back unless filled.
    pub(crate) fn reserve(
        &self,
        bot: &BotName,
        texts: usize,
        per_bot_max: usize,
        bytes_max: usize,
    ) -> Result<Room<'_>, NoRoom> {
        let bytes = SESSION_BYTES + texts;
        let mut ledger = self.ledger.lock();
        if ledger.per_bot.get(bot).copied().unwrap_or(0) >= per_bot_max {
            return Err(NoRoom::Sessions);
        }
        if ledger.bytes.saturating_add(bytes) > bytes_max {
            return Err(NoRoom::Bytes);
        }
        ledger.bytes += bytes;
        *ledger.per_bot.entry(bot.clone()).or_insert(0) += 1;
        Ok(Room { table: self, bot: bot.clone(), bytes, filled: false })
    }

    /// Forgets `bot`'s session `id`, if it is here; its standing ends first.
    pub(crate) fn end(&self, bot: &BotName, id: &SessionId) {
        let mut ledger = self.ledger.lock();
        let Some(hash) = ledger.hashes.get(id).copied() else { return };
        let Some(shard) = self.shard(&hash) else { return };
        let mut sessions = shard.write();
        if sessions.get(&hash).is_none_or(|session| session.bot != *bot) {
            return;
        }
        if let Some(session) = sessions.remove(&hash) {
            session.standing.end();
            ledger.hashes.remove(id);
            ledger.release(bot, session_bytes(&session));
        }
    }

    /// Those that are here now.
    pub(crate) fn ids(&self) -> Vec<SessionId> {
        self.ledger.lock().hashes.keys().cloned().collect()
    }

    /// The bot of a session that is here.
    pub(crate) fn bot_of(&self, id: &SessionId) -> Option<BotName> {
        let hash = self.ledger.lock().hashes.get(id).copied()?;
        Some(self.find(&hash)?.bot.clone())
    }

    /// Forgets sessions that have expired, or whose key no longer stands. How many it were.
    pub(crate) fn sweep(&self, now: UnixMs) -> usize {
        let mut gone = Vec::new();
        for shard in &self.shards {
            shard.write().retain(|_, session| {
                let stays = session.expires > now && !session.key_standing.is_over();
                if !stays {
                    gone.push(Arc::clone(session));
                }
                stays
            });
        }
        let mut ledger = self.ledger.lock();
        for session in &gone {
            ledger.hashes.remove(&session.id);
            ledger.release(&session.bot, session_bytes(session));
        }
        gone.len()
    }
}

fn session_bytes(session: &Session) -> usize {
    SESSION_BYTES + session.texts_bytes
}

/// Room for one session.
pub(crate) struct Room<'a> {
    table: &'a SessionTable,
    bot: BotName,
    bytes: usize,
    filled: bool,
}

impl Room<'_> {
    /// Puts the session there, unless it is there already: whoever opens it and whoever is told of it may come at once.
    pub(crate) fn fill(mut self, hash: Digest, session: Arc<Session>) {
        let mut ledger = self.table.ledger.lock();
        if ledger.hashes.contains_key(&session.id) {
            return;
        }
        if let Some(shard) = self.table.shard(&hash) {
            ledger.hashes.insert(session.id.clone(), hash);
            shard.write().insert(hash, session);
            self.filled = true;
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if !self.filled {
            self.table.ledger.lock().release(&self.bot, self.bytes);
        }
    }
}
