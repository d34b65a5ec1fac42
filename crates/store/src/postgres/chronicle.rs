//! What happened in sessions.

use botwarden_crypto::CellKey;
use botwarden_policy::chronicle::{
    Chronicle, Chronicled, ENTRIES_MAX, ENTRY_BYTES_MAX, Entry, SESSION_BYTES_MAX, Told,
};
use botwarden_policy::{BoxFuture, StoreError};
use botwarden_types::{BotName, SessionId, UnixMs};
use sqlx::Row;
use sqlx::postgres::PgConnection;
use zeroize::Zeroizing;

use super::database::in_time;
use super::{Postgres, TRIES};
use crate::cells::row::{count, to_column};
use crate::cells::{Fault, failed_policy, if_sound, open_entry, open_session, seal_entry};

impl Chronicle for Postgres {
    fn append<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
        events: &'a [Zeroizing<Vec<u8>>],
        until: Option<UnixMs>,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Chronicled, StoreError>> {
        let new = NewEntries { bot, session, events, until, now };
        Box::pin(
            async move { in_time(self.chronicle(new)).await.map_err(failed_policy("keeping what happened")) },
        )
    }

    fn read<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
        after: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        Box::pin(async move {
            in_time(self.entries(bot, session, after, max))
                .await
                .map_err(failed_policy("reading what happened"))
        })
    }

    fn sessions<'a>(
        &'a self,
        bot: &'a BotName,
        since: UnixMs,
        after: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Told>, StoreError>> {
        Box::pin(async move {
            in_time(self.told(bot, since, after, max))
                .await
                .map_err(failed_policy("reading what sessions are kept"))
        })
    }
}

#[derive(Clone, Copy)]
struct NewEntries<'a> {
    bot: &'a BotName,
    session: &'a SessionId,
    events: &'a [Zeroizing<Vec<u8>>],
    until: Option<UnixMs>,
    now: UnixMs,
}

impl Postgres {
    async fn chronicle(&self, new: NewEntries<'_>) -> Result<Chronicled, Fault> {
        if new.events.iter().any(|event| event.len() > ENTRY_BYTES_MAX) {
            return Ok(Chronicled::Full);
        }
        for _ in 0..TRIES {
            let Some(key) = self.key_of_session(new.bot, new.session).await? else {
                return Ok(Chronicled::NoSession);
            };
            let Some(mut transaction) = self.write_under(&key).await? else { continue };
            let chronicled = append(&mut transaction, &key, new).await?;
            if chronicled == Chronicled::Kept {
                transaction.commit().await?;
            }
            return Ok(chronicled);
        }
        Err(Fault::Unsettled)
    }

    async fn entries(
        &self,
        bot: &BotName,
        session: &SessionId,
        after: u64,
        max: usize,
    ) -> Result<Vec<Entry>, Fault> {
        let rows = sqlx::query(
            "SELECT chronicle.* FROM botwarden.chronicle JOIN botwarden.sessions ON sessions.seq = chronicle.session
             WHERE sessions.id = $1 AND sessions.bot = $2 AND number > $3 ORDER BY number LIMIT $4",
        )
        .bind(session.as_str())
        .bind(bot.as_str())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(count(max))
        .fetch_all(&self.database.pool)
        .await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            // A story with a gap is another one: an entry that was changed is an error.
            match open_entry(&self.cells, session, row).await {
                Err(Fault::Erased) => return Ok(Vec::new()),
                entry => entries.push(entry?),
            }
        }
        Ok(entries)
    }

    async fn told(&self, bot: &BotName, since: UnixMs, after: u64, max: usize) -> Result<Vec<Told>, Fault> {
        let rows = sqlx::query(
            "SELECT sessions.*, (SELECT max(number) FROM botwarden.chronicle WHERE session = seq) AS entries FROM botwarden.sessions
             WHERE bot = $1 AND created >= $2 AND seq > $3 AND EXISTS (SELECT 1 FROM botwarden.chronicle WHERE session = seq)
             ORDER BY seq LIMIT $4",
        )
        .bind(bot.as_str())
        .bind(to_column(since))
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(count(max))
        .fetch_all(&self.database.pool)
        .await?;
        let mut told = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(session) = if_sound(open_session(&self.cells, row).await)? else { continue };
            let counted =
                |column| Ok::<_, sqlx::Error>(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0));
            told.push(Told {
                seq: counted("seq")?,
                session: session.id,
                user: session.user,
                claims: session.claims.to_json(),
                created: session.created,
                entries: counted("entries")?,
            });
        }
        Ok(told)
    }
}

async fn append(
    connection: &mut PgConnection,
    key: &CellKey,
    new: NewEntries<'_>,
) -> Result<Chronicled, Fault> {
    // Holds the session's row; what is in it is read by a statement that sees what whoever held it before has written.
    let seq: Option<i64> = sqlx::query_scalar(
        "SELECT seq FROM botwarden.sessions WHERE id = $1 AND bot = $2 AND ended IS NULL AND expires > $3 FOR UPDATE",
    )
    .bind(new.session.as_str())
    .bind(new.bot.as_str())
    .bind(to_column(new.now))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(seq) = seq else { return Ok(Chronicled::NoSession) };
    let row = sqlx::query(
        "SELECT (SELECT coalesce(max(number), 0) FROM botwarden.turns WHERE session = $1) AS turns,
                (SELECT coalesce(max(number), 0) FROM botwarden.chronicle WHERE session = $1) AS number,
                (SELECT coalesce(max(total), 0) FROM botwarden.chronicle WHERE session = $1) AS total",
    )
    .bind(seq)
    .fetch_one(&mut *connection)
    .await?;
    let turns: i64 = row.try_get("turns")?;
    let (mut number, mut total): (i64, i64) = (row.try_get("number")?, row.try_get("total")?);
    for event in new.events {
        number += 1;
        total = total.saturating_add(count(event.len()));
        if number > count(ENTRIES_MAX) || total > count(SESSION_BYTES_MAX) {
            return Ok(Chronicled::Full);
        }
        let sealed = seal_entry(key, new.session, number, turns, new.now, event)?;
        sqlx::query(
            "INSERT INTO botwarden.chronicle (session, number, turns, at, total, sealed) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(seq)
        .bind(number)
        .bind(turns)
        .bind(to_column(new.now))
        .bind(total)
        .bind(sealed)
        .execute(&mut *connection)
        .await?;
    }
    if let Some(until) = new.until {
        sqlx::query("UPDATE botwarden.sessions SET kept = greatest(kept, $1) WHERE seq = $2")
            .bind(to_column(until))
            .bind(seq)
            .execute(connection)
            .await?;
    }
    Ok(Chronicled::Kept)
}
