//! Exchanges that are kept.

use botwarden_crypto::KeyNumber;
use botwarden_identity::StoreError;
use botwarden_types::{BotName, KeptExchange, SessionId, UnixMs, UserName};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::{Sqlite, TRIES};
use crate::cells::row::{count, to_column};
use crate::cells::{
    Fault, NewExchange, SealedExchange, failed, if_sound, open_exchange, seal_exchange, token_column,
};

impl Sqlite {
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
        self.purge_kept(now, max).await.map_err(failed("deleting exchanges whose time is over"))
    }

    async fn keep(&self, exchanges: &[NewExchange]) -> Result<(), Fault> {
        for _ in 0..TRIES {
            let generation = self.cells.generation().await?;
            // Sealed before the transaction: keys lie in a file of their own.
            let mut sealed = Vec::with_capacity(exchanges.len());
            for new in exchanges {
                sealed.push(seal_exchange(&self.cells, new).await?);
            }
            let Some(mut transaction) = self.write_at(generation).await? else { continue };
            for (new, sealed) in exchanges.iter().zip(&sealed) {
                match sealed {
                    Some(sealed) => keep_row(&mut transaction, &new.exchange, sealed).await?,
                    None => new.dropped(),
                }
            }
            return Ok(transaction.commit().await?);
        }
        Err(Fault::Unsettled)
    }

    async fn read_exchanges(
        &self,
        bot: &BotName,
        user: &UserName,
        after: i64,
        max: usize,
    ) -> Result<Vec<(i64, KeptExchange)>, Fault> {
        let rows = sqlx::query("SELECT * FROM exchanges WHERE subject = ? AND seq > ? ORDER BY seq LIMIT ?")
            .bind(self.cells.subject_of(bot, user).as_bytes().to_vec())
            .bind(after)
            .bind(count(max))
            .fetch_all(&self.pool)
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
            "DELETE FROM exchanges WHERE seq IN (SELECT seq FROM exchanges WHERE expires <= ? ORDER BY expires LIMIT ?)",
        )
        .bind(to_column(now))
        .bind(count(max))
        .execute(&self.pool)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }
}

async fn keep_row(
    connection: &mut SqliteConnection,
    exchange: &KeptExchange,
    sealed: &SealedExchange,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT OR IGNORE INTO exchanges
         (request, bot, key, session, subject, at, expires, operation, status, verdict, input, output, complete, sealed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .bind(exchange.complete)
    .bind(&sealed.cell)
    .execute(connection)
    .await
    .map(drop)
}
