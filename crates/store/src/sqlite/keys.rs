//! Keys.

use botwarden_crypto::Digest;
use botwarden_identity::{BoxFuture, Kept, KeyRecord, KeySet, KeyStore, Rights, StoreError, StoredKey};
use botwarden_types::{BotName, KeyId, UnixMs};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::database::number;
use super::row::{Clear, count, from_column, to_column};
use super::{Fault, Sqlite, failed, if_sound};

const TABLE: &str = "keys";
const COLUMN: &str = "sealed";

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
        // The label or its absence, marked by the first byte.
        let label = record.label.as_deref().map_or_else(Vec::new, |label| [b"=", label.as_bytes()].concat());
        let sealed = self.keyring.system().seal(clear(key).place(TABLE, COLUMN), &label)?;
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
            keys.extend(if_sound(self.key(row).await)?);
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
                "UPDATE sessions SET ended = ?1 WHERE key = ?2 AND ended IS NULL",
            ] {
                sqlx::query(sql).bind(to_column(now)).bind(id.as_str()).execute(&mut *transaction).await?;
            }
            next_generation(&mut transaction).await?;
        }
        transaction.commit().await?;
        // Read after the commit: a row that does not open is revoked all the same.
        let mut record = self.key(&row).await?.record;
        record.revoked = Some(earlier.map_or(now, from_column));
        Ok(Some(record))
    }

    async fn generation(&self) -> Result<u64, Fault> {
        let mut connection = self.pool.acquire().await?;
        Ok(generation(&mut connection).await?)
    }

    async fn key(&self, row: &SqliteRow) -> Result<StoredKey, Fault> {
        let id: String = row.try_get("id")?;
        let damaged = || Fault::Damaged { table: TABLE, id: id.clone() };
        let rights = u8::try_from(row.try_get::<i64, _>("rights")?).map_err(|_| damaged())?;
        let mut key = StoredKey {
            hash: Digest::from_stored(row.try_get("hash")?).ok_or_else(damaged)?,
            record: KeyRecord {
                id: KeyId::parse(&id).map_err(|_| damaged())?,
                bot: BotName::parse(row.try_get("bot")?).map_err(|_| damaged())?,
                rights: Rights::from_bits(rights).map_err(|_| damaged())?,
                label: None,
                created: from_column(row.try_get("created")?),
                expires: row.try_get::<Option<i64>, _>("expires")?.map(from_column),
                revoked: row.try_get::<Option<i64>, _>("revoked")?.map(from_column),
            },
        };
        let place = clear(&key);
        let opened = self.open_cell(place.place(TABLE, COLUMN), row.try_get("sealed")?, TABLE, &id).await?;
        key.record.label = match opened.split_first() {
            None => None,
            Some((_, label)) => Some(String::from_utf8(label.to_vec()).map_err(|_| damaged())?),
        };
        Ok(key)
    }
}

/// What a key's sealed cell is bound to: everything but its revocation, which comes later.
fn clear(key: &StoredKey) -> Clear {
    let record = &key.record;
    Clear::default()
        .text(record.id.as_str())
        .digest(&key.hash)
        .text(record.bot.as_str())
        .number(Some(i64::from(record.rights.to_bits())))
        .time(record.created)
        .number(record.expires.map(to_column))
}

async fn generation(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let generation = number(connection, "SELECT generation FROM key_generation").await?;
    Ok(u64::try_from(generation).unwrap_or(0))
}

async fn next_generation(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE key_generation SET generation = generation + 1").execute(connection).await.map(drop)
}
