//! Where state lies: files, SQLite and PostgreSQL behind the domain's ports.
//!
//! [`DataDir`] is the directory everything lies in, with the root key and the lock of the serving process. [`Keyring`] keeps the keys that everything is sealed under, wrapped, in a
//! file of its own, and rotates and destroys them. [`Store`] keeps keys and
//! sessions for `identity`, on the [`Engine`] that was chosen: [`Sqlite`] for one node, [`Postgres`] for several. [`control`] is the socket by which another process tells the serving one that keys have changed.
//!
//! Promises: files are readable by their owner alone, and refused otherwise; nothing personal and no credential lies there in the
//! clear; a sealed cell opens only in the row it was written to, and only while that row's clear columns are as they were; a verb that
//! has returned is on disk. `docs/formats/data-dir.md` lists every file. Left to others: what the values mean (the domain crates).

pub mod audit;
pub mod backup;
mod cells;
pub mod control;
mod data_dir;
mod engine;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod journal;
mod keyring;
mod postgres;
mod sqlite;

pub use cells::NewExchange;
pub use data_dir::{
    DataDir, DataDirError, IfMissing, LockError, ModeError, NodeFileError, RootKeyFileError, RootSaltError,
    SecretFileError, ServeLock, read_secret,
};
pub use engine::{Engine, EngineError, KeysLock, LockKeysError, Store};
pub use journal::{FileJournal, OpenJournalError, Recovery};
pub use keyring::{
    ArchiveError, CellError, CredentialRoot, CredentialRootError, FileRoot, Keyring, KeyringError, ListedKey,
    PassphraseRoot, PassphraseRootError, Rewrapped, Rotation, ShelfError,
};
pub use postgres::{
    Change, Changes, OpenPostgresError, Postgres, PostgresDatabase, PostgresError, PostgresUrl,
    PostgresUrlError,
};
pub use sqlite::database::OpenDatabaseError;
pub use sqlite::{Erased, OpenStoreError, Sqlite};
