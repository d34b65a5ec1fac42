//! The tables, version by version, and the check that the keys fit.

use std::path::Path;

use botwarden_crypto::FormatOne;
use sqlx::sqlite::SqliteConnection;

use super::database::{self, Database, OpenDatabaseError};
use super::{OpenStoreError, Sqlite};
use crate::cells::{KEY_CHECK, KEY_CHECK_TEXT};

/// "BwDb" in ASCII.
const FILE: Database = Database {
    application_id: 0x4277_4462,
    steps: &[
        include_str!("schema/0001_keys_and_sessions.sql"),
        include_str!("schema/0002_subjects.sql"),
        include_str!("schema/0003_exchanges.sql"),
        include_str!("schema/0004_whose.sql"),
        include_str!("schema/0005_policy.sql"),
    ],
};

/// Brings the tables to the latest version, in one transaction.
pub(super) async fn run(store: &Sqlite, path: &Path) -> Result<(), OpenStoreError> {
    let engine = |source| OpenDatabaseError::engine(path, source);
    let mut transaction = store.write().await.map_err(engine)?;
    let before = FILE.upgrade(&mut transaction, path).await?;
    let check = read_check(&mut transaction).await.map_err(engine)?;
    let fits = match &check {
        Some(sealed) => {
            let opened = store.cells.keyring().open_cell(KEY_CHECK, sealed).await;
            opened.is_ok_and(|text| *text == KEY_CHECK_TEXT)
        }
        None => before == 0,
    };
    if !fits {
        return Err(OpenStoreError::WrongKeys { path: path.to_owned() });
    }
    if check.is_none_or(|sealed| FormatOne::is_of(&sealed)) {
        let sealed = store.cells.system().seal(KEY_CHECK, KEY_CHECK_TEXT)?;
        sqlx::query("INSERT OR REPLACE INTO meta (name, value) VALUES ('key_check', ?)")
            .bind(sealed)
            .execute(&mut *transaction)
            .await
            .map_err(engine)?;
    }
    transaction.commit().await.map_err(engine)?;
    let is_upgraded = (1..FILE.steps.len()).contains(&before);
    if is_upgraded && !database::cut_log(&store.pool).await.map_err(engine)? {
        tracing::warn!("what the upgrade deleted leaves the write-ahead log when nobody reads it any more");
    }
    Ok(())
}

async fn read_check(connection: &mut SqliteConnection) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("SELECT value FROM meta WHERE name = 'key_check'").fetch_optional(connection).await
}
