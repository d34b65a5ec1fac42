//! The shelf in a file of its own, so that backups of data do not hold the keys.

use std::path::Path;

use botwarden_crypto::{BoxFuture, KeyNumber};
use botwarden_types::UnixMs;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Row, Sqlite as Engine, Transaction};

use super::shelf::{
    Added, DataRow, Restored, Shelf, ShelfError, TENANT, Tally, TenantRow, Which, unsigned, version_column,
};
use crate::cells::row::{count, from_column, to_column};
use crate::sqlite::database::{self, Database, OpenDatabaseError};

/// "BwKr" in ASCII.
const FILE: Database =
    Database { application_id: 0x4277_4b72, steps: &[include_str!("schema/0001_keys.sql")] };

/// Wrapped keys in `keyring.db`.
pub(super) struct SqliteShelf(SqlitePool);

impl SqliteShelf {
    pub(super) async fn open(path: &Path) -> Result<Self, OpenDatabaseError> {
        let pool = database::pool(path).await?;
        let mut transaction =
            database::write(&pool).await.map_err(|source| OpenDatabaseError::engine(path, source))?;
        FILE.upgrade(&mut transaction, path).await?;
        transaction.commit().await.map_err(|source| OpenDatabaseError::engine(path, source))?;
        Ok(Self(pool))
    }

