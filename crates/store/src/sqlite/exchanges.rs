//! Exchanges that are kept.

use botwarden_crypto::Digest;
use botwarden_identity::StoreError;
use botwarden_types::{BotName, KeptExchange, KeyId, RequestId, SessionId, UnixMs, UserName};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::row::{Clear, count, from_column, to_column};
use super::{Fault, Sqlite, failed, if_sound};
use crate::content;

const TABLE: &str = "exchanges";
const COLUMN: &str = "sealed";

impl Sqlite {
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
        self.purge_kept(now, max).await.map_err(failed("deleting exchanges whose time is over"))
    }

    async fn keep(&self, exchanges: &[KeptExchange]) -> Result<(), Fault> {
        // Sealed before the transaction: keys lie in a file of their own.
        let mut sealed = Vec::with_capacity(exchanges.len());
        for exchange in exchanges {
            sealed.push(self.seal_exchange(exchange).await?);
        }
        let mut transaction = self.write().await?;
        for (exchange, (subject, cell)) in exchanges.iter().zip(sealed) {
            sqlx::query(
                "INSERT OR IGNORE INTO exchanges
                 (request, bot, key, session, subject, at, expires, operation, status, verdict, input, output, complete, sealed)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(exchange.request.as_str())
            .bind(exchange.bot.as_str())
            .bind(exchange.key.as_str())
            .bind(exchange.session.as_ref().map(SessionId::as_str))
            .bind(subject.map(|subject| subject.as_bytes().to_vec()))
            .bind(to_column(exchange.at))
            .bind(to_column(exchange.expires))
            .bind(&exchange.operation)
            .bind(i64::from(exchange.status))
            .bind(&exchange.verdict)
            .bind(exchange.tokens.map(|(input, _)| token_column(input)))
            .bind(exchange.tokens.map(|(_, output)| token_column(output)))
            .bind(exchange.complete)
            .bind(cell)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn seal_exchange(&self, exchange: &KeptExchange) -> Result<(Option<Digest>, Vec<u8>), Fault> {
        let subject = exchange.user.as_ref().map(|user| self.subject_of(&exchange.bot, user));
        let key = match &subject {
            Some(subject) => self.subject_key(subject, exchange.at).await?,
            None => self.keyring.system().clone(),
        };
        let cell = key.seal(clear(exchange).place(TABLE, COLUMN), &content::encode(exchange)?)?;
        Ok((subject, cell))
    }

    async fn read_exchanges(
        &self,
        bot: &BotName,
        user: &UserName,
        after: i64,
        max: usize,
    ) -> Result<Vec<(i64, KeptExchange)>, Fault> {
        let rows = sqlx::query("SELECT * FROM exchanges WHERE subject = ? AND seq > ? ORDER BY seq LIMIT ?")
            .bind(self.subject_of(bot, user).as_bytes().to_vec())
            .bind(after)
            .bind(count(max))
            .fetch_all(&self.pool)
            .await?;
        let mut exchanges = Vec::with_capacity(rows.len());
        for row in &rows {
            let seq = row.try_get("seq")?;
            exchanges.extend(if_sound(self.exchange(row).await)?.map(|exchange| (seq, exchange)));
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

    async fn exchange(&self, row: &SqliteRow) -> Result<KeptExchange, Fault> {
        let id: String = row.try_get("request")?;
        let damaged = || Fault::Damaged { table: TABLE, id: id.clone() };
        let session: Option<&str> = row.try_get("session")?;
        let tokens = match (row.try_get("input")?, row.try_get("output")?) {
            (Some(input), Some(output)) => {
                Some((token(input).ok_or_else(damaged)?, token(output).ok_or_else(damaged)?))
            }
            _ => None,
        };
        let mut exchange = KeptExchange {
            request: RequestId::parse(&id).map_err(|_| damaged())?,
            bot: BotName::parse(row.try_get("bot")?).map_err(|_| damaged())?,
            key: KeyId::parse(row.try_get("key")?).map_err(|_| damaged())?,
            session: session.map(SessionId::parse).transpose().map_err(|_| damaged())?,
            user: None,
            at: from_column(row.try_get("at")?),
            expires: from_column(row.try_get("expires")?),
            operation: row.try_get("operation")?,
            model: String::new(),
            status: u16::try_from(row.try_get::<i64, _>("status")?).map_err(|_| damaged())?,
            verdict: row.try_get("verdict")?,
            tokens,
            complete: row.try_get("complete")?,
            content: None,
        };
        let place = clear(&exchange);
        let opened = self.open_cell(place.place(TABLE, COLUMN), row.try_get("sealed")?, TABLE, &id).await?;
        let opened = content::read(&opened).ok_or_else(damaged)?;
        (exchange.user, exchange.model, exchange.content) = (opened.user, opened.model, opened.content);
        Ok(exchange)
    }
}

/// What an exchange's sealed cell is bound to.
fn clear(exchange: &KeptExchange) -> Clear {
    Clear::default()
        .text(exchange.request.as_str())
        .text(exchange.bot.as_str())
        .text(exchange.key.as_str())
        .text(exchange.session.as_ref().map_or("", SessionId::as_str))
        .time(exchange.at)
        .time(exchange.expires)
        .text(&exchange.operation)
        .number(Some(i64::from(exchange.status)))
        .text(&exchange.verdict)
        .number(exchange.tokens.map(|(input, _)| token_column(input)))
        .number(exchange.tokens.map(|(_, output)| token_column(output)))
        .number(Some(i64::from(exchange.complete)))
}

fn token_column(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

fn token(column: i64) -> Option<u64> {
    u64::try_from(column).ok()
}
