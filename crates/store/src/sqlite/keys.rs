//! Keys.

use botwarden_identity::{BoxFuture, Kept, KeyRecord, KeySet, KeyStore, StoreError, StoredKey};
use botwarden_types::{KeyId, UnixMs};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::Sqlite;
use super::database::number;
use crate::cells::row::{count, from_column, to_column};
use crate::cells::{Fault, failed, if_sound, open_key, seal_key};

impl KeyStore for Sqlite {
    fn issue_key<'a>(&'a self, key: &'a StoredKey, max: usize) -> BoxFuture<'a, Result<Kept, StoreError>> {
        Box::pin(async move { self.issue(key, max).await.map_err(failed("keeping a key")) })
    }

    fn list_keys(&self) -> BoxFuture<'_, Result<KeySet, StoreError>> {
        Box::pin(async move { self.list().await.map_err(failed("reading the keys")) })
    }

    fn revoke_key<'a>(
        &'a self,
        id: &'a KeyId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Option<KeyRecord>, StoreError>> {
        Box::pin(async move { self.revoke(id, now).await.map_err(failed("revoking a key")) })
    }

    fn key_generation(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move { self.generation().await.map_err(failed("asking whether keys have changed")) })
    }
}

impl Sqlite {
    async fn issue(&self, key: &StoredKey, max: usize) -> Result<Kept, Fault> {
        let record = &key.record;
        let sealed = seal_key(&self.cells, key)?;
        let mut transaction = self.write().await?;
        if number(&mut transaction, "SELECT count(*) FROM keys").await? >= count(max) {
            return Ok(Kept::Full);
        }
        sqlx::query(
            "INSERT INTO keys (id, hash, bot, rights, created, expires, revoked, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(record.id.as_str())
        .bind(key.hash.as_bytes().as_slice())
        .bind(record.bot.as_str())
        .bind(i64::from(record.rights.to_bits()))
        .bind(to_column(record.created))
        .bind(record.expires.map(to_column))
        .bind(record.revoked.map(to_column))
        .bind(sealed)
        .execute(&mut *transaction)
        .await?;
        next_generation(&mut transaction).await?;
        transaction.commit().await?;
        Ok(Kept::Yes)
    }

    async fn list(&self) -> Result<KeySet, Fault> {
        // One reading transaction: the generation is that of the keys.
        let mut transaction = self.pool.begin().await?;
        let generation = generation(&mut transaction).await?;
        let rows = sqlx::query("SELECT * FROM keys ORDER BY seq").fetch_all(&mut *transaction).await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            keys.extend(if_sound(open_key(&self.cells, row).await)?);
        }
        Ok(KeySet { generation, keys })
    }

    async fn revoke(&self, id: &KeyId, now: UnixMs) -> Result<Option<KeyRecord>, Fault> {
        let mut transaction = self.write().await?;
        let row = sqlx::query("SELECT * FROM keys WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let earlier: Option<i64> = row.try_get("revoked")?;
        if earlier.is_none() {
            for sql in [
                "UPDATE keys SET revoked = ?1 WHERE id = ?2",
                // What waits for an answer, or has one, is over with whoever asked.
                "UPDATE approvals SET withdrawn = ?1 WHERE withdrawn IS NULL AND state IN ('pending', 'approved') AND expires > ?1
                 AND (key = ?2 OR session IN (SELECT id FROM sessions WHERE key = ?2))",
                "DELETE FROM chronicle WHERE session IN (SELECT seq FROM sessions WHERE key = ?2 AND ended IS NULL AND kept <= expires)",
                "UPDATE sessions SET ended = ?1 WHERE key = ?2 AND ended IS NULL",
            ] {
                sqlx::query(sql).bind(to_column(now)).bind(id.as_str()).execute(&mut *transaction).await?;
            }
            next_generation(&mut transaction).await?;
        }
        transaction.commit().await?;
        // Read after the commit: a row that does not open is revoked all the same.
        let mut record = open_key(&self.cells, &row).await?.record;
        record.revoked = Some(earlier.map_or(now, from_column));
        Ok(Some(record))
    }

    async fn generation(&self) -> Result<u64, Fault> {
        let mut connection = self.pool.acquire().await?;
        Ok(generation(&mut connection).await?)
    }
}

async fn generation(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let generation = number(connection, "SELECT generation FROM key_generation").await?;
    Ok(u64::try_from(generation).unwrap_or(0))
}

async fn next_generation(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE key_generation SET generation = generation + 1").execute(connection).await.map(drop)
}
