//! What tools did before, counted.

use botwarden_crypto::CellKey;
use botwarden_policy::history::{Before, Charge, Charged, Count, Counts, HistoryStore};
use botwarden_policy::{BoxFuture, StoreError};
use botwarden_types::UnixMs;
use sqlx::postgres::PgConnection;

use super::database::in_time;
use super::locks::counts_of;
use super::{Postgres, TRIES};
use crate::cells::row::{count, to_column};
use crate::cells::{
    Counter, Fault, IfNone, Owner, counters, failed_policy, gathered, open_count, seal_count, spread,
};

impl HistoryStore for Postgres {
    fn charge<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<Charged, StoreError>> {
        Box::pin(
            async move { in_time(self.count_call(charge)).await.map_err(failed_policy("counting a call")) },
        )
    }

    fn take_back<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(
            async move { in_time(self.uncount(charge)).await.map_err(failed_policy("taking back a call")) },
        )
    }

    fn before<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<Before, StoreError>> {
        Box::pin(async move { in_time(self.so_far(charge)).await.map_err(failed_policy("reading counts")) })
    }

    fn purge_history(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(
            async move { self.purge_counts(now, max).await.map_err(failed_policy("deleting old counts")) },
        )
    }
}

impl Postgres {
    async fn count_call(&self, charge: &Charge) -> Result<Charged, Fault> {
        for _ in 0..TRIES {
            let Some(owner) = self.owner(&charge.holder, IfNone::Make, charge.at).await? else {
                return Ok(Charged::NoSession);
            };
            let Some(mut transaction) = self.write_under(&owner.key).await? else { continue };
            counts_of(&mut transaction, &owner.key).await?;
            let places = counters(&owner.key, charge);
            let mut counts = read(&mut transaction, &owner.key, &places).await?;
            if let Err(over) = counts.add(charge) {
                return Ok(Charged::Over(over));
            }
            write(&mut transaction, &owner, &places, counts).await?;
            transaction.commit().await?;
            return Ok(Charged::Yes);
        }
        Err(Fault::Unsettled)
    }

    async fn uncount(&self, charge: &Charge) -> Result<(), Fault> {
        for _ in 0..TRIES {
            let Some(owner) = self.owner(&charge.holder, IfNone::Leave, charge.at).await? else {
                return Ok(());
            };
            let Some(mut transaction) = self.write_under(&owner.key).await? else { continue };
            counts_of(&mut transaction, &owner.key).await?;
            let places = counters(&owner.key, charge);
            let mut counts = read(&mut transaction, &owner.key, &places).await?;
            counts.subtract(charge);
            write(&mut transaction, &owner, &places, counts).await?;
            return Ok(transaction.commit().await?);
        }
        Err(Fault::Unsettled)
    }

    async fn so_far(&self, charge: &Charge) -> Result<Before, Fault> {
        let owner = self.owner(&charge.holder, IfNone::Leave, charge.at).await?;
        let Some(owner) = owner else { return Ok(Before::default()) };
        let mut connection = self.database.pool.acquire().await?;
        let counts = read(&mut connection, &owner.key, &counters(&owner.key, charge)).await?;
        Ok(Before {
            today: counts.today.tally,
            party_today: counts.party_today.tally,
            party_ever: counts.party_ever.tally,
        })
    }

    async fn purge_counts(&self, now: UnixMs, max: usize) -> Result<usize, Fault> {
        let done = sqlx::query(
            "DELETE FROM botwarden.history WHERE (name, day) IN (SELECT name, day FROM botwarden.history WHERE expires <= $1 ORDER BY expires LIMIT $2)",
        )
        .bind(to_column(now))
        .bind(count(max))
        .execute(&self.database.pool)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }
}

/// A count that was changed outside botwarden is an error: taken for nothing, it would let everything begin anew.
async fn read(connection: &mut PgConnection, key: &CellKey, places: &[Counter]) -> Result<Counts, Fault> {
    let mut counts = Vec::with_capacity(places.len());
    for counter in places {
        let sealed: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT sealed FROM botwarden.history WHERE name = $1 AND day = $2")
                .bind(counter.name.as_bytes().as_slice())
                .bind(counter.day)
                .fetch_optional(&mut *connection)
                .await?;
        counts.push(match sealed {
            Some(sealed) => open_count(key, counter, &sealed)?,
            None => Count::default(),
        });
    }
    Ok(gathered(counts))
}

async fn write(
    connection: &mut PgConnection,
    owner: &Owner,
    places: &[Counter],
    counts: Counts,
) -> Result<(), Fault> {
    for (counter, count) in places.iter().zip(spread(counts)) {
        sqlx::query(
            "INSERT INTO botwarden.history (name, day, subject, expires, sealed) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name, day) DO UPDATE SET expires = greatest(history.expires, excluded.expires), sealed = excluded.sealed",
        )
        .bind(counter.name.as_bytes().as_slice())
        .bind(counter.day)
        .bind(owner.subject.as_ref().map(|subject| subject.as_bytes().to_vec()))
        .bind(counter.expires)
        .bind(seal_count(&owner.key, counter, &count)?)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
