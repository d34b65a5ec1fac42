//! SQLite: keys and sessions on one machine.
//!
//! One connection writes and reads; SQLite itself lets other processes (the command line beside the server) in between. Commits
//! are synced before they are acknowledged (`synchronous=FULL` over a write-ahead log), deleted content is overwritten
//! (`secure_delete`).

mod keys;
mod migrations;
mod row;
mod sessions;

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use botwarden_crypto::{OpenError, SealError, Sealer};
use botwarden_identity::StoreError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, Sqlite as Engine, Transaction};
use tracing::error;

use crate::data_dir::{DataDir, ModeError, check_owned};

/// How long a statement waits for another process to finish writing, and a task for the connection.
const WAIT: Duration = Duration::from_secs(5);
/// Size to which the write-ahead log is cut back after a burst.
const WAL_BYTES_KEPT: &str = "4194304";

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
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
    /// The root key is not the one it was sealed under.
    #[error("`root.key` does not open `{}`; restore the `root.key` that belongs to it", .path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// SQLite failed.
    #[error("opening `{}`", .path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: sqlx::Error,
    },
    /// The check that the root key fits could not be written.
    #[error("sealing the key check")]
    Seal(#[from] SealError),
}

/// The database in a data directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sqlite {
    pool: SqlitePool,
    sealer: Sealer,
}

impl Sqlite {
    /// Opens the database, makes or upgrades its tables, and checks that `sealer` comes from the root key it was made with.
    pub async fn open(dir: &DataDir, sealer: Sealer) -> Result<Self, OpenStoreError> {
        let path = dir.database();
        create_private(&path)?;
        check_owned(&path, &fs::metadata(&path).map_err(|source| io_error(&path, source))?, "600")?;
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(WAIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            // A write that fails (a full disk) ends SQLite's transaction, and the driver believes for ever after that it is
            // inside one: every later transaction would fail. Such a connection is replaced.
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
            .connect_with(options(&path))
            .await
            .map_err(|source| engine_error(&path, source))?;
        let this = Self { pool, sealer };
        migrations::run(&this, &path).await?;
        Ok(this)
    }

    /// Waits for work under way and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction that is going to write. It takes SQLite's write lock at once: a reading transaction that starts to write later could
    /// fail without having waited.
    async fn write(&self) -> Result<Transaction<'static, Engine>, sqlx::Error> {
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }
}

/// What goes wrong inside a verb, before it is told to the domain.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the database")]
    Engine(#[from] sqlx::Error),
    #[error("sealing")]
    Seal(#[from] SealError),
    #[error("encoding a cell")]
    Encode(#[from] serde_json::Error),
    #[error("{table} `{id}` was changed outside botwarden, or sealed under another root key")]
    Open { table: &'static str, id: String, source: OpenError },
    #[error("{table} `{id}` holds what no version wrote")]
    Damaged { table: &'static str, id: String },
}

/// Leaves out a row that was changed outside botwarden: what it stood for is refused, and the rest goes on, so that whoever edits one
/// row cannot hold up the revocation of another.
fn if_sound<T>(read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(fault @ (Fault::Open { .. } | Fault::Damaged { .. })) => {
            error!(%fault, "a row is left out; what it stood for is refused");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Tells the domain what was being done when it failed.
fn failed(operation: &'static str) -> impl FnOnce(Fault) -> StoreError {
    move |fault| StoreError::new(operation, fault)
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
fn create_private(path: &Path) -> Result<(), OpenStoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io_error(path, error)),
        _ => Ok(()),
    }
}

fn io_error(path: &Path, source: io::Error) -> OpenStoreError {
    OpenStoreError::Io { path: path.to_owned(), source }
}

fn engine_error(path: &Path, source: sqlx::Error) -> OpenStoreError {
    match &source {
        // SQLITE_NOTADB: the file has content, but not a database's.
        sqlx::Error::Database(error) if error.code().as_deref() == Some("26") => {
            OpenStoreError::Foreign { path: path.to_owned() }
        }
        _ => OpenStoreError::Engine { path: path.to_owned(), source },
    }
}

/// One row of a single number.
async fn number(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sql).fetch_one(connection).await
}
