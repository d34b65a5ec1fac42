//! Which engine keeps keys and sessions, and the store on it: what the binary works with.

use std::sync::Arc;

use botwarden_crypto::{KeyNumber, RootProvider};
use botwarden_identity::{KeyStore, SessionStore, StoreError};
use botwarden_policy::approval::ApprovalStore;
use botwarden_policy::chronicle::Chronicle;
use botwarden_policy::history::HistoryStore;
use botwarden_policy::quarantine::QuarantineStore;
use botwarden_types::{BotName, KeptExchange, UnixMs, UserName};

use crate::cells::NewExchange;
use crate::data_dir::{DataDir, LockError, ServeLock};
use crate::keyring::{FileRoot, Keyring, KeyringError};
use crate::postgres::{
    Changes, KeysTurn, OpenPostgresError, Postgres, PostgresDatabase, PostgresError, PostgresUrl,
};
use crate::sqlite::{Erased, OpenStoreError, Sqlite};

/// Where keys and sessions lie.
#[derive(Clone, Debug)]
pub enum Engine {
    /// In the data directory: one node.
    Sqlite(DataDir),
    /// In a PostgreSQL database that several nodes share. The root key stays in the data directory of each, the same in all.
    Postgres {
        /// The database.
        database: PostgresDatabase,
        /// What belongs to this node alone.
        dir: DataDir,
    },
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The files.
    #[error(transparent)]
    Sqlite(#[from] OpenStoreError),
    /// The PostgreSQL database.
    #[error(transparent)]
    Postgres(#[from] OpenPostgresError),
}

/// The right to rotate, move, destroy and archive keys: one command at a time, over all nodes. Given back when dropped, or when the process ends.
pub struct KeysLock {
    _dir: ServeLock,
    _database: Option<KeysTurn>,
}

/// Why keys cannot be changed now.
#[derive(Debug, thiserror::Error)]
pub enum LockKeysError {
    /// Another command on this data directory.
    #[error(transparent)]
    Dir(#[from] LockError),
    /// A command on another node.
    #[error(
        "a command on another node is rotating, moving or destroying the keys at {server}; wait for it, and try again"
    )]
    Taken {
        /// Host, database, user.
        server: String,
    },
    /// The lock could not be asked for.
    #[error("locking the keys at {server}")]
    Postgres {
        /// Host, database, user.
        server: String,
        /// What it or the system said.
        source: sqlx::Error,
    },
}

impl Engine {
    /// PostgreSQL where an address is given, else the files in `dir`.
    pub async fn connect(dir: &DataDir, url: Option<&PostgresUrl>) -> Result<Self, PostgresError> {
        Ok(match url {
            Some(url) => Self::Postgres { database: PostgresDatabase::connect(url).await?, dir: dir.clone() },
            None => Self::Sqlite(dir.clone()),
        })
    }

    /// Opens the keys that everything is sealed under; makes them where there are none.
    pub async fn keyring(&self, root: FileRoot, now: UnixMs) -> Result<Keyring, KeyringError> {
        match self {
            Self::Sqlite(dir) => {
                let before = root.derived_before();
                Keyring::open(dir, Arc::new(root), before, now).await
            }
            Self::Postgres { .. } => self.keyring_under(Arc::new(root), now).await,
        }
    }

    /// The same under a root key that another keeper has.
    pub async fn keyring_under(
        &self,
        root: Arc<dyn RootProvider>,
        now: UnixMs,
    ) -> Result<Keyring, KeyringError> {
        match self {
            Self::Sqlite(dir) => Keyring::open(dir, root, None, now).await,
            Self::Postgres { database, dir } => Keyring::open_shared(database, dir, root, now).await,
        }
    }

    /// Takes the right to change keys. Those that are opened before may be others by now.
    pub async fn lock_keys(&self) -> Result<KeysLock, LockKeysError> {
        let (dir, database) = match self {
            Self::Sqlite(dir) => (dir, None),
            Self::Postgres { database, dir } => (dir, Some(database)),
        };
        // The directory's too: the root key in it is its own.
        let _dir = dir.lock_keys()?;
        let _database = match database {
            None => None,
            Some(database) => {
                let server = || database.server();
                let turn = database.keys_turn().await;
                let turn = turn.map_err(|source| LockKeysError::Postgres { server: server(), source })?;
                Some(turn.ok_or_else(|| LockKeysError::Taken { server: server() })?)
            }
        };
        Ok(KeysLock { _dir, _database })
    }

    /// Whether there is data from before there was a keyring, or data whose keyring was lost.
    pub fn lacks_keyring(&self) -> bool {
        match self {
            Self::Sqlite(dir) => dir.lacks_keyring(),
            Self::Postgres { .. } => false,
        }
    }
}

/// Keys, sessions, and what is kept of persons. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Store {
    /// In the data directory.
    Sqlite(Sqlite),
    /// In PostgreSQL.
    Postgres(Postgres),
}

