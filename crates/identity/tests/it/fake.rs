//! A store in memory that can be made to fail or to hang.

use std::sync::atomic::{AtomicBool, Ordering};

use botwarden_identity::{
    Appended, BoxFuture, EndOutcome, Inserted, Kept, KeptTurn, KeyRecord, KeySet, KeyStore, NewTurn,
    SessionStore, StoreError, StoredKey, StoredSession,
};
use botwarden_types::{BotName, KeyId, SessionId, UnixMs};
use parking_lot::Mutex;

/// The whole state of a [`Fake`].
#[derive(Default)]
pub(crate) struct State {
    /// What a change to a key raises.
    pub(crate) generation: u64,
    /// The keys.
    pub(crate) keys: Vec<StoredKey>,
    /// The sessions, and whether they were ended.
    pub(crate) sessions: Vec<(StoredSession, bool)>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Fake {
    /// What it holds.
    pub(crate) state: Mutex<State>,
    /// Every verb fails.
    pub(crate) fails: AtomicBool,
    /// Every verb does its work and then never returns.
    pub(crate) hangs: AtomicBool,
    /// The next verb does its work, and returns when it is looked at again.
    pub(crate) dawdles: AtomicBool,
}

impl Fake {
    fn run<'a, T: Send + 'a>(
        &'a self,
        verb: impl FnOnce(&mut State) -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move {
            if self.fails.load(Ordering::SeqCst) {
                return Err(StoreError::new("pretending", "told to fail"));
            }
            let done = verb(&mut self.state.lock());
            let mut dawdles = self.dawdles.swap(false, Ordering::SeqCst);
            std::future::poll_fn(|_| match std::mem::take(&mut dawdles) {
                true => std::task::Poll::Pending,
                false => std::task::Poll::Ready(()),
            })
            .await;
            if self.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            Ok(done)
        })
    }
}

impl KeyStore for Fake {
    fn issue_key<'a>(&'a self, key: &'a StoredKey, max: usize) -> BoxFuture<'a, Result<Kept, StoreError>> {
        self.run(move |state| {
            if state.keys.len() >= max {
                return Kept::Full;
            }
            state.generation += 1;
            state.keys.push(key.clone());
            Kept::Yes
        })
    }

    fn list_keys(&self) -> BoxFuture<'_, Result<KeySet, StoreError>> {
        self.run(|state| KeySet { generation: state.generation, keys: state.keys.clone() })
    }

    fn revoke_key<'a>(
        &'a self,
        id: &'a KeyId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Option<KeyRecord>, StoreError>> {
        self.run(move |state| {
            let key = state.keys.iter_mut().find(|key| key.record.id == *id)?;
            key.record.revoked.get_or_insert(now);
            state.generation += 1;
            Some(key.record.clone())
        })
    }

    fn key_generation(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.run(|state| state.generation)
    }
}

impl SessionStore for Fake {
    fn insert_session<'a>(
        &'a self,
        session: &'a StoredSession,
    ) -> BoxFuture<'a, Result<Inserted, StoreError>> {
        self.run(move |state| {
            let key = state.keys.iter().find(|key| key.record.id == session.key);
            if key.is_none_or(|key| key.record.revoked.is_some()) {
                return Inserted::KeyGone;
            }
            state.sessions.push((session.clone(), false));
            Inserted::Yes
        })
    }

    fn live_sessions(&self, now: UnixMs) -> BoxFuture<'_, Result<Vec<StoredSession>, StoreError>> {
        self.run(move |state| {
            let live = state.sessions.iter().filter(|(session, ended)| !ended && session.expires > now);
            live.map(|(session, _)| session.clone()).collect()
        })
    }

    fn live_session<'a>(
        &'a self,
        id: &'a SessionId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Option<StoredSession>, StoreError>> {
        self.run(move |state| {
            let mut live = state.sessions.iter().filter(|(session, ended)| !ended && session.expires > now);
            live.find(|(session, _)| session.id == *id).map(|(session, _)| session.clone())
        })
    }

    fn end_session<'a>(
        &'a self,
        bot: &'a BotName,
        id: &'a SessionId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<EndOutcome, StoreError>> {
        self.run(move |state| {
            let found =
                state.sessions.iter_mut().find(|(session, _)| session.id == *id && session.bot == *bot);
            match found {
                None => EndOutcome::NotFound,
                Some((session, ended)) if *ended || session.expires <= now => EndOutcome::Before,
                Some((_, ended)) => {
                    *ended = true;
                    EndOutcome::Now
                }
            }
        })
    }

    /// Keeps nothing: the store's own suite covers turns.
    fn append_turn<'a>(&'a self, turn: NewTurn<'a>) -> BoxFuture<'a, Result<Appended, StoreError>> {
        self.run(move |state| {
            let known = state
                .sessions
                .iter()
                .any(|(session, _)| session.id == *turn.session && session.bot == *turn.bot);
            if known { Appended::Kept } else { Appended::NotFound }
        })
    }

    fn turns<'a>(
        &'a self,
        _: &'a BotName,
        _: &'a SessionId,
    ) -> BoxFuture<'a, Result<Vec<KeptTurn>, StoreError>> {
        self.run(|_| Vec::new())
    }

    fn purge_expired(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.run(move |state| {
            let mut left = max;
            state.sessions.retain(|(session, _)| {
                let goes = session.expires <= now && left > 0;
                left -= usize::from(goes);
                !goes
            });
            max - left
        })
    }
}