    async fn write(&self) -> Result<Transaction<'static, Engine>, sqlx::Error> {
        database::write(&self.0).await
    }

    async fn tenant_rows(&self) -> Result<Vec<TenantRow>, ShelfError> {
        let rows = sqlx::query("SELECT * FROM tenant_keys WHERE tenant = ? ORDER BY version, root")
            .bind(TENANT)
            .fetch_all(&self.0)
            .await?;
        rows.iter().map(TenantRow::read).collect()
    }

    async fn add_tenant(&self, row: &TenantRow) -> Result<(), ShelfError> {
        let mut connection = self.0.acquire().await?;
        Ok(insert_tenant(&mut connection, row).await?)
    }

    async fn rewrap_tenant(&self, row: &TenantRow) -> Result<(), ShelfError> {
        sqlx::query(
            "UPDATE tenant_keys SET wrapped = ? WHERE tenant = ? AND version = ? AND root = ? AND number = ?",
        )
        .bind(&row.wrapped)
        .bind(TENANT)
        .bind(version_column(row.version))
        .bind(&row.root)
        .bind(row.number.as_bytes().as_slice())
        .execute(&self.0)
        .await?;
        Ok(())
    }

    async fn run(&self, sql: &'static str, argument: &str) -> Result<(), ShelfError> {
        sqlx::query(sql).bind(TENANT).bind(argument).execute(&self.0).await?;
        Ok(())
    }

    async fn find(&self, which: Which<'_>) -> Result<Option<DataRow>, ShelfError> {
        let query = match which {
            Which::Number(number) => sqlx::query("SELECT * FROM data_keys WHERE tenant = ? AND number = ?")
                .bind(TENANT)
                .bind(number.as_bytes().to_vec()),
            Which::Purpose(purpose) => {
                sqlx::query("SELECT * FROM data_keys WHERE tenant = ? AND purpose = ? AND subject IS NULL")
                    .bind(TENANT)
                    .bind(purpose.as_str())
            }
            Which::Subject(subject) => {
                sqlx::query("SELECT * FROM data_keys WHERE tenant = ? AND subject = ?")
                    .bind(TENANT)
                    .bind(subject.as_bytes().to_vec())
            }
        };
        query.fetch_optional(&self.0).await?.as_ref().map(DataRow::read).transpose()
    }

    async fn add(&self, rows: &[DataRow]) -> Result<Vec<Added>, ShelfError> {
        let mut transaction = self.write().await?;
        let latest: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM tenant_keys WHERE tenant = ?")
            .bind(TENANT)
            .fetch_one(&mut *transaction)
            .await?;
        let mut added = Vec::with_capacity(rows.len());
        for row in rows {
            added.push(if latest != Some(version_column(row.under)) {
                Added::Outdated
            } else if insert_data(&mut transaction, row).await? {
                Added::Yes
            } else {
                Added::Exists
            });
        }
        transaction.commit().await?;
        Ok(added)
    }

    async fn before(&self, version: u64, max: usize) -> Result<Vec<DataRow>, ShelfError> {
        let rows = sqlx::query("SELECT * FROM data_keys WHERE tenant = ? AND under < ? LIMIT ?")
            .bind(TENANT)
            .bind(version_column(version))
            .bind(count(max))
            .fetch_all(&self.0)
            .await?;
        rows.iter().map(DataRow::read).collect()
    }

    async fn page(&self, after: Option<&KeyNumber>, max: usize) -> Result<Vec<DataRow>, ShelfError> {
        let after = after.map_or(Vec::new(), |number| number.as_bytes().to_vec());
        let rows =
            sqlx::query("SELECT * FROM data_keys WHERE tenant = ? AND number > ? ORDER BY number LIMIT ?")
                .bind(TENANT)
                .bind(after)
                .bind(count(max))
                .fetch_all(&self.0)
                .await?;
        rows.iter().map(DataRow::read).collect()
    }

    async fn replace(&self, rows: &[DataRow], from: &[u64]) -> Result<(), ShelfError> {
        let mut transaction = self.write().await?;
        for (row, from) in rows.iter().zip(from) {
            sqlx::query(
                "UPDATE data_keys SET wrapped = ?, under = ? WHERE tenant = ? AND number = ? AND under = ?",
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
        let mut transaction = self.write().await?;
        let done = sqlx::query("DELETE FROM data_keys WHERE tenant = ? AND number = ?")
            .bind(TENANT)
            .bind(number.as_bytes().as_slice())
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("INSERT OR IGNORE INTO destroyed_keys (number, tenant, at) VALUES (?, ?, ?)")
            .bind(number.as_bytes().as_slice())
            .bind(TENANT)
            .bind(to_column(at))
            .execute(&mut *transaction)
            .await?;
        sqlx::query("UPDATE generation SET generation = generation + 1").execute(&mut *transaction).await?;
        transaction.commit().await?;
        // What the write-ahead log still holds of it goes too.
        if !database::cut_log(&self.0).await? {
            tracing::warn!(
                "what is left of a destroyed key in the write-ahead log of `keyring.db` goes when nobody reads it any more"
            );
        }
        Ok(true)
    }

    async fn destroyed(&self, number: &KeyNumber) -> Result<bool, ShelfError> {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM destroyed_keys WHERE number = ?")
            .bind(number.as_bytes().as_slice())
            .fetch_one(&self.0)
            .await?;
        Ok(found > 0)
    }

    async fn page_of_destroyed(
        &self,
        after: Option<&KeyNumber>,
        max: usize,
    ) -> Result<Vec<(KeyNumber, UnixMs)>, ShelfError> {
        let after = after.map_or(Vec::new(), |number| number.as_bytes().to_vec());
        let sql =
            "SELECT number, at FROM destroyed_keys WHERE tenant = ? AND number > ? ORDER BY number LIMIT ?";
        let rows = sqlx::query(sql).bind(TENANT).bind(after).bind(count(max)).fetch_all(&self.0).await?;
        rows.iter()
            .map(|row| {
                let number = KeyNumber::from_stored(row.try_get("number")?).ok_or(ShelfError::Damaged)?;
                Ok((number, from_column(row.try_get("at")?)))
            })
            .collect()
    }

    async fn put_back(&self, restored: &Restored) -> Result<(), ShelfError> {
        let mut transaction = self.write().await?;
        for row in &restored.tenant {
            insert_tenant(&mut transaction, row).await?;
        }
        for (number, at) in &restored.destroyed {
            sqlx::query("INSERT OR IGNORE INTO destroyed_keys (number, tenant, at) VALUES (?, ?, ?)")
                .bind(number.as_bytes().as_slice())
                .bind(TENANT)
                .bind(to_column(*at))
                .execute(&mut *transaction)
                .await?;
        }
        for row in &restored.data {
            insert_data(&mut transaction, row).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn count_keys(&self) -> Result<Vec<Tally>, ShelfError> {
        let rows = sqlx::query(
            "SELECT purpose, under, count(*) AS keys, min(created) AS oldest FROM data_keys
             WHERE tenant = ? GROUP BY purpose, under ORDER BY purpose, under",
        )
        .bind(TENANT)
        .fetch_all(&self.0)
        .await?;
        rows.iter().map(Tally::read).collect()
    }
}

impl Shelf for SqliteShelf {
    fn place(&self) -> &'static str {
        "`keyring.db`"
    }

    fn tenant_keys(&self) -> BoxFuture<'_, Result<Vec<TenantRow>, ShelfError>> {
        Box::pin(self.tenant_rows())
    }

    fn add_tenant_key<'a>(&'a self, row: &'a TenantRow) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(self.add_tenant(row))
    }

    fn rewrap_tenant_key<'a>(&'a self, row: &'a TenantRow) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(self.rewrap_tenant(row))
    }

    fn retire_versions(&self) -> BoxFuture<'_, Result<(), ShelfError>> {
        Box::pin(self.run(
            "DELETE FROM tenant_keys WHERE tenant = ?1
             AND version < (SELECT max(version) FROM tenant_keys WHERE tenant = ?1)
             AND NOT EXISTS (
                 SELECT 1 FROM data_keys WHERE data_keys.tenant = ?1 AND data_keys.under = tenant_keys.version
             ) AND ?2 = ''",
            "",
        ))
    }

    fn retire_roots<'a>(&'a self, kept: &'a str) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(self.run(
            "DELETE FROM tenant_keys WHERE tenant = ?1 AND root <> ?2
             AND EXISTS (
                 SELECT 1 FROM tenant_keys AS kept
                 WHERE kept.tenant = ?1 AND kept.root = ?2 AND kept.version = tenant_keys.version
             )",
            kept,
        ))
    }

    fn data_key<'a>(&'a self, which: Which<'a>) -> BoxFuture<'a, Result<Option<DataRow>, ShelfError>> {
        Box::pin(self.find(which))
    }

    fn add_data_key<'a>(&'a self, row: &'a DataRow) -> BoxFuture<'a, Result<Added, ShelfError>> {
        Box::pin(async move {
            let added = self.add(std::slice::from_ref(row)).await?;
            added.first().copied().ok_or(ShelfError::Damaged)
        })
    }

    fn add_data_keys<'a>(&'a self, rows: &'a [DataRow]) -> BoxFuture<'a, Result<Vec<Added>, ShelfError>> {
        Box::pin(self.add(rows))
    }

    fn wrapped_before(&self, version: u64, max: usize) -> BoxFuture<'_, Result<Vec<DataRow>, ShelfError>> {
        Box::pin(self.before(version, max))
    }

    fn data_keys<'a>(
        &'a self,
        after: Option<&'a KeyNumber>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<DataRow>, ShelfError>> {
        Box::pin(self.page(after, max))
    }

    fn rewrap<'a>(&'a self, rows: &'a [DataRow], from: &'a [u64]) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(self.replace(rows, from))
    }

    fn destroy<'a>(&'a self, number: &'a KeyNumber, at: UnixMs) -> BoxFuture<'a, Result<bool, ShelfError>> {
        Box::pin(self.remove(number, at))
    }

    fn was_destroyed<'a>(&'a self, number: &'a KeyNumber) -> BoxFuture<'a, Result<bool, ShelfError>> {
        Box::pin(self.destroyed(number))
    }

    fn destroyed_keys<'a>(
        &'a self,
        after: Option<&'a KeyNumber>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<(KeyNumber, UnixMs)>, ShelfError>> {
        Box::pin(self.page_of_destroyed(after, max))
    }

    fn restore<'a>(&'a self, rows: &'a Restored) -> BoxFuture<'a, Result<(), ShelfError>> {
        Box::pin(self.put_back(rows))
    }

    fn generation(&self) -> BoxFuture<'_, Result<u64, ShelfError>> {
        Box::pin(async move {
            unsigned(sqlx::query_scalar("SELECT generation FROM generation").fetch_one(&self.0).await?)
        })
    }

    fn tallies(&self) -> BoxFuture<'_, Result<Vec<Tally>, ShelfError>> {
        Box::pin(self.count_keys())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.close())
    }
}

async fn insert_tenant(connection: &mut SqliteConnection, row: &TenantRow) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT OR IGNORE INTO tenant_keys (tenant, version, root, number, wrapped, created) VALUES (?, ?, ?, ?, ?, ?)",
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
async fn insert_data(connection: &mut SqliteConnection, row: &DataRow) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT OR IGNORE INTO data_keys (number, tenant, purpose, subject, under, wrapped, created)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
         WHERE NOT EXISTS (SELECT 1 FROM destroyed_keys WHERE number = ?1)",
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
