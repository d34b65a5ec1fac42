//! Recognises credentials and keeps sessions.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use botwarden_crypto::{BlindIndex, Pepper, RandomnessError, identifier};
use botwarden_types::{SessionId, UnixMs};
use parking_lot::Mutex;
use tracing::{info, warn};

use crate::credential::{ApiKey, Credential, SessionToken};
use crate::principal::{Principal, Standing};
use crate::rights::{Right, Rights};
use crate::session::{EndError, Ended, OpenError, OpenSession, Session};
use crate::store::{
    Appended, EndOutcome, Inserted, KeySet, KeyStore, NewTurn, SessionStore, StoreError, StoredSession,
};
use crate::table::{KeyTable, NoRoom, SessionTable};
use crate::turn::{IdempotencyKey, Turn, TurnError, TurnReceipt};

/// Sessions deleted in one transaction, so that a purge does not hold up the writers behind it.
const PURGE_BATCH: usize = 256;

/// Why a credential is refused. For logs: to the caller all of them look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifyError {
    /// Never issued, or long gone.
    #[error("unknown credential")]
    Unknown,
    /// Past its time.
    #[error("expired credential")]
    Expired,
    /// The key, or the key that opened the session, was revoked.
    #[error("revoked credential")]
    Revoked,
    /// The session was ended.
    #[error("ended session")]
    Ended,
}

/// How much may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Sessions one bot may have open at once.
    pub sessions_per_bot_max: usize,
    /// Bytes all open sessions may take in memory.
    pub sessions_bytes_max: usize,
    /// Turns of one session.
    pub turns_per_session_max: usize,
}

impl Default for Bounds {
    /// 100,000 sessions a bot, 512 MiB for all, 1,000 turns a session.
    fn default() -> Self {
        Self { sessions_per_bot_max: 100_000, sessions_bytes_max: 512 << 20, turns_per_session_max: 1_000 }
    }
}

/// What an [`Authenticator`] works with.
pub struct Wiring {
    /// Where keys are kept.
    pub keys: Arc<dyn KeyStore>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionStore>,
    /// Hashes credentials.
    pub pepper: Pepper,
    /// Hashes what must be found again.
    pub index: BlindIndex,
    /// How much may be kept.
    pub bounds: Bounds,
}

/// Recognises credentials and keeps sessions. [`Authenticator::identify`] reads memory only; everything else goes through the ports.
pub struct Authenticator {
    wiring: Wiring,
    keys: ArcSwap<KeyTable>,
    /// Held while the key table is replaced, so that an older reading never replaces a newer one.
    replacing: Mutex<()>,
    sessions: SessionTable,
    /// How often sessions that are not kept any more were looked for. Such a look does not see a session that is just being put into memory,
    /// so whoever puts one there looks again if there was one meanwhile.
    looks: AtomicU64,
}

impl Authenticator {
    /// Reads all keys and live sessions. Listen for key changes *before* calling this, so that none falls between.
    pub async fn load(wiring: Wiring, now: UnixMs) -> Result<Self, StoreError> {
        let this = Self {
            wiring,
            keys: ArcSwap::default(),
            replacing: Mutex::new(()),
            sessions: SessionTable::default(),
            looks: AtomicU64::new(0),
        };
        this.refresh_keys().await?;
        for stored in this.wiring.sessions.live_sessions(now).await? {
            this.resume(stored);
        }
        Ok(this)
    }

    /// Who presents this credential. Memory only: one keyed hash, one look-up, three or four reference counts.
    pub fn identify(&self, credential: &Credential, now: UnixMs) -> Result<Principal, IdentifyError> {
        let principal = match credential {
            Credential::Key(key) => self.of_key(key),
            Credential::Session(token) => self.of_session(token),
        }?;
        principal.still_valid(now)?;
        Ok(principal)
    }

    fn of_key(&self, key: &ApiKey) -> Result<Principal, IdentifyError> {
        let hash = key.hash(&self.wiring.pepper);
        let keys = self.keys.load();
        let entry = keys.find(&hash).ok_or(IdentifyError::Unknown)?;
        Ok(Principal {
            key: entry.id.clone(),
            bot: entry.bot.clone(),
            rights: entry.rights,
            session: None,
            asserted: None,
            key_expires: entry.expires,
            key_standing: Arc::clone(&entry.standing),
        })
    }

    fn of_session(&self, token: &SessionToken) -> Result<Principal, IdentifyError> {
        let hash = token.hash(&self.wiring.pepper);
        let session = self.sessions.find(&hash).ok_or(IdentifyError::Unknown)?;
        Ok(Principal {
            key: session.key.clone(),
            bot: session.bot.clone(),
            rights: Rights::CHAT_ONLY,
            asserted: None,
            key_expires: None,
            key_standing: Arc::clone(&session.key_standing),
            session: Some(session),
        })
    }

