//! What our SQLite files have in common: how they are opened, made, and brought to the latest version.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, Sqlite as Engine, Transaction};

use crate::data_dir::{ModeError, check_owned};

/// How long a statement waits for another process to finish writing, and a task for the connection.
const WAIT: Duration = Duration::from_secs(5);
/// Size to which the write-ahead log is cut back after a burst.
const WAL_BYTES_KEPT: &str = "4194304";

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenDatabaseError {
    /// Others could read it.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// The file could not be made.
    #[error("creating `{}`", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not ours.
    #[error("`{}` is not a database of botwarden's; move it away, or give `data_dir` a directory of its own", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version wrote it.
    #[error(
        "`{}` was written by a later version (schema {found}, this one knows up to {known}); upgrade botwarden, or restore a backup \
         made before the upgrade",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest schema known here.
        known: i64,
    },
    /// SQLite failed.
    #[error("opening `{}`", .path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: sqlx::Error,
    },
}

impl OpenDatabaseError {
    pub(crate) fn engine(path: &Path, source: sqlx::Error) -> Self {
        match &source {
            // SQLITE_NOTADB: the file has content, but not a database's.
            sqlx::Error::Database(error) if error.code().as_deref() == Some("26") => {
                Self::Foreign { path: path.to_owned() }
            }
            _ => Self::Engine { path: path.to_owned(), source },
        }
    }

    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// One of our files: whose it is, and what leads from each version to the next; the first makes the tables. A step that has been
/// released is never edited; the next one is added. `PRAGMA user_version` counts the steps taken.
pub(crate) struct Database {
    /// SQLite's `application_id`.
    pub(crate) application_id: i64,
    pub(crate) steps: &'static [&'static str],
}

impl Database {
    /// Brings the tables to the latest version. Several processes may start at once: the lock that the transaction holds lets one work,
    /// the others find it done. Returns the version there was.
    pub(crate) async fn upgrade(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<usize, OpenDatabaseError> {
        let version = usize::try_from(self.version(connection, path).await?).unwrap_or(0);
        for step in self.steps.iter().skip(version) {
            let done = sqlx::raw_sql(*step).execute(&mut *connection).await;
            done.map_err(|source| OpenDatabaseError::engine(path, source))?;
        }
        Ok(version)
    }

    /// The version the file has; refuses a foreign or newer file.
    async fn version(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<i64, OpenDatabaseError> {
        let engine = |source| OpenDatabaseError::engine(path, source);
        let known = i64::try_from(self.steps.len()).unwrap_or(i64::MAX);
        let owner = number(connection, "PRAGMA application_id").await.map_err(engine)?;
        let found = number(connection, "PRAGMA user_version").await.map_err(engine)?;
        let tables = number(connection, "SELECT count(*) FROM sqlite_schema").await.map_err(engine)?;
        match found {
            0 if owner == 0 && tables == 0 => Ok(0),
            found if owner == self.application_id && (1..=known).contains(&found) => Ok(found),
            found if owner == self.application_id && found > known => {
                Err(OpenDatabaseError::Newer { path: path.to_owned(), found, known })
            }
            _ => Err(OpenDatabaseError::Foreign { path: path.to_owned() }),
        }
    }
}

/// Opens the file, made if need be, with one connection. Commits are synced before they are acknowledged (`synchronous=FULL` over a
/// write-ahead log), deleted content is overwritten (`secure_delete`).
pub(crate) async fn pool(path: &Path) -> Result<SqlitePool, OpenDatabaseError> {
    create_private(path)?;
    let metadata = fs::metadata(path).map_err(|source| OpenDatabaseError::io(path, source))?;
    check_owned(path, &metadata, "600")?;
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(WAIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // A write that fails (a full disk) ends SQLite's transaction, and the driver believes for ever after that it is
        // inside one: every later transaction would fail. Such a connection is replaced.
        .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
        .connect_with(options(path))
        .await
        .map_err(|source| OpenDatabaseError::engine(path, source))
}

/// A transaction that is going to write. It takes SQLite's write lock at once: a reading transaction that starts to write later could
/// fail without having waited.
pub(crate) async fn write(pool: &SqlitePool) -> Result<Transaction<'static, Engine>, sqlx::Error> {
    pool.begin_with("BEGIN IMMEDIATE").await
}

/// Cuts the write-ahead log to nothing, so that what it still holds of deleted rows goes; waits for others who read it, within a bound. Tells
/// whether it was cut.
pub(crate) async fn cut_log(pool: &SqlitePool) -> Result<bool, sqlx::Error> {
    const TRIES: u32 = 20;
    const BETWEEN: Duration = Duration::from_millis(50);
    for _ in 0..TRIES {
        // The first column is 1 where somebody was in the way.
        let is_busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(pool).await?;
        if is_busy == 0 {
            return Ok(true);
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Ok(false)
}

/// One row of a single number.
pub(crate) async fn number(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sql).fetch_one(connection).await
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(WAIT)
        .foreign_keys(true)
        .pragma("secure_delete", "ON")
        // Without it macOS acknowledges what its disk still caches.
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        // Sorts and indexes under construction stay off the disk.
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("journal_size_limit", WAL_BYTES_KEPT)
        .disable_statement_logging()
}

/// Makes the file with mode 0600 before SQLite would with a wider one; its `-wal` and `-shm` inherit the mode. A file that
/// is there is not opened: closing it again would drop SQLite's own locks (POSIX).
fn create_private(path: &Path) -> Result<(), OpenDatabaseError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(OpenDatabaseError::io(path, error)),
        _ => Ok(()),
    }
}