impl Store {
    /// Opens the store, makes or upgrades its tables, and checks that the keys are those it was made with.
    pub async fn open(engine: &Engine, keyring: Arc<Keyring>) -> Result<Self, EngineError> {
        Ok(match engine {
            Engine::Sqlite(dir) => Self::Sqlite(Sqlite::open(dir, keyring).await?),
            Engine::Postgres { database, .. } => Self::Postgres(Postgres::open(database, keyring).await?),
        })
    }

    /// The keys in it.
    pub fn keys(&self) -> Arc<dyn KeyStore> {
        match self {
            Self::Sqlite(sqlite) => Arc::new(sqlite.clone()),
            Self::Postgres(postgres) => Arc::new(postgres.clone()),
        }
    }

    /// The sessions in it.
    pub fn sessions(&self) -> Arc<dyn SessionStore> {
        match self {
            Self::Sqlite(sqlite) => Arc::new(sqlite.clone()),
            Self::Postgres(postgres) => Arc::new(postgres.clone()),
        }
    }

    /// The approvals in it, and the values they have made known.
    pub fn approvals(&self) -> Arc<dyn ApprovalStore> {
        match self {
            Self::Sqlite(sqlite) => Arc::new(sqlite.clone()),
            Self::Postgres(postgres) => Arc::new(postgres.clone()),
        }
    }

    /// What is stopped.
    pub fn quarantine(&self) -> Arc<dyn QuarantineStore> {
        match self {
            Self::Sqlite(sqlite) => Arc::new(sqlite.clone()),
            Self::Postgres(postgres) => Arc::new(postgres.clone()),
        }
    }

    /// What happened in sessions.
    pub fn chronicle(&self) -> Arc<dyn Chronicle> {
        match self {
            Self::Sqlite(sqlite) => Arc::new(sqlite.clone()),
            Self::Postgres(postgres) => Arc::new(postgres.clone()),
        }
    }

    /// What tools did before, counted.
    pub fn history(&self) -> Arc<dyn HistoryStore> {
        match self {
            Self::Sqlite(sqlite) => Arc::new(sqlite.clone()),
            Self::Postgres(postgres) => Arc::new(postgres.clone()),
        }
    }

    /// What other nodes change from now on; `None` where there are no others.
    pub async fn changes(&self) -> Result<Option<Changes>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(postgres) => postgres.changes().await.map(Some),
        }
    }

    /// Erases a person: destroys the key that everything of theirs is sealed under, and deletes the rows.
    pub async fn erase_subject(
        &self,
        bot: &BotName,
        user: &UserName,
        now: UnixMs,
    ) -> Result<Erased, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.erase_subject(bot, user, now).await,
            Self::Postgres(postgres) => postgres.erase_subject(bot, user, now).await,
        }
    }

    /// The key that what a person does from now on is kept under; made if there is none. See [`NewExchange::key`].
    pub async fn key_of(&self, bot: &BotName, user: &UserName, now: UnixMs) -> Result<KeyNumber, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.key_of(bot, user, now).await,
            Self::Postgres(postgres) => postgres.key_of(bot, user, now).await,
        }
    }

    /// Keeps exchanges, each under the key its person had when it began, all of them or, on an error, none; one that is kept already is
    /// left as it is, and one whose person was erased meanwhile is dropped.
    pub async fn keep_exchanges(&self, exchanges: &[NewExchange]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.keep_exchanges(exchanges).await,
            Self::Postgres(postgres) => postgres.keep_exchanges(exchanges).await,
        }
    }

    /// What is kept of a person, oldest first, at most `max` after the exchange numbered `after`; each with its number.
    pub async fn exchanges_of(
        &self,
        bot: &BotName,
        user: &UserName,
        after: i64,
        max: usize,
    ) -> Result<Vec<(i64, KeptExchange)>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.exchanges_of(bot, user, after, max).await,
            Self::Postgres(postgres) => postgres.exchanges_of(bot, user, after, max).await,
        }
    }

    /// Deletes at most `max` exchanges whose time is over; how many it were.
    pub async fn purge_exchanges(&self, now: UnixMs, max: usize) -> Result<usize, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.purge_exchanges(now, max).await,
            Self::Postgres(postgres) => postgres.purge_exchanges(now, max).await,
        }
    }

    /// Rows whose cells are still of format 1, under a key that the root key was derived from.
    pub async fn rows_of_format_one(&self) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.rows_of_format_one().await,
            // That format is older than this engine.
            Self::Postgres(_) => Ok(0),
        }
    }

    /// Waits for work under way and closes it.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}
