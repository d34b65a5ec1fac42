//! SQLite: keys, sessions, and what policy keeps, on one machine.
//!
//! One connection writes and reads; SQLite itself lets other processes (the command line beside the server) in between.

mod answers;
mod approvals;
mod chronicle;
pub(crate) mod database;
mod exchanges;
mod history;
mod keys;
mod migrations;
mod quarantines;
mod sessions;
mod subjects;
mod turns;

pub use subjects::Erased;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use botwarden_crypto::SealError;
use botwarden_identity::StoreError;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite as Engine, Transaction};

use crate::cells::{Cells, Fault};
use crate::data_dir::DataDir;
use crate::keyring::{Keyring, KeyringError};
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
    /// What earlier versions wrote could not be brought to the present form.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The database in a data directory. Cheap to clone.
#[derive(Clone)]
pub struct Sqlite {
    pool: SqlitePool,
    cells: Cells,
}

/// Erasures of anybody that may come between looking at keys and writing under them.
const TRIES: usize = 8;

impl Sqlite {
    /// Opens the database, makes or upgrades its tables, and checks that the keys are those it was made with.
    pub async fn open(dir: &DataDir, keyring: Arc<Keyring>) -> Result<Self, OpenStoreError> {
        let path = dir.database();
        let pool = database::pool(&path).await?;
        let this = Self { pool, cells: Cells::new(keyring)? };
        migrations::run(&this, &path).await?;
        this.key_turns().await?;
        Ok(this)
    }

    /// Waits for work under way and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn write(&self) -> Result<Transaction<'static, Engine>, sqlx::Error> {
        database::write(&self.pool).await
    }

    /// A transaction that is going to write under keys that were there at `generation`; `None` if any was destroyed since. Whoever erases
    /// destroys the key and then waits for this transaction before the rows are deleted, so that none stays behind.
    async fn write_at(&self, generation: u64) -> Result<Option<Transaction<'static, Engine>>, Fault> {
        let transaction = self.write().await?;
        Ok((self.cells.generation().await? == generation).then_some(transaction))
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sqlite(…)")
    }
}
