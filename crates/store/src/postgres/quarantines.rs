//! What is stopped.

use botwarden_policy::quarantine::{QuarantineStore, STOPS_MAX, Scope, Stop, StopSet, Stopped};
use botwarden_policy::{BoxFuture, StoreError};
use sqlx::postgres::PgConnection;

use super::approvals::withdraw;
use super::changes::Change;
use super::database::in_time;
use super::locks::stops_alone;
use super::{Postgres, TRIES};
use crate::cells::row::{count, to_column};
use crate::cells::{Fault, IfNone, Matching, Owner, failed_policy, mark, open_stop, seal_stop};

impl QuarantineStore for Postgres {
    fn stop<'a>(&'a self, stop: &'a Stop) -> BoxFuture<'a, Result<Stopped, StoreError>> {
        Box::pin(async move {
            in_time(self.stop_it(stop)).await.map_err(failed_policy("keeping what is stopped"))
        })
    }

    fn lift<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(
            async move { in_time(self.let_go(scope)).await.map_err(failed_policy("lifting a quarantine")) },
        )
    }

    fn stops(&self) -> BoxFuture<'_, Result<StopSet, StoreError>> {
        Box::pin(
            async move { in_time(self.all_stops()).await.map_err(failed_policy("reading what is stopped")) },
        )
    }

    fn stops_generation(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            in_time(self.generation_of_stops()).await.map_err(failed_policy("asking whether more is stopped"))
        })
    }
}

impl Postgres {
    async fn stop_it(&self, stop: &Stop) -> Result<Stopped, Fault> {
        let (bot, user) = match &stop.scope {
            Scope::User(bot, user) => (Some(bot), Some(user)),
            _ => (None, None),
        };
        for _ in 0..TRIES {
            let owner = match bot {
                Some(bot) => self.cells.owner(bot, user, IfNone::Make, stop.since).await?,
                None => Some(Owner { key: self.cells.system().clone(), subject: None }),
            };
            let Some(owner) = owner else { continue };
            let Some(mut transaction) = self.write_under(&owner.key).await? else { continue };
            let stopped = self.stop_under(&mut transaction, &owner, stop).await?;
            transaction.commit().await?;
            return Ok(stopped);
        }
        Err(Fault::Unsettled)
    }

    async fn stop_under(
        &self,
        connection: &mut PgConnection,
        owner: &Owner,
        stop: &Stop,
    ) -> Result<Stopped, Fault> {
        stops_alone(connection).await?;
        let matching = Matching::of(&self.cells, &stop.scope);
        let mark = mark(&self.cells, &stop.scope);
        let bot = match &stop.scope {
            Scope::User(bot, _) => Some(bot.as_str().to_owned()),
            _ => matching.bot.clone(),
        };
        let done = sqlx::query(
            "INSERT INTO botwarden.quarantines (mark, kind, bot, session, subject, server, tool, since, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (mark) DO NOTHING",
        )
        .bind(&mark)
        .bind(stop.scope.kind())
        .bind(bot)
        .bind(&matching.session)
        .bind(owner.subject.as_ref().map(|subject| subject.as_bytes().to_vec()))
        .bind(&matching.server)
        .bind(&matching.tool)
        .bind(to_column(stop.since))
        .bind(seal_stop(&owner.key, &mark, stop)?)
        .execute(&mut *connection)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(Stopped::Before);
        }
        let sql = "SELECT count(*) FROM botwarden.quarantines";
        if sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *connection).await? > count(STOPS_MAX) {
            sqlx::query("DELETE FROM botwarden.quarantines WHERE mark = $1")
                .bind(&mark)
                .execute(connection)
                .await?;
            return Ok(Stopped::Full);
        }
        let withdrawn = withdraw(connection, &matching, stop.since).await?;
        next_generation(connection).await?;
        self.teller.tell(connection, &Change::Stops).await?;
        Ok(Stopped::Now(withdrawn))
    }

    async fn let_go(&self, scope: &Scope) -> Result<bool, Fault> {
        let mut transaction = self.database.begin().await?;
        stops_alone(&mut transaction).await?;
        let done = sqlx::query("DELETE FROM botwarden.quarantines WHERE mark = $1")
            .bind(mark(&self.cells, scope))
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() > 0 {
            next_generation(&mut transaction).await?;
            self.teller.tell(&mut transaction, &Change::Stops).await?;
        }
        transaction.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    async fn all_stops(&self) -> Result<StopSet, Fault> {
        // One instant: the generation is that of the rows.
        let mut transaction = self.database.begin_snapshot().await?;
        let generation = generation(&mut transaction).await?;
        let rows = sqlx::query("SELECT * FROM botwarden.quarantines ORDER BY seq")
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let mut stops = Vec::with_capacity(rows.len());
        for row in &rows {
            stops.extend(open_stop(&self.cells, row).await?);
        }
        Ok(StopSet { generation, stops })
    }

    async fn generation_of_stops(&self) -> Result<u64, Fault> {
        let mut connection = self.database.pool.acquire().await?;
        Ok(generation(&mut connection).await?)
    }
}

async fn generation(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let sql = "SELECT generation FROM botwarden.quarantine_generation";
    let generation: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
    Ok(u64::try_from(generation).unwrap_or(0))
}

/// Says that what is stopped has changed.
pub(super) async fn next_generation(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "UPDATE botwarden.quarantine_generation SET generation = generation + 1";
    sqlx::query(sql).execute(connection).await.map(drop)
}
