//! Turns from before: their hashes come under their persons' keys.

use botwarden_identity::StoreError;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Sqlite, database};
use crate::cells::{Fault, failed, if_sound, key_turn};

/// Turns written anew in one transaction.
const BATCH: i64 = 256;

impl Sqlite {
    /// Writes anew what was written under the tenant's key; whoever is stopped amid it goes on at the next start.
    pub(super) async fn key_turns(&self) -> Result<(), StoreError> {
        self.key_all().await.map_err(failed("bringing turns under their persons' keys"))
    }

    async fn key_all(&self) -> Result<(), Fault> {
        // Looked for without the write lock: every command opens the database.
        let is_any: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM turns WHERE keyed = 0)")
            .fetch_one(&self.pool)
            .await?;
        if !is_any {
            return Ok(());
        }
        loop {
            let mut transaction = self.write().await?;
            let rows = sqlx::query(
                "SELECT turns.*, sessions.id AS session_id FROM turns JOIN sessions ON sessions.seq = turns.session
                 WHERE keyed = 0 LIMIT ?",
            )
            .bind(BATCH)
            .fetch_all(&mut *transaction)
            .await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                self.key_one(&mut transaction, row).await?;
            }
            transaction.commit().await?;
        }
        if !database::cut_log(&self.pool).await? {
            tracing::warn!("hashes from before leave the write-ahead log when nobody reads it any more");
        }
        Ok(())
    }

    async fn key_one(&self, connection: &mut SqliteConnection, row: &SqliteRow) -> Result<(), Fault> {
        let (session, number): (i64, i64) = (row.try_get("session")?, row.try_get("number")?);
        match if_sound(key_turn(&self.cells, row).await)? {
            Some((hashes, cell)) => {
                sqlx::query(
                    "UPDATE turns SET idempotency = ?, body = ?, sealed = ?, keyed = 1 WHERE session = ? AND number = ?",
                )
                .bind(hashes.idempotency.as_bytes().to_vec())
                .bind(hashes.body.as_bytes().to_vec())
                .bind(cell)
                .bind(session)
                .bind(number)
                .execute(connection)
                .await?;
            }
            // Nobody can read it, and its hashes must not stay.
            None => {
                sqlx::query("DELETE FROM turns WHERE session = ? AND number = ?")
                    .bind(session)
                    .bind(number)
                    .execute(connection)
                    .await?;
            }
        }
        Ok(())
    }
}
