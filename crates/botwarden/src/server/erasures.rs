//! What an erasure by another process means here: its keys are forgotten, and the sessions that were theirs are over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use botwarden_identity::Authenticator;
use botwarden_store::Keyring;
use botwarden_types::UnixMs;

/// Draws the consequences of erasures, and remembers up to which they are drawn. Many may hear of one; whoever cannot draw its consequences
/// (the store is not reached) leaves it for the next look.
pub(super) struct Erasures {
    authenticator: Arc<Authenticator>,
    keyring: Arc<Keyring>,
    /// The generation of the keyring up to which sessions were ended.
    drawn: AtomicU64,
}

impl Erasures {
    /// `read` is the keyring's generation when the sessions were read, or before.
    pub(super) fn new(authenticator: Arc<Authenticator>, keyring: Arc<Keyring>, read: u64) -> Self {
        Self { authenticator, keyring, drawn: AtomicU64::new(read) }
    }

    /// Forgets what was erased since the last look. When it returns, nothing of it is in force here.
    pub(super) async fn heed(&self, now: UnixMs) -> anyhow::Result<()> {
        let generation = self.keyring.forget_destroyed().await?;
        if generation != self.drawn.load(Ordering::Acquire) {
            self.authenticator.end_deleted_sessions(now).await?;
            // Only now: had it failed, somebody has to look again.
            self.drawn.store(generation, Ordering::Release);
        }
        Ok(())
    }

    /// Reads all sessions anew, because anything may have happened to them.
    pub(super) async fn reread(&self, now: UnixMs) -> anyhow::Result<()> {
        let generation = self.keyring.forget_destroyed().await?;
        self.authenticator.refresh_sessions(now).await?;
        self.drawn.store(generation, Ordering::Release);
        Ok(())
    }

    /// Reads the keys anew, and ends sessions that were deleted whatever for. The generation of the keys now in force.
    pub(super) async fn told(&self, now: UnixMs) -> anyhow::Result<u64> {
        let generation = self.keyring.forget_destroyed().await?;
        let keys = self.authenticator.refresh_keys().await?;
        self.authenticator.end_deleted_sessions(now).await?;
        self.drawn.store(generation, Ordering::Release);
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use botwarden_identity::keys::{NewKey, issue};
    use botwarden_identity::{
        Appended, Bounds, BoxFuture, Claims, Credential, EndOutcome, Inserted, KeptTurn, NewTurn,
        OpenSession, Rights, SessionStore, StoreError, StoredSession, Wiring,
    };
    use botwarden_store::{DataDir, Engine, FileRoot, Store};
    use botwarden_types::{BotName, SessionId, UserName};

    use super::*;

    const NOW: UnixMs = UnixMs(1_800_000_000_000);

    /// Sessions that cannot be read while it is told so.
    struct Moody {
        sessions: Arc<dyn SessionStore>,
        fails: AtomicBool,
    }

    impl SessionStore for Moody {
        fn insert_session<'a>(
            &'a self,
            session: &'a StoredSession,
        ) -> BoxFuture<'a, Result<Inserted, StoreError>> {
            self.sessions.insert_session(session)
        }
        fn live_sessions(&self, now: UnixMs) -> BoxFuture<'_, Result<Vec<StoredSession>, StoreError>> {
            if self.fails.load(Ordering::SeqCst) {
                return Box::pin(async { Err(StoreError::new("reading the sessions", "not reached")) });
            }
            self.sessions.live_sessions(now)
        }
        fn live_session<'a>(
            &'a self,
            id: &'a SessionId,
            now: UnixMs,
        ) -> BoxFuture<'a, Result<Option<StoredSession>, StoreError>> {
            self.sessions.live_session(id, now)
        }
        fn end_session<'a>(
            &'a self,
            bot: &'a BotName,
            id: &'a SessionId,
            now: UnixMs,
        ) -> BoxFuture<'a, Result<EndOutcome, StoreError>> {
            self.sessions.end_session(bot, id, now)
        }
        fn append_turn<'a>(&'a self, turn: NewTurn<'a>) -> BoxFuture<'a, Result<Appended, StoreError>> {
            self.sessions.append_turn(turn)
        }
        fn turns<'a>(
            &'a self,
            bot: &'a BotName,
            session: &'a SessionId,
        ) -> BoxFuture<'a, Result<Vec<KeptTurn>, StoreError>> {
            self.sessions.turns(bot, session)
        }
        fn purge_expired(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
            self.sessions.purge_expired(now, max)
        }
    }

    /// A store as a process of its own opens it.
    async fn open(data: &DataDir) -> (Arc<Keyring>, Store) {
        let engine = Engine::Sqlite(data.clone());
        let keyring = Arc::new(engine.keyring(FileRoot::open(data).unwrap(), NOW).await.unwrap());
        (keyring.clone(), Store::open(&engine, keyring).await.unwrap())
    }

    /// Whoever could not read the sessions, or heard of it elsewhere, leaves the erasure for the next look.
    #[tokio::test]
    async fn an_erasure_is_heeded_by_a_later_look_where_the_first_fails() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path().join("data")).unwrap();
        let (keyring, store) = open(&data).await;
        let moody = Arc::new(Moody { sessions: store.sessions(), fails: AtomicBool::new(false) });
        let wiring = Wiring {
            keys: store.keys(),
            sessions: moody.clone(),
            pepper: keyring.pepper().unwrap(),
            index: keyring.index().unwrap(),
            bounds: Bounds::default(),
        };
        let bot = BotName::parse("shop").unwrap();
        let new = NewKey { bot: bot.clone(), rights: Rights::backend(), label: None, expires: None };
        let (key, _) = issue(&*store.keys(), &wiring.pepper, new, NOW).await.unwrap();
        let authenticator = Arc::new(Authenticator::load(wiring, NOW).await.unwrap());
        let erasures = Erasures::new(authenticator.clone(), keyring.clone(), keyring.generation());
        let caller = authenticator.identify(&Credential::Key(key), NOW).unwrap();
        let (_, command) = open(&data).await;
        for told in ["a look", "news", "anything", "a writer that met the missing key"] {
            let alice = UserName::parse("alice").unwrap();
            let wish = OpenSession::new(alice.clone(), Claims::default(), None).unwrap();
            let (token, _) = authenticator.open_session(&caller, wish, NOW).await.unwrap();
            let token = Credential::Session(token);
            command.erase_subject(&bot, &alice, NOW).await.unwrap();
            moody.fails.store(true, Ordering::SeqCst);
            match told {
                "a look" => assert!(erasures.heed(NOW).await.is_err()),
                "news" => assert!(erasures.told(NOW).await.is_err()),
                "anything" => assert!(erasures.reread(NOW).await.is_err()),
                _ => drop(keyring.forget_destroyed().await.unwrap()),
            }
            assert!(authenticator.identify(&token, NOW).is_ok(), "{told}: not yet");
            moody.fails.store(false, Ordering::SeqCst);
            erasures.heed(NOW).await.unwrap();
            assert!(authenticator.identify(&token, NOW).is_err(), "{told}: the session is over");
        }
    }
}
