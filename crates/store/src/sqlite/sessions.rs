//! Sessions and their turns.

use botwarden_crypto::{CellKey, Digest};
use botwarden_identity::{
    Appended, BoxFuture, Claims, EndOutcome, Inserted, KeptTurn, NewTurn, SessionStore, StoreError,
    StoredSession, Turn,
};
use botwarden_types::{BotName, KeyId, SessionId, Span, UnixMs, UserName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use zeroize::Zeroizing;

use crate::keyring::Keyring;

use super::row::{Clear, count, from_column, to_column};
use super::{Fault, Sqlite, failed, if_sound};

const SESSIONS: &str = "sessions";
const TURNS: &str = "turns";
const COLUMN: &str = "sealed";

impl SessionStore for Sqlite {
    fn insert_session<'a>(
        &'a self,
        session: &'a StoredSession,
    ) -> BoxFuture<'a, Result<Inserted, StoreError>> {
        Box::pin(async move { self.insert(session).await.map_err(failed("keeping a session")) })
    }

    fn live_sessions(&self, now: UnixMs) -> BoxFuture<'_, Result<Vec<StoredSession>, StoreError>> {
        Box::pin(async move { self.live(now).await.map_err(failed("reading the sessions")) })
    }

    fn end_session<'a>(
        &'a self,
        bot: &'a BotName,
        id: &'a SessionId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<EndOutcome, StoreError>> {
        Box::pin(async move { self.end(bot, id, now).await.map_err(failed("ending a session")) })
    }

    fn append_turn<'a>(&'a self, turn: NewTurn<'a>) -> BoxFuture<'a, Result<Appended, StoreError>> {
        Box::pin(async move { self.append(turn).await.map_err(failed("keeping a turn")) })
    }

    fn turns<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
    ) -> BoxFuture<'a, Result<Vec<KeptTurn>, StoreError>> {
        Box::pin(async move { self.read_turns(bot, session).await.map_err(failed("reading turns")) })
    }

    fn purge_expired(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async move { self.purge(now, max).await.map_err(failed("deleting expired sessions")) })
    }
}

impl Sqlite {
    async fn insert(&self, session: &StoredSession) -> Result<Inserted, Fault> {
        let content = SessionContent::encode(session)?;
        let subject = self.subject_of(&session.bot, &session.user);
        let key = self.subject_key(&subject, session.created).await?;
        let sealed = key.seal(clear(session).place(SESSIONS, COLUMN), &content)?;
        let mut transaction = self.write().await?;
        // The key is looked at under the write lock: a revocation comes before (no session) or after (and ends it).
        let done = sqlx::query(
            "INSERT INTO sessions (id, hash, bot, key, created, expires, sealed, subject)
             SELECT ?1, ?2, ?3, id, ?5, ?6, ?7, ?8 FROM keys WHERE id = ?4 AND revoked IS NULL",
        )
        .bind(session.id.as_str())
        .bind(session.hash.as_bytes().as_slice())
        .bind(session.bot.as_str())
        .bind(session.key.as_str())
        .bind(to_column(session.created))
        .bind(to_column(session.expires))
        .bind(sealed)
        .bind(subject.as_bytes().as_slice())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(if done.rows_affected() == 1 { Inserted::Yes } else { Inserted::KeyGone })
    }

    async fn live(&self, now: UnixMs) -> Result<Vec<StoredSession>, Fault> {
        let rows = sqlx::query("SELECT * FROM sessions WHERE ended IS NULL AND expires > ? ORDER BY seq")
            .bind(to_column(now))
            .fetch_all(&self.pool)
            .await?;
        let mut sessions = Vec::with_capacity(rows.len());
        for row in &rows {
            sessions.extend(if_sound(self.session(row).await)?);
        }
        Ok(sessions)
    }

    async fn end(&self, bot: &BotName, id: &SessionId, now: UnixMs) -> Result<EndOutcome, Fault> {
        let mut transaction = self.write().await?;
        let Some(found) = find(&mut transaction, bot, id).await? else {
            return Ok(EndOutcome::NotFound);
        };
        if found.is_over(now) {
            return Ok(EndOutcome::Before);
        }
        sqlx::query("UPDATE sessions SET ended = ? WHERE seq = ?")
            .bind(to_column(now))
            .bind(found.seq)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(EndOutcome::Now)
    }

