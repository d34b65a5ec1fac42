//! Sessions and their turns.

use std::collections::HashSet;

use botwarden_crypto::{CellKey, Digest, KeyNumber};
use botwarden_identity::{
    Appended, BoxFuture, EndOutcome, Inserted, KeptTurn, NewTurn, SessionStore, StoreError, StoredSession,
};
use botwarden_policy::quarantine::Scope;
use botwarden_types::{BotName, SessionId, UnixMs};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::approvals::withdraw;
use super::changes::Change;
use super::database::in_time;
use super::{Postgres, TRIES};
use crate::cells::row::{count, from_column, to_column};
use crate::cells::{
    Fault, Matching, TurnHashes, failed, if_sound, open_session, open_turn, seal_session, seal_turn,
    session_key,
};

impl SessionStore for Postgres {
    fn insert_session<'a>(
        &'a self,
        session: &'a StoredSession,
    ) -> BoxFuture<'a, Result<Inserted, StoreError>> {
        Box::pin(async move { in_time(self.insert(session)).await.map_err(failed("keeping a session")) })
    }

    fn live_sessions(&self, now: UnixMs) -> BoxFuture<'_, Result<Vec<StoredSession>, StoreError>> {
        Box::pin(async move { self.live(now).await.map_err(failed("reading the sessions")) })
    }

    fn live_session<'a>(
        &'a self,
        id: &'a SessionId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Option<StoredSession>, StoreError>> {
        Box::pin(async move { in_time(self.live_one(id, now)).await.map_err(failed("reading a session")) })
    }

    fn end_session<'a>(
        &'a self,
        bot: &'a BotName,
        id: &'a SessionId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<EndOutcome, StoreError>> {
        Box::pin(async move { in_time(self.end(bot, id, now)).await.map_err(failed("ending a session")) })
    }

    fn append_turn<'a>(&'a self, turn: NewTurn<'a>) -> BoxFuture<'a, Result<Appended, StoreError>> {
        Box::pin(async move { in_time(self.append(turn)).await.map_err(failed("keeping a turn")) })
    }

    fn turns<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
    ) -> BoxFuture<'a, Result<Vec<KeptTurn>, StoreError>> {
        Box::pin(async move { in_time(self.read_turns(bot, session)).await.map_err(failed("reading turns")) })
    }

    fn purge_expired(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(
            async move { in_time(self.purge(now, max)).await.map_err(failed("deleting expired sessions")) },
        )
    }
}

impl Postgres {
    async fn insert(&self, session: &StoredSession) -> Result<Inserted, Fault> {
        let subject = self.cells.subject_of(&session.bot, &session.user);
        for _ in 0..TRIES {
            let key = self.cells.subject_key(&subject, session.created).await?;
            let mut transaction = self.database.begin().await?;
            if !held_keys(&mut transaction, &[&key]).await?.is_empty() {
                let sealed = seal_session(&key, session)?;
                let inserted = insert_row(&mut transaction, session, &subject, sealed).await?;
                if inserted == Inserted::Yes {
                    self.teller.tell(&mut transaction, &Change::Session(session.id.clone())).await?;
                }
                transaction.commit().await?;
                return Ok(inserted);
            }
            // It was destroyed by another node. Who comes again after that begins anew.
            transaction.rollback().await?;
            self.cells.generation().await?;
        }
        Err(Fault::Unsettled)
    }

    async fn live(&self, now: UnixMs) -> Result<Vec<StoredSession>, Fault> {
        let rows = in_time(
            sqlx::query("SELECT * FROM botwarden.sessions WHERE ended IS NULL AND expires > $1 ORDER BY seq")
                .bind(to_column(now))
                .fetch_all(&self.database.pool),
        )
        .await?;
        let mut sessions = Vec::with_capacity(rows.len());
        for row in &rows {
            sessions.extend(if_sound(open_session(&self.cells, row).await)?);
        }
        Ok(sessions)
    }

