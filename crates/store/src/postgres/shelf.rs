//! The keyring's shelf in a schema of its own, so that dumps of the data do not hold the keys.

use botwarden_crypto::{BoxFuture, KeyNumber};
use botwarden_types::UnixMs;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Postgres as Engine, Transaction};

use super::changes::CHANNEL;
use super::database::{PostgresDatabase, PostgresError, in_time};
use super::migrations::KEYS;
use crate::cells::Columns;
use crate::cells::row::{count, from_column, to_column};
use crate::keyring::shelf::{
    Added, DataRow, Restored, Shelf, ShelfError, TENANT, Tally, TenantRow, Which, unsigned, version_column,
};

/// Wrapped keys in the schema `botwarden_keys`.
pub(crate) struct PostgresShelf(PostgresDatabase);

/// Whether others may hold the row of the generation at the same time. Every writer takes it before anything else.
#[derive(Clone, Copy)]
enum Turn {
    /// Adds or rewraps keys: which versions there are must not change meanwhile.
    Shared,
    /// Changes which versions there are, or destroys.
    Alone,
}

impl PostgresShelf {
    /// Makes or upgrades the tables.
    pub(crate) async fn open(database: &PostgresDatabase) -> Result<Self, PostgresError> {
        KEYS.upgrade(database).await?;
        Ok(Self(database.clone()))
    }