    /// Reads the keys anew. When it returns, whatever was committed before the call is in force: revoked keys and their sessions
    /// are refused, and [`Principal::taken_back`] has been called for those in use. The generation now in force.
    pub async fn refresh_keys(&self) -> Result<u64, StoreError> {
        let set = self.wiring.keys.list_keys().await?;
        Ok(self.put_in_force(set))
    }

    /// Reads the keys anew if they have changed: the safety net for a change nobody told of.
    pub async fn refresh_keys_if_changed(&self) -> Result<u64, StoreError> {
        let generation = self.wiring.keys.key_generation().await?;
        if generation == self.keys.load().generation { Ok(generation) } else { self.refresh_keys().await }
    }

    fn put_in_force(&self, set: KeySet) -> u64 {
        let _held = self.replacing.lock();
        let before = self.keys.load_full();
        if set.generation < before.generation {
            return before.generation;
        }
        let table = KeyTable::replacing(&before, set);
        let generation = table.generation;
        self.keys.store(Arc::new(table));
        generation
    }

    /// Opens a session for a user of the caller's bot. The token is returned here and nowhere ever again.
    pub async fn open_session(
        &self,
        caller: &Principal,
        open: OpenSession,
        now: UnixMs,
    ) -> Result<(SessionToken, Arc<Session>), OpenError> {
        if !caller.rights.has(Right::Session) {
            return Err(OpenError::NotAllowed);
        }
        caller.still_valid(now).map_err(|_| OpenError::Invalidated)?;
        let (user, claims, ttl) = open.into_parts();
        let expires = now.after(ttl).min(caller.key_expires.unwrap_or(UnixMs(u64::MAX)));
        let token = SessionToken::random()?;
        let stored = StoredSession {
            id: session_id()?,
            hash: token.hash(&self.wiring.pepper),
            bot: caller.bot.clone(),
            key: caller.key.clone(),
            user,
            claims,
            created: now,
            expires,
        };
        // Room first: a session that is kept can then always be used. A dropped future gives the room back.
        let texts_bytes = texts_bytes(&stored);
        let bounds = &self.wiring.bounds;
        let room = self
            .sessions
            .reserve(&stored.bot, texts_bytes, bounds.sessions_per_bot_max, bounds.sessions_bytes_max)
            .map_err(|no_room| match no_room {
                NoRoom::Sessions => OpenError::TooMany { max: bounds.sessions_per_bot_max },
                NoRoom::Bytes => OpenError::Full { max_bytes: bounds.sessions_bytes_max },
            })?;
        let looks = self.looks.load(Ordering::SeqCst);
        match self.wiring.sessions.insert_session(&stored).await? {
            Inserted::Yes => {}
            Inserted::KeyGone => return Err(OpenError::Invalidated),
        }
        let hash = stored.hash;
        let session = Arc::new(session(stored, Arc::clone(&caller.key_standing), texts_bytes));
        room.fill(hash, Arc::clone(&session));
        if self.looks.load(Ordering::SeqCst) != looks
            && let Err(error) = self.refresh_session(&session.id, now).await
        {
            self.sessions.end(&session.bot, &session.id);
            return Err(error.into());
        }
        Ok((token, session))
    }

    /// Puts a session read from the store back into memory, unless its key is gone or there is no room.
    fn resume(&self, mut stored: StoredSession) {
        let keys = self.keys.load();
        let key = keys.named(&stored.key).filter(|key| !key.standing.is_over() && key.bot == stored.bot);
        let Some(key) = key else { return };
        // The key's own names instead of a copy for each session: less memory, and warm where it is read.
        (stored.key, stored.bot) = (key.id.clone(), key.bot.clone());
        let (hash, texts_bytes) = (stored.hash, texts_bytes(&stored));
        let Bounds { sessions_per_bot_max, sessions_bytes_max, .. } = self.wiring.bounds;
        match self.sessions.reserve(&stored.bot, texts_bytes, sessions_per_bot_max, sessions_bytes_max) {
            Ok(room) => room.fill(hash, Arc::new(session(stored, Arc::clone(&key.standing), texts_bytes))),
            Err(_) => warn!(session = %stored.id, "a kept session exceeds the bounds and is refused"),
        }
    }

    /// Keeps a turn of a session of the caller's bot, once per idempotency key.
    pub async fn add_turn(
        &self,
        caller: &Principal,
        session: &SessionId,
        turn: &Turn,
        idempotency: &IdempotencyKey,
        now: UnixMs,
    ) -> Result<TurnReceipt, TurnError> {
        if !caller.rights.has(Right::Session) {
            return Err(TurnError::NotAllowed);
        }
        let id = format!("trn_{}", identifier()?);
        let index = &self.wiring.index;
        let turns_max = self.wiring.bounds.turns_per_session_max;
        let new = NewTurn {
            id: id.clone(),
            session,
            bot: &caller.bot,
            idempotency: idempotency.hash(index, session),
            body: turn.hash(index, session),
            turn,
            created: now,
            turns_max,
        };
        match self.wiring.sessions.append_turn(new).await? {
            Appended::Kept => Ok(TurnReceipt { id, replayed: false }),
            Appended::Replayed(id) => Ok(TurnReceipt { id, replayed: true }),
            Appended::NotFound => Err(TurnError::NotFound),
            Appended::Ended => Err(TurnError::Ended),
            Appended::Conflict => Err(TurnError::Conflict),
            Appended::TooMany => Err(TurnError::TooMany { max: turns_max }),
        }
    }

