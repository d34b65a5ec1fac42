//! Keys.

use botwarden_identity::{BoxFuture, Kept, KeyRecord, KeySet, KeyStore, StoreError, StoredKey};
use botwarden_types::{KeyId, UnixMs};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::Postgres;
use super::changes::Change;
use super::database::in_time;
use crate::cells::row::{count, from_column, to_column};
use crate::cells::{Fault, failed, if_sound, open_key, seal_key};

impl KeyStore for Postgres {
    fn issue_key<'a>(&'a self, key: &'a StoredKey, max: usize) -> BoxFuture<'a, Result<Kept, StoreError>> {
        Box::pin(async move { in_time(self.issue(key, max)).await.map_err(failed("keeping a key")) })
    }

    fn list_keys(&self) -> BoxFuture<'_, Result<KeySet, StoreError>> {
        Box::pin(async move { self.list().await.map_err(failed("reading the keys")) })
    }

    fn revoke_key<'a>(
        &'a self,
        id: &'a KeyId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Option<KeyRecord>, StoreError>> {
        Box::pin(async move { in_time(self.revoke(id, now)).await.map_err(failed("revoking a key")) })
    }

    fn key_generation(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            in_time(self.generation()).await.map_err(failed("asking whether keys have changed"))
        })
    }
}

impl Postgres {
    async fn issue(&self, key: &StoredKey, max: usize) -> Result<Kept, Fault> {
        let record = &key.record;
        let sealed = seal_key(&self.cells, key)?;
        let mut transaction = self.database.begin().await?;
        // Holds the row: whoever issues at the same time counts when this key is there.
        next_generation(&mut transaction).await?;
        let kept: i64 =
            sqlx::query_scalar("SELECT count(*) FROM botwarden.keys").fetch_one(&mut *transaction).await?;
        if kept >= count(max) {
            return Ok(Kept::Full);
        }
        sqlx::query(
            "INSERT INTO botwarden.keys (id, hash, bot, rights, created, expires, revoked, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
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
        self.teller.tell(&mut transaction, &Change::Keys).await?;
        transaction.commit().await?;
        Ok(Kept::Yes)
    }

    async fn list(&self) -> Result<KeySet, Fault> {
        let (generation, rows) = in_time(async {
            // One instant: the generation is that of the keys.
            let mut transaction = self.database.begin_snapshot().await?;
            let generation = generation(&mut transaction).await?;
            let rows = sqlx::query("SELECT * FROM botwarden.keys ORDER BY seq").fetch_all(&mut *transaction);
            Ok::<_, sqlx::Error>((generation, rows.await?))
        })
        .await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            keys.extend(if_sound(open_key(&self.cells, row).await)?);
        }
        Ok(KeySet { generation, keys })
    }

    async fn revoke(&self, id: &KeyId, now: UnixMs) -> Result<Option<KeyRecord>, Fault> {
        let mut transaction = self.database.begin().await?;
        // Waits for sessions that are being opened, and holds up further ones.
        let row = sqlx::query("SELECT * FROM botwarden.keys WHERE id = $1 FOR UPDATE")
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let earlier: Option<i64> = row.try_get("revoked")?;
        if earlier.is_none() {
            for sql in [
                "UPDATE botwarden.keys SET revoked = $1 WHERE id = $2",
                // Everybody who locks sessions does so in this order, and so never waits for somebody who waits for them.
                "UPDATE botwarden.sessions SET ended = $1 WHERE seq = ANY (ARRAY(
                     SELECT seq FROM botwarden.sessions WHERE key = $2 AND ended IS NULL ORDER BY seq FOR UPDATE
                 ))",
                // What waits for an answer, or has one, is over with whoever asked.
                "UPDATE botwarden.approvals SET withdrawn = $1 WHERE seq = ANY (ARRAY(
                     SELECT seq FROM botwarden.approvals
                     WHERE withdrawn IS NULL AND state IN ('pending', 'approved') AND expires > $1
                       AND (key = $2 OR session IN (SELECT id FROM botwarden.sessions WHERE key = $2))
                     ORDER BY seq FOR UPDATE
                 ))",
            ] {
                sqlx::query(sql).bind(to_column(now)).bind(id.as_str()).execute(&mut *transaction).await?;
            }
            sqlx::query(
                "DELETE FROM botwarden.chronicle USING botwarden.sessions
                 WHERE sessions.seq = chronicle.session AND sessions.key = $1 AND kept <= expires",
            )
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await?;
            next_generation(&mut transaction).await?;
            self.teller.tell(&mut transaction, &Change::Keys).await?;
        }
        transaction.commit().await?;
        // Read after the commit: a row that does not open is revoked all the same.
        let mut record = open_key(&self.cells, &row).await?.record;
        record.revoked = Some(earlier.map_or(now, from_column));
        Ok(Some(record))
    }

    async fn generation(&self) -> Result<u64, Fault> {
        let mut connection = self.database.pool.acquire().await?;
        Ok(generation(&mut connection).await?)
    }
}

async fn generation(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let generation: i64 =
        sqlx::query_scalar("SELECT generation FROM botwarden.key_generation").fetch_one(connection).await?;
    Ok(u64::try_from(generation).unwrap_or(0))
}

async fn next_generation(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "UPDATE botwarden.key_generation SET generation = generation + 1";
    sqlx::query(sql).execute(connection).await.map(drop)
}