    async fn append(&self, new: NewTurn<'_>) -> Result<Appended, Fault> {
        // The key before the transaction: keys lie in a file of their own.
        let key = match self.subject_of_session(new.bot, new.session).await? {
            Some(subject) => self.subject_key(&subject, new.created).await?,
            None => self.keyring.system().clone(),
        };
        let mut transaction = self.write().await?;
        let Some(found) = find(&mut transaction, new.bot, new.session).await? else {
            return Ok(Appended::NotFound);
        };
        if found.is_over(new.created) {
            return Ok(Appended::Ended);
        }
        if let Some(earlier) = replayed(&mut transaction, found.seq, &new).await? {
            return Ok(earlier);
        }
        let number = 1 + turns_in(&mut transaction, found.seq).await?;
        if number > count(new.turns_max) {
            return Ok(Appended::TooMany);
        }
        let content = TurnContent::encode(new.turn)?;
        let place = clear_turn(&new.id, new.session, number, &new.idempotency, &new.body, new.created);
        let sealed = key.seal(place.place(TURNS, COLUMN), &content)?;
        sqlx::query(
            "INSERT INTO turns (id, session, number, idempotency, body, created, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&new.id)
        .bind(found.seq)
        .bind(number)
        .bind(new.idempotency.as_bytes().as_slice())
        .bind(new.body.as_bytes().as_slice())
        .bind(to_column(new.created))
        .bind(sealed)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Appended::Kept)
    }

    async fn read_turns(&self, bot: &BotName, session: &SessionId) -> Result<Vec<KeptTurn>, Fault> {
        let rows = sqlx::query(
            "SELECT turns.* FROM turns JOIN sessions ON sessions.seq = turns.session
             WHERE sessions.id = ? AND sessions.bot = ? ORDER BY number",
        )
        .bind(session.as_str())
        .bind(bot.as_str())
        .fetch_all(&self.pool)
        .await?;
        let mut turns = Vec::with_capacity(rows.len());
        for row in &rows {
            turns.push(self.turn(session, row).await?);
        }
        Ok(turns)
    }

    async fn purge(&self, now: UnixMs, max: usize) -> Result<usize, Fault> {
        let done = sqlx::query(
            "DELETE FROM sessions WHERE seq IN (SELECT seq FROM sessions WHERE expires <= ? ORDER BY expires LIMIT ?)",
        )
        .bind(to_column(now))
        .bind(count(max))
        .execute(&self.pool)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }

    /// What stands for a person in clear columns.
    pub(super) fn subject_of(&self, bot: &BotName, user: &UserName) -> Digest {
        Keyring::subject_of(&self.index, bot, user)
    }

    pub(super) async fn subject_key(&self, subject: &Digest, now: UnixMs) -> Result<CellKey, Fault> {
        self.keyring.subject(subject, now).await.map_err(|error| Fault::Keyring(Box::new(error)))
    }

    async fn subject_of_session(&self, bot: &BotName, id: &SessionId) -> Result<Option<Digest>, Fault> {
        let found: Option<Option<Vec<u8>>> =
            sqlx::query_scalar("SELECT subject FROM sessions WHERE id = ? AND bot = ?")
                .bind(id.as_str())
                .bind(bot.as_str())
                .fetch_optional(&self.pool)
                .await?;
        Ok(found.flatten().and_then(|bytes| Digest::from_stored(&bytes)))
    }

    async fn session(&self, row: &SqliteRow) -> Result<StoredSession, Fault> {
        let id: String = row.try_get("id")?;
        let damaged = || Fault::Damaged { table: SESSIONS, id: id.clone() };
        // A name that stands in for the user's until the cell is open.
        let unknown = UserName::parse("?").map_err(|_| damaged())?;
        let mut session = StoredSession {
            id: SessionId::parse(&id).map_err(|_| damaged())?,
            hash: Digest::from_stored(row.try_get("hash")?).ok_or_else(damaged)?,
            bot: BotName::parse(row.try_get("bot")?).map_err(|_| damaged())?,
            key: KeyId::parse(row.try_get("key")?).map_err(|_| damaged())?,
            user: unknown,
            claims: Claims::default(),
            created: from_column(row.try_get("created")?),
            expires: from_column(row.try_get("expires")?),
        };
        let place = clear(&session);
        let opened =
            self.open_cell(place.place(SESSIONS, COLUMN), row.try_get("sealed")?, SESSIONS, &id).await?;
        (session.user, session.claims) = SessionContent::read(&opened).ok_or_else(damaged)?;
        // A session filed under another person would outlive the erasure of its own.
        let subject: Option<&[u8]> = row.try_get("subject")?;
        if subject.is_some_and(|subject| subject != self.subject_of(&session.bot, &session.user).as_bytes()) {
            return Err(damaged());
        }
        Ok(session)
    }

