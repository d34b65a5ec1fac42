//! What happened in sessions.

use botwarden_crypto::CellKey;
use botwarden_policy::chronicle::{
    Chronicle, Chronicled, ENTRIES_MAX, ENTRY_BYTES_MAX, Entry, SESSION_BYTES_MAX, Told,
};
use botwarden_policy::{BoxFuture, StoreError};
use botwarden_types::{BotName, SessionId, UnixMs};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use zeroize::Zeroizing;

use super::{Sqlite, TRIES};
use crate::cells::row::{count, to_column};
use crate::cells::{Fault, failed_policy, if_sound, open_entry, open_session, seal_entry};

impl Chronicle for Sqlite {
    fn append<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
        events: &'a [Zeroizing<Vec<u8>>],
        until: Option<UnixMs>,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Chronicled, StoreError>> {
        let new = NewEntries { bot, session, events, until, now };
        Box::pin(async move { self.chronicle(new).await.map_err(failed_policy("keeping what happened")) })
    }

    fn read<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
        after: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        Box::pin(async move {
            self.entries(bot, session, after, max).await.map_err(failed_policy("reading what happened"))
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
            self.told(bot, since, after, max).await.map_err(failed_policy("reading what sessions are kept"))
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

impl Sqlite {
    async fn chronicle(&self, new: NewEntries<'_>) -> Result<Chronicled, Fault> {
        if new.events.iter().any(|event| event.len() > ENTRY_BYTES_MAX) {
            return Ok(Chronicled::Full);
        }
        for _ in 0..TRIES {
            let generation = self.cells.generation().await?;
            let Some(key) = self.key_of_session(new.bot, new.session).await? else {
                return Ok(Chronicled::NoSession);
            };
            let Some(mut transaction) = self.write_at(generation).await? else { continue };
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
            "SELECT chronicle.* FROM chronicle JOIN sessions ON sessions.seq = chronicle.session
             WHERE sessions.id = ? AND sessions.bot = ? AND number > ? ORDER BY number LIMIT ?",
        )
        .bind(session.as_str())
        .bind(bot.as_str())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(count(max))
        .fetch_all(&self.pool)
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
            "SELECT sessions.*, (SELECT max(number) FROM chronicle WHERE session = seq) AS entries FROM sessions
             WHERE bot = ? AND created >= ? AND seq > ? AND EXISTS (SELECT 1 FROM chronicle WHERE session = seq)
             ORDER BY seq LIMIT ?",
        )
        .bind(bot.as_str())
        .bind(to_column(since))
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(count(max))
        .fetch_all(&self.pool)
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
    connection: &mut SqliteConnection,
    key: &CellKey,
    new: NewEntries<'_>,
) -> Result<Chronicled, Fault> {
    let row = sqlx::query(
        "SELECT seq, (SELECT coalesce(max(number), 0) FROM turns WHERE session = seq) AS turns,
                (SELECT coalesce(max(number), 0) FROM chronicle WHERE session = seq) AS number,
                (SELECT coalesce(max(total), 0) FROM chronicle WHERE session = seq) AS total
         FROM sessions WHERE id = ? AND bot = ? AND ended IS NULL AND expires > ?",
    )
    .bind(new.session.as_str())
    .bind(new.bot.as_str())
    .bind(to_column(new.now))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(Chronicled::NoSession) };
    let (seq, turns): (i64, i64) = (row.try_get("seq")?, row.try_get("turns")?);
    let (mut number, mut total): (i64, i64) = (row.try_get("number")?, row.try_get("total")?);
    for event in new.events {
        number += 1;
        total = total.saturating_add(count(event.len()));
        if number > count(ENTRIES_MAX) || total > count(SESSION_BYTES_MAX) {
            return Ok(Chronicled::Full);
        }
        let sealed = seal_entry(key, new.session, number, turns, new.now, event)?;
        sqlx::query(
            "INSERT INTO chronicle (session, number, turns, at, total, sealed) VALUES (?, ?, ?, ?, ?, ?)",
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
        sqlx::query("UPDATE sessions SET kept = max(kept, ?) WHERE seq = ?")
            .bind(to_column(until))
            .bind(seq)
            .execute(connection)
            .await?;
    }
    Ok(Chronicled::Kept)
}
