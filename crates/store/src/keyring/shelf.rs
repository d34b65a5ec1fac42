//! Where wrapped keys lie: one verb, one transaction.

use botwarden_crypto::{BoxFuture, Digest, KeyNumber, Purpose};
use botwarden_types::UnixMs;

/// A tenant's key as it lies on the shelf.
#[derive(Clone, Debug)]
pub(super) struct TenantRow {
    pub(super) version: u64,
    /// The root key it is wrapped under.
    pub(super) root: String,
    pub(super) number: KeyNumber,
    pub(super) wrapped: Vec<u8>,
    pub(super) created: UnixMs,
}

/// A data key as it lies on the shelf.
#[derive(Clone, Debug)]
pub(super) struct DataRow {
    pub(super) number: KeyNumber,
    pub(super) purpose: Purpose,
    /// Whose it is, hashed; of subjects' keys alone.
    pub(super) subject: Option<Digest>,
    /// Version of the tenant's key it is wrapped under.
    pub(super) under: u64,
    pub(super) wrapped: Vec<u8>,
    pub(super) created: UnixMs,
}

/// How a data key is looked for.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    Number(&'a KeyNumber),
    /// The one key of this purpose.
    Purpose(Purpose),
    Subject(&'a Digest),
}

/// What became of a data key that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    /// Somebody was quicker; theirs holds.
    Exists,
    /// It is wrapped under a version that is not the latest.
    Outdated,
}

/// What an archive gives back.
#[derive(Default)]
pub(super) struct Restored {
    pub(super) tenant: Vec<TenantRow>,
    pub(super) data: Vec<DataRow>,
    pub(super) destroyed: Vec<(KeyNumber, UnixMs)>,
}

/// How many keys there are of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) purpose: Purpose,
    pub(super) under: u64,
    pub(super) keys: u64,
    pub(super) oldest: UnixMs,
}

/// The shelf, or what lies on it, is not as it must be.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The database failed.
    #[error("the database of keys")]
    Engine(#[from] sqlx::Error),
    /// What no version wrote.
    #[error("the database of keys holds what no version wrote; restore it from your backup")]
    Damaged,
}

/// Keeps the wrapped keys of one tenant. A verb that has returned is on disk.
pub(super) trait Shelf: Send + Sync {
    /// Every version under every root, oldest first.
    fn tenant_keys(&self) -> BoxFuture<'_, Result<Vec<TenantRow>, ShelfError>>;

    /// Keeps a version under a root, unless there is one.
    fn add_tenant_key<'a>(&'a self, row: &'a TenantRow) -> BoxFuture<'a, Result<(), ShelfError>>;

    /// Puts another wrapping in the place of that of the same version under the same root.
    fn rewrap_tenant_key<'a>(&'a self, row: &'a TenantRow) -> BoxFuture<'a, Result<(), ShelfError>>;

    /// Removes the versions before the latest that wrap nothing any more.
    fn retire_versions(&self) -> BoxFuture<'_, Result<(), ShelfError>>;

    /// Removes what is wrapped under other roots, of versions that are wrapped under this one too.
    fn retire_roots<'a>(&'a self, kept: &'a str) -> BoxFuture<'a, Result<(), ShelfError>>;

    fn data_key<'a>(&'a self, which: Which<'a>) -> BoxFuture<'a, Result<Option<DataRow>, ShelfError>>;

    fn add_data_key<'a>(&'a self, row: &'a DataRow) -> BoxFuture<'a, Result<Added, ShelfError>>;

    /// At most `max` keys wrapped under a version before this one.
    fn wrapped_before(&self, version: u64, max: usize) -> BoxFuture<'_, Result<Vec<DataRow>, ShelfError>>;

    /// At most `max` keys in the order of their numbers, after one.
    fn data_keys<'a>(
        &'a self,
        after: Option<&'a KeyNumber>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<DataRow>, ShelfError>>;

    /// Puts keys in the place of those with the same number, each only if that is still wrapped under `from`.
    fn rewrap<'a>(&'a self, rows: &'a [DataRow], from: &'a [u64]) -> BoxFuture<'a, Result<(), ShelfError>>;

    /// Destroys a key for good; whether there was one.
    fn destroy<'a>(&'a self, number: &'a KeyNumber, at: UnixMs) -> BoxFuture<'a, Result<bool, ShelfError>>;

    /// Whether a key of this number was destroyed.
    fn was_destroyed<'a>(&'a self, number: &'a KeyNumber) -> BoxFuture<'a, Result<bool, ShelfError>>;

    /// At most `max` numbers of keys that were destroyed, in their order, after one; each with when.
    fn destroyed_keys<'a>(
        &'a self,
        after: Option<&'a KeyNumber>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<(KeyNumber, UnixMs)>, ShelfError>>;

    /// Puts back what an archive held, all or nothing; what is there already stays as it is.
    fn restore<'a>(&'a self, rows: &'a Restored) -> BoxFuture<'a, Result<(), ShelfError>>;

    /// Grows with every destruction.
    fn generation(&self) -> BoxFuture<'_, Result<u64, ShelfError>>;

    fn tallies(&self) -> BoxFuture<'_, Result<Vec<Tally>, ShelfError>>;

    /// Closes it.
    fn close(&self) -> BoxFuture<'_, ()>;
}
