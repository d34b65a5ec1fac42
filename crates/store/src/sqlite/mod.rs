//! SQLite: keys and sessions on one machine.
//!
//! One connection writes and reads; SQLite itself lets other processes (the command line beside the server) in between.

pub(crate) mod database;
mod exchanges;
mod keys;
mod migrations;
pub(crate) mod row;
mod sessions;
mod subjects;

pub use subjects::Erased;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use botwarden_crypto::{BlindIndex, OpenError, Place, SealError};
use botwarden_identity::StoreError;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite as Engine, Transaction};
use tracing::error;
use zeroize::Zeroizing;

use crate::data_dir::DataDir;
use crate::keyring::{CellError, Keyring, KeyringError};
use database::OpenDatabaseError;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// The file.
    #[error(transparent)]
    Database(#[from] OpenDatabaseError),
    /// The keys are not those it was sealed under.
    #[error("`keyring.db` does not open `{}`; restore the `keyring.db` and `root.key` that belong to it", .path.display())]
    WrongKeys {
        /// The file.
        path: PathBuf,
    },
    /// The check that the keys fit could not be written.
    #[error("sealing the key check")]
    Seal(#[from] SealError),
    /// The keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

/// The database in a data directory. Cheap to clone.
#[derive(Clone)]
pub struct Sqlite {
    pool: SqlitePool,
    keyring: Arc<Keyring>,
    /// Hashes by which the rows of a person are found.
    index: BlindIndex,
}

impl Sqlite {
    /// Opens the database, makes or upgrades its tables, and checks that the keys are those it was made with.
    pub async fn open(dir: &DataDir, keyring: Arc<Keyring>) -> Result<Self, OpenStoreError> {
        let path = dir.database();
        let pool = database::pool(&path).await?;
        let this = Self { pool, index: keyring.index()?, keyring };
        migrations::run(&this, &path).await?;
        Ok(this)
    }

    /// Waits for work under way and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn write(&self) -> Result<Transaction<'static, Engine>, sqlx::Error> {
        database::write(&self.pool).await
    }

    /// Opens a cell of a row.
    async fn open_cell(
        &self,
        place: Place<'_>,
        sealed: &[u8],
        table: &'static str,
        id: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Fault> {
        self.keyring.open_cell(place, sealed).await.map_err(|error| match error {
            CellError::Erased => Fault::Erased,
            CellError::Open(source) => Fault::Open { table, id: id.to_owned(), source },
            CellError::Keyring(error) => Fault::Keyring(Box::new(error)),
        })
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sqlite(…)")
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
    #[error("the keys")]
    Keyring(#[source] Box<KeyringError>),
    #[error("its person was erased")]
    Erased,
    #[error("{table} `{id}` was changed outside botwarden, or sealed under another key")]
    Open { table: &'static str, id: String, source: OpenError },
    #[error("{table} `{id}` holds what no version wrote")]
    Damaged { table: &'static str, id: String },
}

/// Leaves out a row that was changed outside botwarden: what it stood for is refused, and the rest goes on, so that whoever edits one
/// row cannot hold up the revocation of another. What belonged to somebody who was erased is not there any more.
fn if_sound<T>(read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Fault::Erased) => Ok(None),
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
