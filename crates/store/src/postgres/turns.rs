//! Turns from before: their hashes come under their persons' keys.

use botwarden_identity::StoreError;
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::Postgres;
use super::database::in_time;
use crate::cells::{Fault, failed, if_sound, key_turn};

/// Turns written anew in one transaction.
const BATCH: i64 = 256;

impl Postgres {
    /// Writes anew what was written under the tenant's key; whoever is stopped amid it goes on at the next start.
    pub(super) async fn key_turns(&self) -> Result<(), StoreError> {
        self.key_all().await.map_err(failed("bringing turns under their persons' keys"))
    }

    async fn key_all(&self) -> Result<(), Fault> {
        while in_time(self.key_some()).await? {}
        Ok(())
    }

    /// Whether there were any.
    async fn key_some(&self) -> Result<bool, Fault> {
        let mut transaction = self.database.begin().await?;
        // Nodes that start at once wait for each other here, and the later one finds those of the first done.
        let rows = sqlx::query(
            "SELECT turns.*, sessions.id AS session_id
             FROM botwarden.turns JOIN botwarden.sessions ON sessions.seq = turns.session
             WHERE NOT keyed ORDER BY session, number LIMIT $1 FOR UPDATE OF turns",
        )
        .bind(BATCH)
        .fetch_all(&mut *transaction)
        .await?;
        for row in &rows {
            self.key_one(&mut transaction, row).await?;
        }
        transaction.commit().await?;
        Ok(!rows.is_empty())
    }

    async fn key_one(&self, connection: &mut PgConnection, row: &PgRow) -> Result<(), Fault> {
        let (session, number): (i64, i64) = (row.try_get("session")?, row.try_get("number")?);
        match if_sound(key_turn(&self.cells, row).await)? {
            Some((hashes, cell)) => {
                sqlx::query(
                    "UPDATE botwarden.turns SET idempotency = $1, body = $2, sealed = $3, keyed = true
                     WHERE session = $4 AND number = $5",
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
                sqlx::query("DELETE FROM botwarden.turns WHERE session = $1 AND number = $2")
                    .bind(session)
                    .bind(number)
                    .execute(connection)
                    .await?;
            }
        }
        Ok(())
    }
}