    async fn turn(&self, session: &SessionId, row: &SqliteRow) -> Result<KeptTurn, Fault> {
        let id: String = row.try_get("id")?;
        let damaged = || Fault::Damaged { table: TURNS, id: id.clone() };
        let idempotency = Digest::from_stored(row.try_get("idempotency")?).ok_or_else(damaged)?;
        let body = Digest::from_stored(row.try_get("body")?).ok_or_else(damaged)?;
        let created = from_column(row.try_get("created")?);
        let place = clear_turn(&id, session, row.try_get("number")?, &idempotency, &body, created);
        let opened = self.open_cell(place.place(TURNS, COLUMN), row.try_get("sealed")?, TURNS, &id).await?;
        let turn = TurnContent::read(&opened).ok_or_else(damaged)?;
        Ok(KeptTurn { id, turn, created })
    }
}

/// What is looked at before anything is done to a session.
struct Found {
    seq: i64,
    expires: UnixMs,
    ended: bool,
}

impl Found {
    fn is_over(&self, now: UnixMs) -> bool {
        self.ended || self.expires <= now
    }
}

async fn find(
    connection: &mut SqliteConnection,
    bot: &BotName,
    id: &SessionId,
) -> Result<Option<Found>, sqlx::Error> {
    let row =
        sqlx::query("SELECT seq, expires, ended IS NOT NULL AS over FROM sessions WHERE id = ? AND bot = ?")
            .bind(id.as_str())
            .bind(bot.as_str())
            .fetch_optional(connection)
            .await?;
    row.map(|row| {
        Ok(Found {
            seq: row.try_get("seq")?,
            expires: from_column(row.try_get("expires")?),
            ended: row.try_get("over")?,
        })
    })
    .transpose()
}

/// What an earlier use of the idempotency key means for this one.
async fn replayed(
    connection: &mut SqliteConnection,
    session: i64,
    new: &NewTurn<'_>,
) -> Result<Option<Appended>, sqlx::Error> {
    let row = sqlx::query("SELECT id, body FROM turns WHERE session = ? AND idempotency = ?")
        .bind(session)
        .bind(new.idempotency.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let same = Digest::from_stored(row.try_get("body")?).is_some_and(|body| body == new.body);
    Ok(Some(if same { Appended::Replayed(row.try_get("id")?) } else { Appended::Conflict }))
}

/// Turns are numbered from one and never deleted one by one, so the last number is their count.
async fn turns_in(connection: &mut SqliteConnection, session: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM turns WHERE session = ?")
        .bind(session)
        .fetch_one(connection)
        .await
}

/// What a session's sealed cell is bound to: everything but its end, which comes later.
fn clear(session: &StoredSession) -> Clear {
    Clear::default()
        .text(session.id.as_str())
        .digest(&session.hash)
        .text(session.bot.as_str())
        .text(session.key.as_str())
        .time(session.created)
        .time(session.expires)
}

/// What a turn's sealed cell is bound to.
fn clear_turn(
    id: &str,
    session: &SessionId,
    number: i64,
    idempotency: &Digest,
    body: &Digest,
    created: UnixMs,
) -> Clear {
    let place = Clear::default().text(id).text(session.as_str()).number(Some(number));
    place.digest(idempotency).digest(body).time(created)
}

/// Inside of a session's sealed cell, as JSON.
#[derive(Serialize, Deserialize)]
struct SessionContent {
    user: String,
    claims: Box<RawValue>,
}

impl SessionContent {
    fn encode(session: &StoredSession) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let claims = RawValue::from_string(session.claims.to_json())?;
        let content = Self { user: session.user.as_str().to_owned(), claims };
        Ok(Zeroizing::new(serde_json::to_vec(&content)?))
    }

    fn read(bytes: &[u8]) -> Option<(UserName, Claims)> {
        let content: Self = serde_json::from_slice(bytes).ok()?;
        Some((UserName::parse(&content.user).ok()?, Claims::parse(content.claims.get()).ok()?))
    }
}

/// Inside of a turn's sealed cell, as JSON. Spans are in bytes of the text.
#[derive(Serialize, Deserialize)]
struct TurnContent {
    text: String,
    pasted: Vec<(usize, usize)>,
}

impl TurnContent {
    fn encode(turn: &Turn) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let pasted = turn.pasted().iter().map(|span| (span.start, span.end)).collect();
        let content = Self { text: turn.text().to_owned(), pasted };
        Ok(Zeroizing::new(serde_json::to_vec(&content)?))
    }

    fn read(bytes: &[u8]) -> Option<Turn> {
        let content: Self = serde_json::from_slice(bytes).ok()?;
        let pasted = content.pasted.into_iter().map(|(start, end)| Span { start, end }).collect();
        Turn::from_kept(content.text, pasted).ok()
    }
}