    async fn live_one(&self, id: &SessionId, now: UnixMs) -> Result<Option<StoredSession>, Fault> {
        let row =
            sqlx::query("SELECT * FROM botwarden.sessions WHERE id = $1 AND ended IS NULL AND expires > $2")
                .bind(id.as_str())
                .bind(to_column(now))
                .fetch_optional(&self.database.pool)
                .await?;
        match row {
            Some(row) => if_sound(open_session(&self.cells, &row).await),
            None => Ok(None),
        }
    }

    async fn end(&self, bot: &BotName, id: &SessionId, now: UnixMs) -> Result<EndOutcome, Fault> {
        let mut transaction = self.database.begin().await?;
        let Some(found) = hold(&mut transaction, bot, id).await? else {
            return Ok(EndOutcome::NotFound);
        };
        if found.is_over(now) {
            return Ok(EndOutcome::Before);
        }
        sqlx::query("UPDATE botwarden.sessions SET ended = $1 WHERE seq = $2")
            .bind(to_column(now))
            .bind(found.seq)
            .execute(&mut *transaction)
            .await?;
        // What is to be kept no longer than the session goes with it; what waits for its person's answer is over.
        sqlx::query(
            "DELETE FROM botwarden.chronicle USING botwarden.sessions
             WHERE sessions.seq = $1 AND session = $1 AND kept <= expires",
        )
        .bind(found.seq)
        .execute(&mut *transaction)
        .await?;
        withdraw(&mut transaction, &Matching::of(&self.cells, &Scope::Session(id.clone())), now).await?;
        self.teller.tell(&mut transaction, &Change::Session(id.clone())).await?;
        transaction.commit().await?;
        Ok(EndOutcome::Now)
    }

    async fn append(&self, new: NewTurn<'_>) -> Result<Appended, Fault> {
        // The key before the transaction, which then holds the one connection that it needs.
        let Some(key) = self.key_of_session(new.bot, new.session).await? else {
            return Ok(Appended::NotFound);
        };
        let mut transaction = self.database.begin().await?;
        if held_keys(&mut transaction, &[&key]).await?.is_empty() {
            // Its person was erased on another node, and the session's row is about to go.
            in_time(transaction.rollback()).await?;
            self.cells.generation().await?;
            return Ok(Appended::NotFound);
        }
        let appended = append_row(&mut transaction, &key, &new).await?;
        transaction.commit().await?;
        Ok(appended)
    }

    async fn read_turns(&self, bot: &BotName, session: &SessionId) -> Result<Vec<KeptTurn>, Fault> {
        let rows = sqlx::query(
            "SELECT turns.* FROM botwarden.turns JOIN botwarden.sessions ON sessions.seq = turns.session
             WHERE sessions.id = $1 AND sessions.bot = $2 ORDER BY number",
        )
        .bind(session.as_str())
        .bind(bot.as_str())
        .fetch_all(&self.database.pool)
        .await?;
        let mut turns = Vec::with_capacity(rows.len());
        for row in &rows {
            turns.push(open_turn(&self.cells, session, row).await?);
        }
        Ok(turns)
    }

    async fn purge(&self, now: UnixMs, max: usize) -> Result<usize, Fault> {
        // Every node purges; what another has in hand is left to it.
        let done = sqlx::query(
            "DELETE FROM botwarden.sessions WHERE seq = ANY (ARRAY(
                 SELECT seq FROM botwarden.sessions WHERE kept <= $1 ORDER BY kept LIMIT $2 FOR UPDATE SKIP LOCKED
             ))",
        )
        .bind(to_column(now))
        .bind(count(max))
        .execute(&self.database.pool)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }

    /// The key of a session; `None` if there is no such session, or its person was erased.
    pub(super) async fn key_of_session(
        &self,
        bot: &BotName,
        id: &SessionId,
    ) -> Result<Option<CellKey>, Fault> {
        let row = sqlx::query("SELECT * FROM botwarden.sessions WHERE id = $1 AND bot = $2")
            .bind(id.as_str())
            .bind(bot.as_str())
            .fetch_optional(&self.database.pool)
            .await?;
        match row {
            Some(row) => session_key(&self.cells, &row).await,
            None => Ok(None),
        }
    }
}

