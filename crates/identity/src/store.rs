//! The ports behind which keys and sessions are kept. Each verb is one transaction: all of it happened when it returns, or none.
//!
//! Whoever implements them seals user names, claims, labels and turns; hashes, ids, times, bots and rights may lie in the clear.

use std::error::Error;
use std::pin::Pin;

use botwarden_crypto::Digest;
use botwarden_types::{BotName, KeyId, SessionId, UnixMs, UserName};

use crate::claims::Claims;
use crate::rights::Rights;
use crate::turn::Turn;

/// A future that a port returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store could not do what was asked. Nothing was acknowledged; whether it happened is not known.
#[derive(Debug, thiserror::Error)]
#[error("{operation}")]
pub struct StoreError {
    operation: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// `operation` says in words what was being done: `reading the keys`.
    pub fn new(operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { operation, source: source.into() }
    }
}

/// What is known of a key; not the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its name; not secret.
    pub id: KeyId,
    /// The bot it belongs to.
    pub bot: BotName,
    /// What it may do.
    pub rights: Rights,
    /// The operator's words for it.
    pub label: Option<String>,
    /// When it was issued.
    pub created: UnixMs,
    /// From when on it is refused.
    pub expires: Option<UnixMs>,
    /// When it was revoked.
    pub revoked: Option<UnixMs>,
}

/// A key as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// What is known of it.
    pub record: KeyRecord,
    /// Keyed hash of the key.
    pub hash: Digest,
}

/// All keys at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    /// Grows with every change to a key.
    pub generation: u64,
    /// The keys, oldest first, expired and revoked ones included.
    pub keys: Vec<StoredKey>,
}

/// Whether a key was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It was.
    Yes,
    /// The store is full.
    Full,
}

/// Keeps keys.
pub trait KeyStore: Send + Sync + 'static {
    /// Keeps a new key unless `max` are kept already.
    fn issue_key<'a>(&'a self, key: &'a StoredKey, max: usize) -> BoxFuture<'a, Result<Kept, StoreError>>;

    /// All keys and the generation they are of, read at one instant. A key whose record was tampered with is left out, and so refused.
    fn list_keys(&self) -> BoxFuture<'_, Result<KeySet, StoreError>>;

    /// Revokes a key for good and ends the sessions it opened. An earlier revocation keeps its time. `None`: no such key.
    fn revoke_key<'a>(
        &'a self,
        id: &'a KeyId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Option<KeyRecord>, StoreError>>;

    /// The present generation; as cheap as can be, it is asked every second.
    fn key_generation(&self) -> BoxFuture<'_, Result<u64, StoreError>>;
}

/// A session as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Its name.
    pub id: SessionId,
    /// Keyed hash of its token.
    pub hash: Digest,
    /// The bot of the key that opened it.
    pub bot: BotName,
    /// The key that opened it.
    pub key: KeyId,
    /// The person served. Sealed.
    pub user: UserName,
    /// What is vouched for about them. Sealed.
    pub claims: Claims,
    /// When it was opened.
    pub created: UnixMs,
    /// From when on its token is refused.
    pub expires: UnixMs,
}

/// Whether a session was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was.
    Yes,
    /// Its key has been revoked, or does not exist.
    KeyGone,
}

/// What became of a wish to end a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOutcome {
    /// It ended now.
    Now,
    /// It had ended, or expired, before.
    Before,
    /// That bot has no such session.
    NotFound,
}

/// A turn to keep.
#[derive(Clone, Debug)]
pub struct NewTurn<'a> {
    /// A fresh name for it.
    pub id: String,
    /// The session it belongs to…
    pub session: &'a SessionId,
    /// …and the bot that session must be of.
    pub bot: &'a BotName,
    /// Blind index of the idempotency key. A store keeps it, and the next, so that nobody can compare them with a guess once the person was erased.
    pub idempotency: Digest,
    /// Blind index of the turn.
    pub body: Digest,
    /// What was said. Sealed.
    pub turn: &'a Turn,
    /// When it was posted.
    pub created: UnixMs,
    /// How many turns a session may have.
    pub turns_max: usize,
}

/// What became of a turn. The cases are tried in the order of this list, [`Appended::Kept`] last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// That bot has no such session.
    NotFound,
    /// The session has ended or expired.
    Ended,
    /// The same posting was kept before, under this name.
    Replayed(String),
    /// The idempotency key was used for another turn.
    Conflict,
    /// The session is full.
    TooMany,
    /// It is kept.
    Kept,
}

/// A turn as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTurn {
    /// Its name.
    pub id: String,
    /// What was said.
    pub turn: Turn,
    /// When it was posted.
    pub created: UnixMs,
}

/// Keeps sessions and their turns.
pub trait SessionStore: Send + Sync + 'static {
    /// Keeps a new session, if its key is not revoked.
    fn insert_session<'a>(
        &'a self,
        session: &'a StoredSession,
    ) -> BoxFuture<'a, Result<Inserted, StoreError>>;

    /// All sessions that have neither ended nor expired. One whose record was tampered with is left out, and so refused.
    fn live_sessions(&self, now: UnixMs) -> BoxFuture<'_, Result<Vec<StoredSession>, StoreError>>;

    /// The session `id`, if it has neither ended nor expired, nor was tampered with.
    fn live_session<'a>(
        &'a self,
        id: &'a SessionId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Option<StoredSession>, StoreError>>;

    /// Ends `bot`'s session `id`.
    fn end_session<'a>(
        &'a self,
        bot: &'a BotName,
        id: &'a SessionId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<EndOutcome, StoreError>>;

    /// Keeps a turn, once per idempotency key.
    fn append_turn<'a>(&'a self, turn: NewTurn<'a>) -> BoxFuture<'a, Result<Appended, StoreError>>;

    /// The turns of `bot`'s session, oldest first; none if there is no such session.
    fn turns<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
    ) -> BoxFuture<'a, Result<Vec<KeptTurn>, StoreError>>;

    /// Deletes up to `max` sessions that have expired, with their turns. How many it were.
    fn purge_expired(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<usize, StoreError>>;
}
