//! PostgreSQL: keys, sessions, what policy keeps, and wrapped keys of several nodes.
//!
//! Two schemas in one database: `botwarden` holds the data, `botwarden_keys` the wrapped keys. Writers lock the rows they decide by, so that
//! any number of processes may write at once; what one of them changes, the others are told ([`Changes`]).

mod answers;
mod approvals;
mod changes;
mod chronicle;
pub(crate) mod database;
mod exchanges;
mod history;
mod keys;
mod locks;
pub(crate) mod migrations;
mod quarantines;
mod sessions;
mod shelf;
mod subjects;
mod turn;
mod turns;
mod url;

pub use changes::{Change, Changes};
pub use database::{PostgresDatabase, PostgresError};
pub(crate) use shelf::PostgresShelf;
pub(crate) use turn::KeysTurn;
pub use url::{PostgresUrl, PostgresUrlError};

use std::fmt;
use std::sync::Arc;

use botwarden_crypto::{CellKey, RandomnessError, SealError};
use botwarden_identity::StoreError;

use sqlx::{Postgres as Engine, Transaction};

use crate::cells::{Cells, Fault};
use crate::keyring::{Keyring, KeyringError};
use changes::Teller;
use sessions::held_keys;

/// Erasures of the same person that may come between finding their key and writing under it.
const TRIES: usize = 3;

/// Why the data in a PostgreSQL database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenPostgresError {
    /// The database.
    #[error(transparent)]
    Database(#[from] PostgresError),
    /// The keys are not those it was sealed under.
    #[error(
        "the schema `botwarden_keys` does not open what is in `botwarden` at {server}; restore the `botwarden_keys` that belongs to it"
    )]
    WrongKeys {
        /// Host, database, user.
        server: String,
    },
    /// The check that the keys fit could not be sealed.
    #[error("sealing the key check")]
    Seal(#[from] SealError),
    /// The keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// What earlier versions wrote could not be brought to the present form.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness, no name to tell other nodes of changes by.
    #[error("making a name for this process")]
    Randomness(#[from] RandomnessError),
}

/// The data in a PostgreSQL database. Cheap to clone.
#[derive(Clone)]
pub struct Postgres {
    database: PostgresDatabase,
    cells: Cells,
    teller: Teller,
}

impl Postgres {
    /// Makes or upgrades the tables, and checks that the keys are those they were made with.
    pub async fn open(database: &PostgresDatabase, keyring: Arc<Keyring>) -> Result<Self, OpenPostgresError> {
        let this = Self { database: database.clone(), cells: Cells::new(keyring)?, teller: Teller::new()? };
        migrations::run(&this).await?;
        this.key_turns().await?;
        Ok(this)
    }

    /// A transaction that is going to write under a key that was there a moment ago; `None` if another node has destroyed it since. It stays
    /// until the transaction is over.
    async fn write_under(&self, key: &CellKey) -> Result<Option<Transaction<'static, Engine>>, Fault> {
        let mut transaction = self.database.begin().await?;
        if !held_keys(&mut transaction, &[key]).await?.is_empty() {
            return Ok(Some(transaction));
        }
        transaction.rollback().await?;
        self.cells.generation().await?;
        Ok(None)
    }

    /// Waits for work under way and closes the connections, those of the keyring too.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres(…)")
    }
}