    /// Ends a session of the caller's bot. Its token is refused before this returns, streams under way included.
    pub async fn end_session(
        &self,
        caller: &Principal,
        session: &SessionId,
        now: UnixMs,
    ) -> Result<Ended, EndError> {
        if !caller.rights.has(Right::Session) {
            return Err(EndError::NotAllowed);
        }
        // Dead in memory first, then on disk: should the caller hang up in between, the token is refused here already, and since
        // nothing was acknowledged the caller asks again.
        self.sessions.end(&caller.bot, session);
        match self.wiring.sessions.end_session(&caller.bot, session, now).await? {
            EndOutcome::Now => Ok(Ended::Now),
            EndOutcome::Before => Ok(Ended::Before),
            EndOutcome::NotFound => Err(EndError::NotFound),
        }
    }

    /// Ends the sessions that are not kept any more: what another process has deleted is refused when this returns, streams under way
    /// included.
    pub async fn end_deleted_sessions(&self, now: UnixMs) -> Result<(), StoreError> {
        self.end_all_but_kept(now).await.map(drop)
    }

    /// Takes up what other processes did to sessions: those they ended or deleted are refused when this returns, streams under way
    /// included, and those they opened are recognised.
    pub async fn refresh_sessions(&self, now: UnixMs) -> Result<(), StoreError> {
        let (live, look) = self.end_all_but_kept(now).await?;
        let mut resumed = Vec::new();
        for stored in live {
            if self.sessions.bot_of(&stored.id).is_none() {
                resumed.push(stored.id.clone());
                self.resume(stored);
            }
        }
        if self.looks.load(Ordering::SeqCst) != look {
            for id in &resumed {
                self.refresh_session(id, now).await?;
            }
        }
        Ok(())
    }

    /// The same for one session.
    pub async fn refresh_session(&self, id: &SessionId, now: UnixMs) -> Result<(), StoreError> {
        loop {
            let looks = self.looks.load(Ordering::SeqCst);
            let kept = self.wiring.sessions.live_session(id, now).await?;
            match (kept, self.sessions.bot_of(id)) {
                (Some(stored), None) => self.resume(stored),
                (None, Some(bot)) => self.sessions.end(&bot, id),
                (Some(_), Some(_)) | (None, None) => {}
            }
            if self.looks.load(Ordering::SeqCst) == looks {
                return Ok(());
            }
        }
    }

    /// Gives those that are kept, and the number of this look.
    async fn end_all_but_kept(&self, now: UnixMs) -> Result<(Vec<StoredSession>, u64), StoreError> {
        let look = 1 + self.looks.fetch_add(1, Ordering::SeqCst);
        // In this order: whoever is in memory was kept before, so that what is opened meanwhile is not taken for deleted.
        let here = self.sessions.ids();
        let live = self.wiring.sessions.live_sessions(now).await?;
        let kept: HashSet<&SessionId> = live.iter().map(|session| &session.id).collect();
        for id in here.iter().filter(|id| !kept.contains(id)) {
            if let Some(bot) = self.sessions.bot_of(id) {
                self.sessions.end(&bot, id);
            }
        }
        Ok((live, look))
    }

    /// Forgets expired sessions and their turns, in memory and in the store. Call it every few seconds.
    pub async fn purge(&self, now: UnixMs) -> Result<(), StoreError> {
        self.sessions.sweep(now);
        let mut deleted = 0;
        loop {
            let batch = self.wiring.sessions.purge_expired(now, PURGE_BATCH).await?;
            deleted += batch;
            if batch < PURGE_BATCH {
                break;
            }
        }
        if deleted > 0 {
            info!(deleted, "expired sessions deleted");
        }
        Ok(())
    }
}

fn session(stored: StoredSession, key_standing: Arc<Standing>, texts_bytes: usize) -> Session {
    Session {
        id: stored.id,
        bot: stored.bot,
        key: stored.key,
        user: stored.user,
        claims: stored.claims,
        created: stored.created,
        expires: stored.expires,
        standing: Standing::default(),
        key_standing,
        texts_bytes,
    }
}

/// What a session's texts take in memory, about: their JSON is never much shorter.
fn texts_bytes(session: &StoredSession) -> usize {
    session.user.as_str().len() + session.claims.to_json().len()
}

fn session_id() -> Result<SessionId, RandomnessError> {
    let id = format!("ses_{}", identifier()?);
    // Letters and digits that every id allows; another failure than the source's cannot be.
    SessionId::parse(&id).map_err(|_| RandomnessError)
}