    async fn write(&self, turn: Turn) -> Result<Transaction<'static, Engine>, sqlx::Error> {
        let mut transaction = self.0.begin().await?;
        let hold = match turn {
            Turn::Shared => "SELECT 1 FROM botwarden_keys.generation FOR SHARE",
            Turn::Alone => "SELECT 1 FROM botwarden_keys.generation FOR UPDATE",
        };
        sqlx::query(hold).execute(&mut *transaction).await?;
        Ok(transaction)
    }

    async fn tenant_rows(&self) -> Result<Vec<TenantRow>, ShelfError> {
        let rows =
            sqlx::query("SELECT * FROM botwarden_keys.tenant_keys WHERE tenant = $1 ORDER BY version, root")
                .bind(TENANT)
                .fetch_all(&self.0.pool)
                .await?;
        rows.iter().map(TenantRow::read).collect()
    }

    async fn add_tenant(&self, row: &TenantRow) -> Result<(), ShelfError> {
        let mut transaction = self.write(Turn::Alone).await?;
        insert_tenant(&mut transaction, row).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn rewrap_tenant(&self, row: &TenantRow) -> Result<(), ShelfError> {
        let mut transaction = self.write(Turn::Alone).await?;
        sqlx::query(
            "UPDATE botwarden_keys.tenant_keys SET wrapped = $1
             WHERE tenant = $2 AND version = $3 AND root = $4 AND number = $5",
        )
        .bind(&row.wrapped)
        .bind(TENANT)
        .bind(version_column(row.version))
        .bind(&row.root)
        .bind(row.number.as_bytes().as_slice())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn retire_before_latest(&self) -> Result<(), ShelfError> {
        let mut transaction = self.write(Turn::Alone).await?;
        sqlx::query(
            "DELETE FROM botwarden_keys.tenant_keys WHERE tenant = $1
             AND version < (SELECT max(version) FROM botwarden_keys.tenant_keys WHERE tenant = $1)
             AND NOT EXISTS (
                 SELECT 1 FROM botwarden_keys.data_keys
                 WHERE data_keys.tenant = $1 AND data_keys.under = tenant_keys.version
             )",
        )
        .bind(TENANT)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn retire_others(&self, kept: &str) -> Result<(), ShelfError> {
        let mut transaction = self.write(Turn::Alone).await?;
        sqlx::query(
            "DELETE FROM botwarden_keys.tenant_keys WHERE tenant = $1 AND root <> $2
             AND EXISTS (
                 SELECT 1 FROM botwarden_keys.tenant_keys AS kept
                 WHERE kept.tenant = $1 AND kept.root = $2 AND kept.version = tenant_keys.version
             )",
        )
        .bind(TENANT)
        .bind(kept)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn find(&self, which: Which<'_>) -> Result<Option<DataRow>, ShelfError> {
        let query = match which {
            Which::Number(number) => {
                sqlx::query("SELECT * FROM botwarden_keys.data_keys WHERE tenant = $1 AND number = $2")
                    .bind(TENANT)
                    .bind(number.as_bytes().to_vec())
            }
            Which::Purpose(purpose) => sqlx::query(
                "SELECT * FROM botwarden_keys.data_keys WHERE tenant = $1 AND purpose = $2 AND subject IS NULL",
            )
            .bind(TENANT)
            .bind(purpose.as_str()),
            Which::Subject(subject) => {
                sqlx::query("SELECT * FROM botwarden_keys.data_keys WHERE tenant = $1 AND subject = $2")
                    .bind(TENANT)
                    .bind(subject.as_bytes().to_vec())
            }
        };
        query.fetch_optional(&self.0.pool).await?.as_ref().map(DataRow::read).transpose()
    }

    async fn add(&self, rows: &[DataRow]) -> Result<Vec<Added>, ShelfError> {
        let mut transaction = self.write(Turn::Shared).await?;
        let latest = latest(&mut transaction).await?;
        // In one order, so that two nodes that add keys of the same people wait for each other instead of both.
        let mut order: Vec<(usize, &DataRow)> = rows.iter().enumerate().collect();
        order.sort_by_key(|(_, row)| row.subject.map(|subject| *subject.as_bytes()));
        let mut added = vec![Added::Outdated; rows.len()];
        for (at, row) in order {
            if latest == Some(version_column(row.under))
                && let Some(added) = added.get_mut(at)
            {
                let is_new = insert_data(&mut transaction, row).await?;
                *added = if is_new { Added::Yes } else { Added::Exists };
            }
        }
        transaction.commit().await?;
        Ok(added)
    }

    async fn before(&self, version: u64, max: usize) -> Result<Vec<DataRow>, ShelfError> {
        // In order, so that two rotations at once lock keys in the same one.
        let rows = sqlx::query(
            "SELECT * FROM botwarden_keys.data_keys WHERE tenant = $1 AND under < $2 ORDER BY number LIMIT $3",
        )
        .bind(TENANT)
        .bind(version_column(version))
        .bind(count(max))
        .fetch_all(&self.0.pool)
        .await?;
        rows.iter().map(DataRow::read).collect()
    }

    async fn page(&self, after: Option<&KeyNumber>, max: usize) -> Result<Vec<DataRow>, ShelfError> {
        let after = after.map_or(Vec::new(), |number| number.as_bytes().to_vec());
        let rows = sqlx::query(
            "SELECT * FROM botwarden_keys.data_keys WHERE tenant = $1 AND number > $2 ORDER BY number LIMIT $3",
        )
        .bind(TENANT)
        .bind(after)
        .bind(count(max))
        .fetch_all(&self.0.pool)
        .await?;
        rows.iter().map(DataRow::read).collect()
    }

    async fn replace(&self, rows: &[DataRow], from: &[u64]) -> Result<(), ShelfError> {
        let mut transaction = self.write(Turn::Shared).await?;
        for (row, from) in rows.iter().zip(from) {
            sqlx::query(
                "UPDATE botwarden_keys.data_keys SET wrapped = $1, under = $2
                 WHERE tenant = $3 AND number = $4 AND under = $5",
            )
            .bind(&row.wrapped)
            .bind(version_column(row.under))
            .bind(TENANT)
            .bind(row.number.as_bytes().as_slice())
            .bind(version_column(*from))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn remove(&self, number: &KeyNumber, at: UnixMs) -> Result<bool, ShelfError> {
        let mut transaction = self.write(Turn::Alone).await?;
        let done = sqlx::query("DELETE FROM botwarden_keys.data_keys WHERE tenant = $1 AND number = $2")
            .bind(TENANT)
            .bind(number.as_bytes().as_slice())
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        insert_destroyed(&mut transaction, number, at).await?;
        sqlx::query("UPDATE botwarden_keys.generation SET generation = generation + 1")
            .execute(&mut *transaction)
            .await?;
        // Every node forgets it, this one as well.
        sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn destroyed(&self, number: &KeyNumber) -> Result<bool, ShelfError> {
        let found: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM botwarden_keys.destroyed_keys WHERE number = $1)",
        )
        .bind(number.as_bytes().as_slice())
        .fetch_one(&self.0.pool)
        .await?;
        Ok(found)
    }

    async fn page_of_destroyed(
        &self,
        after: Option<&KeyNumber>,
        max: usize,
    ) -> Result<Vec<(KeyNumber, UnixMs)>, ShelfError> {
        let after = after.map_or(Vec::new(), |number| number.as_bytes().to_vec());
        let rows = sqlx::query(
            "SELECT number, at FROM botwarden_keys.destroyed_keys
             WHERE tenant = $1 AND number > $2 ORDER BY number LIMIT $3",
        )
        .bind(TENANT)
        .bind(after)
        .bind(count(max))
        .fetch_all(&self.0.pool)
        .await?;
        let read = |row: &PgRow| {
            let number = KeyNumber::from_stored(&row.bytes("number")?).ok_or(ShelfError::Damaged)?;
            Ok((number, from_column(row.number("at")?)))
        };
        rows.iter().map(read).collect()
    }

    async fn put_back(&self, rows: &Restored) -> Result<(), ShelfError> {
        let mut transaction = self.write(Turn::Alone).await?;
        for (number, at) in &rows.destroyed {
            in_time(insert_destroyed(&mut transaction, number, *at)).await?;
        }
        for row in &rows.tenant {
            in_time(insert_tenant(&mut transaction, row)).await?;
        }
        for row in &rows.data {
            in_time(insert_data(&mut transaction, row)).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn count_keys(&self) -> Result<Vec<Tally>, ShelfError> {
        let rows = sqlx::query(
            "SELECT purpose, under, count(*) AS keys, min(created) AS oldest FROM botwarden_keys.data_keys
             WHERE tenant = $1 GROUP BY purpose, under ORDER BY purpose, under",
        )
        .bind(TENANT)
        .fetch_all(&self.0.pool)
        .await?;
        rows.iter().map(Tally::read).collect()
    }

    async fn present_generation(&self) -> Result<u64, ShelfError> {
        let sql = "SELECT generation FROM botwarden_keys.generation";
        unsigned(sqlx::query_scalar(sql).fetch_one(&self.0.pool).await?)
    }
}

/// Unless there is one, or the version is another key's: two nodes that begin with root keys of their own must not end with two keys of one
/// version.
async fn insert_tenant(connection: &mut PgConnection, row: &TenantRow) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO botwarden_keys.tenant_keys (tenant, version, root, number, wrapped, created)
         SELECT $1, $2, $3, $4, $5, $6
         WHERE NOT EXISTS (
             SELECT 1 FROM botwarden_keys.tenant_keys WHERE tenant = $1 AND version = $2 AND number <> $4
         )
         ON CONFLICT DO NOTHING",
    )
    .bind(TENANT)
    .bind(version_column(row.version))
    .bind(&row.root)
    .bind(row.number.as_bytes().as_slice())
    .bind(&row.wrapped)
    .bind(to_column(row.created))
    .execute(connection)
    .await
    .map(drop)
}

/// Whether it was inserted: not if there is one, or was one that is destroyed.
async fn insert_data(connection: &mut PgConnection, row: &DataRow) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO botwarden_keys.data_keys (number, tenant, purpose, subject, under, wrapped, created)
         SELECT $1, $2, $3, $4, $5, $6, $7
         WHERE NOT EXISTS (SELECT 1 FROM botwarden_keys.destroyed_keys WHERE number = $1)
         ON CONFLICT DO NOTHING",
    )
    .bind(row.number.as_bytes().as_slice())
    .bind(TENANT)
    .bind(row.purpose.as_str())
    .bind(row.subject.as_ref().map(|subject| subject.as_bytes().as_slice()))
    .bind(version_column(row.under))
    .bind(&row.wrapped)
    .bind(to_column(row.created))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn insert_destroyed(
    connection: &mut PgConnection,
    number: &KeyNumber,
    at: UnixMs,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO botwarden_keys.destroyed_keys (number, tenant, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(number.as_bytes().as_slice())
    .bind(TENANT)
    .bind(to_column(at))
    .execute(connection)
    .await
    .map(drop)
}

async fn latest(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT max(version) FROM botwarden_keys.tenant_keys WHERE tenant = $1")
        .bind(TENANT)
        .fetch_one(connection)
        .await
}

impl Shelf for PostgresShelf {
    fn place(&self) -> &'static str {
        "the schema `botwarden_keys`"
    }

    fn tenant_keys(&self) -> BoxFuture<'_, Result<Vec<TenantRow>, ShelfError>> {
        Box::pin(in_time(self.tenant_rows()))
    }

    fn add_tenant_key<'a>(&'a self, row: &'a TenantRow) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(in_time(self.add_tenant(row)))
    }

    fn rewrap_tenant_key<'a>(&'a self, row: &'a TenantRow) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(self.rewrap_tenant(row))
    }

    fn retire_versions(&self) -> BoxFuture<'_, Result<(), ShelfError>> {
        Box::pin(in_time(self.retire_before_latest()))
    }

    fn retire_roots<'a>(&'a self, kept: &'a str) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(in_time(self.retire_others(kept)))
    }

    fn data_key<'a>(&'a self, which: Which<'a>) -> BoxFuture<'a, Result<Option<DataRow>, ShelfError>> {
        Box::pin(in_time(self.find(which)))
    }

    fn add_data_key<'a>(&'a self, row: &'a DataRow) -> BoxFuture<'a, Result<Added, ShelfError>> {
        Box::pin(in_time(async move {
            let added = self.add(std::slice::from_ref(row)).await?;
            added.first().copied().ok_or(ShelfError::Damaged)
        }))
    }

    fn add_data_keys<'a>(&'a self, rows: &'a [DataRow]) -> BoxFuture<'a, Result<Vec<Added>, ShelfError>> {
        Box::pin(in_time(self.add(rows)))
    }

    fn wrapped_before(&self, version: u64, max: usize) -> BoxFuture<'_, Result<Vec<DataRow>, ShelfError>> {
        Box::pin(in_time(self.before(version, max)))
    }

    fn data_keys<'a>(
        &'a self,
        after: Option<&'a KeyNumber>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<DataRow>, ShelfError>> {
        Box::pin(in_time(self.page(after, max)))
    }

    fn rewrap<'a>(&'a self, rows: &'a [DataRow], from: &'a [u64]) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(in_time(self.replace(rows, from)))
    }

    fn destroy<'a>(&'a self, number: &'a KeyNumber, at: UnixMs) -> BoxFuture<'a, Result<bool, ShelfError>> {
        Box::pin(in_time(self.remove(number, at)))
    }

    fn was_destroyed<'a>(&'a self, number: &'a KeyNumber) -> BoxFuture<'a, Result<bool, ShelfError>> {
        Box::pin(in_time(self.destroyed(number)))
    }

    fn destroyed_keys<'a>(
        &'a self,
        after: Option<&'a KeyNumber>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<(KeyNumber, UnixMs)>, ShelfError>> {
        Box::pin(in_time(self.page_of_destroyed(after, max)))
    }

    fn restore<'a>(&'a self, rows: &'a Restored) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(self.put_back(rows))
    }

    fn generation(&self) -> BoxFuture<'_, Result<u64, ShelfError>> {
        Box::pin(in_time(self.present_generation()))
    }

    fn tallies(&self) -> BoxFuture<'_, Result<Vec<Tally>, ShelfError>> {
        Box::pin(in_time(self.count_keys()))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.close())
    }
}