/// Which of the keys are still there; those stay until the transaction is over. Another node may have destroyed one while it was known here: what
/// is sealed under it then could never be read.
pub(super) async fn held_keys(
    connection: &mut PgConnection,
    keys: &[&CellKey],
) -> Result<HashSet<KeyNumber>, sqlx::Error> {
    let mut numbers: Vec<Vec<u8>> = keys.iter().map(|key| key.number().as_bytes().to_vec()).collect();
    numbers.sort();
    numbers.dedup();
    let held: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT number FROM botwarden_keys.data_keys WHERE number = ANY ($1) ORDER BY number FOR KEY SHARE",
    )
    .bind(&numbers)
    .fetch_all(connection)
    .await?;
    Ok(held.iter().filter_map(|number| KeyNumber::from_stored(number)).collect())
}

async fn insert_row(
    connection: &mut PgConnection,
    session: &StoredSession,
    subject: &Digest,
    sealed: Vec<u8>,
) -> Result<Inserted, sqlx::Error> {
    // The key's row is locked: a revocation comes before (no session) or after (and ends it).
    let done = sqlx::query(
        "INSERT INTO botwarden.sessions (id, hash, bot, key, created, expires, kept, sealed, subject)
         SELECT $1, $2, $3, id, $5, $6, $6, $7, $8 FROM botwarden.keys WHERE id = $4 AND revoked IS NULL FOR SHARE",
    )
    .bind(session.id.as_str())
    .bind(session.hash.as_bytes().as_slice())
    .bind(session.bot.as_str())
    .bind(session.key.as_str())
    .bind(to_column(session.created))
    .bind(to_column(session.expires))
    .bind(sealed)
    .bind(subject.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(if done.rows_affected() == 1 { Inserted::Yes } else { Inserted::KeyGone })
}

async fn append_row(
    connection: &mut PgConnection,
    key: &CellKey,
    new: &NewTurn<'_>,
) -> Result<Appended, Fault> {
    let Some(found) = hold(connection, new.bot, new.session).await? else {
        return Ok(Appended::NotFound);
    };
    if found.is_over(new.created) {
        return Ok(Appended::Ended);
    }
    let hashes = TurnHashes::of(key, new);
    if let Some(earlier) = replayed(connection, found.seq, &hashes).await? {
        return Ok(earlier);
    }
    let number = 1 + turns_in(connection, found.seq).await?;
    if number > count(new.turns_max) {
        return Ok(Appended::TooMany);
    }
    sqlx::query(
        "INSERT INTO botwarden.turns (id, session, number, idempotency, body, created, sealed, keyed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, true)",
    )
    .bind(&new.id)
    .bind(found.seq)
    .bind(number)
    .bind(hashes.idempotency.as_bytes().as_slice())
    .bind(hashes.body.as_bytes().as_slice())
    .bind(to_column(new.created))
    .bind(seal_turn(key, new, &hashes, number)?)
    .execute(connection)
    .await?;
    Ok(Appended::Kept)
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

/// Finds a session and holds its row, so that one after the other acts on it.
async fn hold(
    connection: &mut PgConnection,
    bot: &BotName,
    id: &SessionId,
) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT seq, expires, ended IS NOT NULL AS over FROM botwarden.sessions WHERE id = $1 AND bot = $2 FOR UPDATE",
    )
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
    connection: &mut PgConnection,
    session: i64,
    hashes: &TurnHashes,
) -> Result<Option<Appended>, sqlx::Error> {
    let row = sqlx::query("SELECT id, body FROM botwarden.turns WHERE session = $1 AND idempotency = $2")
        .bind(session)
        .bind(hashes.idempotency.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let same = Digest::from_stored(row.try_get("body")?).is_some_and(|body| body == hashes.body);
    Ok(Some(if same { Appended::Replayed(row.try_get("id")?) } else { Appended::Conflict }))
}

/// Turns are numbered from one and never deleted one by one, so the last number is their count.
async fn turns_in(connection: &mut PgConnection, session: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM botwarden.turns WHERE session = $1")
        .bind(session)
        .fetch_one(connection)
        .await
}
