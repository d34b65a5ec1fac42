//! Exchanges that are kept.

use botwarden_crypto::{CellKey, Digest};
use botwarden_identity::StoreError;
use botwarden_types::{BotName, KeptExchange, SessionId, UnixMs, UserName};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::Postgres;
use super::database::in_time;
use super::sessions::{TRIES, holds_keys};
use crate::cells::row::{count, to_column};
use crate::cells::{Fault, failed, if_sound, open_exchange, seal_exchange, token_column};

impl Postgres {
    /// Keeps exchanges, all or none, each under its person's key; one that is kept already is left as it is.
    pub async fn keep_exchanges(&self, exchanges: &[KeptExchange]) -> Result<(), StoreError> {
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

    async fn keep(&self, exchanges: &[KeptExchange]) -> Result<(), Fault> {
        for _ in 0..TRIES {
            let mut sealed = Vec::with_capacity(exchanges.len());
            for exchange in exchanges {
                sealed.push(seal_exchange(&self.cells, exchange).await?);
            }
            let keys: Vec<&CellKey> = sealed.iter().map(|(key, _, _)| key).collect();
            let mut transaction = in_time(self.database.begin()).await?;
            if in_time(holds_keys(&mut transaction, &keys)).await? {
                for (exchange, (_, subject, cell)) in exchanges.iter().zip(&sealed) {
                    // Each has its time: together they may be many megabytes.
                    in_time(keep_row(&mut transaction, exchange, subject.as_ref(), cell)).await?;
                }
                return Ok(in_time(transaction.commit()).await?);
            }
            in_time(transaction.rollback()).await?;
            self.forget_destroyed().await?;
        }
        Err(Fault::Erased)
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
    subject: Option<&Digest>,
    cell: &[u8],
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
    .bind(subject.map(|subject| subject.as_bytes().as_slice()))
    .bind(to_column(exchange.at))
    .bind(to_column(exchange.expires))
    .bind(&exchange.operation)
    .bind(i64::from(exchange.status))
    .bind(&exchange.verdict)
    .bind(exchange.tokens.map(|(input, _)| token_column(input)))
    .bind(exchange.tokens.map(|(_, output)| token_column(output)))
    .bind(i64::from(exchange.complete))
    .bind(cell)
    .execute(connection)
    .await
    .map(drop)
}
