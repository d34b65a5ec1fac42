//! Exchanges that are kept.

use std::collections::HashSet;

use botwarden_crypto::{CellKey, KeyNumber};
use botwarden_identity::StoreError;
use botwarden_types::{BotName, KeptExchange, SessionId, UnixMs, UserName};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::Postgres;
use super::database::in_time;
use super::sessions::held_keys;
use crate::cells::row::{count, to_column};
use crate::cells::{
    Fault, NewExchange, SealedExchange, failed, if_sound, open_exchange, seal_exchange, token_column,
};

impl Postgres {
    /// See [`crate::Store::key_of`].
    pub async fn key_of(&self, bot: &BotName, user: &UserName, now: UnixMs) -> Result<KeyNumber, StoreError> {
        let key = self.cells.subject_key(&self.cells.subject_of(bot, user), now).await;
        key.map(|key| key.number()).map_err(failed("finding a person's key"))
    }

    /// See [`crate::Store::keep_exchanges`].
    pub async fn keep_exchanges(&self, exchanges: &[NewExchange]) -> Result<(), StoreError> {
        self.keep(exchanges).await.map_err(failed("keeping exchanges"))
    }

    /// What is kept of a person, oldest first, at most `max` after the exchange numbered `after`; each with its number.
    pub async fn exchanges_of(
        &self,
        bot: &BotName,
        user: &UserName,
        after: i64,
        max: usize,
    ) -> Result<Vec<(i64, KeptExchange)>, StoreError> {
        self.read_exchanges(bot, user, after, max).await.map_err(failed("reading exchanges"))
    }

    /// Deletes at most `max` exchanges whose time is over; how many it were.
    pub async fn purge_exchanges(&self, now: UnixMs, max: usize) -> Result<usize, StoreError> {
        in_time(self.purge_kept(now, max)).await.map_err(failed("deleting exchanges whose time is over"))
    }

    async fn keep(&self, exchanges: &[NewExchange]) -> Result<(), Fault> {
        let mut sealed = Vec::with_capacity(exchanges.len());
        for new in exchanges {
            sealed.push(seal_exchange(&self.cells, new).await?);
        }
        let keys: Vec<&CellKey> = sealed.iter().flatten().map(|sealed| &sealed.key).collect();
        let mut transaction = in_time(self.database.begin()).await?;
        let held = in_time(held_keys(&mut transaction, &keys)).await?;
        for (new, sealed) in exchanges.iter().zip(&sealed) {
            match sealed.as_ref().filter(|sealed| held.contains(&sealed.key.number())) {
                // Each has its time: together they may be many megabytes.
                Some(sealed) => in_time(keep_row(&mut transaction, &new.exchange, sealed)).await?,
                None => new.dropped(),
            }
        }
        in_time(transaction.commit()).await?;
        if held.len() < keys.iter().map(|key| key.number()).collect::<HashSet<_>>().len() {
            // So that whoever comes next is given no key that is gone. Should it fail, that is looked for every second all the same.
            let _ = self.cells.generation().await;
        }
        Ok(())
    }

    async fn read_exchanges(
        &self,
        bot: &BotName,
        user: &UserName,
        after: i64,
        max: usize,
    ) -> Result<Vec<(i64, KeptExchange)>, Fault> {
        let rows = in_time(
            sqlx::query(
                "SELECT * FROM botwarden.exchanges WHERE subject = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            )
            .bind(self.cells.subject_of(bot, user).as_bytes().to_vec())
            .bind(after)
            .bind(count(max))
            .fetch_all(&self.database.pool),
        )
        .await?;
        let mut exchanges = Vec::with_capacity(rows.len());
        for row in &rows {
            let seq = row.try_get("seq")?;
            exchanges
                .extend(if_sound(open_exchange(&self.cells, row).await)?.map(|exchange| (seq, exchange)));
        }
        Ok(exchanges)
    }

    async fn purge_kept(&self, now: UnixMs, max: usize) -> Result<usize, Fault> {
        let done = sqlx::query(
            "DELETE FROM botwarden.exchanges WHERE seq = ANY (ARRAY(
                 SELECT seq FROM botwarden.exchanges WHERE expires <= $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED
             ))",
        )
        .bind(to_column(now))
        .bind(count(max))
        .execute(&self.database.pool)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }
}

async fn keep_row(
    connection: &mut PgConnection,
    exchange: &KeptExchange,
    sealed: &SealedExchange,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO botwarden.exchanges
         (request, bot, key, session, subject, at, expires, operation, status, verdict, input, output, complete, sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (request) DO NOTHING",
    )
    .bind(exchange.request.as_str())
    .bind(exchange.bot.as_str())
    .bind(exchange.key.as_str())
    .bind(exchange.session.as_ref().map(SessionId::as_str))
    .bind(sealed.subject.as_ref().map(|subject| subject.as_bytes().as_slice()))
    .bind(to_column(exchange.at))
    .bind(to_column(exchange.expires))
    .bind(&exchange.operation)
    .bind(i64::from(exchange.status))
    .bind(&exchange.verdict)
    .bind(exchange.tokens.map(|(input, _)| token_column(input)))
    .bind(exchange.tokens.map(|(_, output)| token_column(output)))
    .bind(i64::from(exchange.complete))
    .bind(&sealed.cell)
    .execute(connection)
    .await
    .map(drop)
}
