//! The tables, version by version. A step that has been released is never edited; the next one is added.

use std::path::Path;

use botwarden_crypto::Place;
use sqlx::sqlite::SqliteConnection;

use super::{OpenStoreError, Sqlite, engine_error, number};

/// SQLite's `application_id`: says whose file this is. "BwDb" in ASCII.
const APPLICATION_ID: i64 = 0x4277_4462;

/// What leads from each version to the next; the first makes the tables. `PRAGMA user_version` counts the steps taken.
const STEPS: &[&str] = &[include_str!("schema/0001_keys_and_sessions.sql")];

/// The cell by which a wrong root key is noticed.
const KEY_CHECK: Place<'static> = Place { table: "meta", column: "value", row: b"key_check", schema: 1 };
/// What is sealed in it.
const KEY_CHECK_TEXT: &[u8] = b"botwarden";

/// Brings the tables to the latest version, in one transaction. Several processes may start at once: the lock lets one work, the others
/// find it done.
pub(super) async fn run(store: &Sqlite, path: &Path) -> Result<(), OpenStoreError> {
    let engine = |source| engine_error(path, source);
    let mut transaction = store.write().await.map_err(engine)?;
    let version = version(&mut transaction, path).await?;
    let done = usize::try_from(version).unwrap_or(0);
    for (at, step) in STEPS.iter().enumerate().skip(done) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(engine)?;
        if at == 0 {
            let sealed = store.sealer.seal(KEY_CHECK, KEY_CHECK_TEXT)?;
            sqlx::query("INSERT INTO meta (name, value) VALUES ('key_check', ?)")
                .bind(sealed)
                .execute(&mut *transaction)
                .await
                .map_err(engine)?;
        }
    }
    check_key(store, &mut transaction, path).await?;
    transaction.commit().await.map_err(engine)
}

/// The version the file has; refuses a foreign or newer file.
async fn version(connection: &mut SqliteConnection, path: &Path) -> Result<i64, OpenStoreError> {
    let engine = |source| engine_error(path, source);
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let owner = number(connection, "PRAGMA application_id").await.map_err(engine)?;
    let found = number(connection, "PRAGMA user_version").await.map_err(engine)?;
    let tables = number(connection, "SELECT count(*) FROM sqlite_schema").await.map_err(engine)?;
    match (owner, found) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION_ID, found) if (1..=known).contains(&found) => Ok(found),
        (APPLICATION_ID, found) if found > known => {
            Err(OpenStoreError::Newer { path: path.to_owned(), found, known })
        }
        _ => Err(OpenStoreError::Foreign { path: path.to_owned() }),
    }
}

async fn check_key(
    store: &Sqlite,
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), OpenStoreError> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'key_check'")
        .fetch_optional(connection)
        .await
        .map_err(|source| engine_error(path, source))?;
    match sealed.map(|sealed| store.sealer.open(KEY_CHECK, &sealed)) {
        Some(Ok(text)) if *text == KEY_CHECK_TEXT => Ok(()),
        _ => Err(OpenStoreError::WrongKey { path: path.to_owned() }),
    }
}
