//! Where wrapped keys lie: one verb, one transaction.

use botwarden_crypto::{BoxFuture, Digest, KeyNumber, Purpose};
use botwarden_types::UnixMs;

use crate::cells::Columns;
use crate::cells::row::from_column;

/// The one tenant there is by default.
pub(crate) const TENANT: &str = "default";

/// A tenant's key as it lies on the shelf.
#[derive(Clone, Debug)]
pub(crate) struct TenantRow {
    pub(crate) version: u64,
    /// The root key it is wrapped under.
    pub(crate) root: String,
    pub(crate) number: KeyNumber,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) created: UnixMs,
}

/// A data key as it lies on the shelf.
#[derive(Clone, Debug)]
pub(crate) struct DataRow {
    pub(crate) number: KeyNumber,
    pub(crate) purpose: Purpose,
    /// Whose it is, hashed; of subjects' keys alone.
    pub(crate) subject: Option<Digest>,
    /// Version of the tenant's key it is wrapped under.
    pub(crate) under: u64,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) created: UnixMs,
}

/// How a data key is looked for.
#[derive(Clone, Copy)]
pub(crate) enum Which<'a> {
    Number(&'a KeyNumber),
    /// The one key of this purpose.
    Purpose(Purpose),
    Subject(&'a Digest),
}

/// What became of a data key that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Yes,
    /// Somebody was quicker; theirs holds.
    Exists,
    /// It is wrapped under a version that is not the latest.
    Outdated,
}

/// What an archive gives back.
#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) tenant: Vec<TenantRow>,
    pub(crate) data: Vec<DataRow>,
    pub(crate) destroyed: Vec<(KeyNumber, UnixMs)>,
}

/// How many keys there are of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) purpose: Purpose,
    pub(crate) under: u64,
    pub(crate) keys: u64,
    pub(crate) oldest: UnixMs,
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
pub(crate) trait Shelf: Send + Sync {
    /// What people call the place, for messages.
    fn place(&self) -> &'static str;

    /// Every version under every root, oldest first.
    fn tenant_keys(&self) -> BoxFuture<'_, Result<Vec<TenantRow>, ShelfError>>;

    /// Keeps a version under a root, unless there is one, or the version is another key's.
    fn add_tenant_key<'a>(&'a self, row: &'a TenantRow) -> BoxFuture<'a, Result<(), ShelfError>>;

    /// Puts another wrapping in the place of that of the same version under the same root.
    fn rewrap_tenant_key<'a>(&'a self, row: &'a TenantRow) -> BoxFuture<'a, Result<(), ShelfError>>;

    /// Removes the versions before the latest that wrap nothing any more.
    fn retire_versions(&self) -> BoxFuture<'_, Result<(), ShelfError>>;

    /// Removes what is wrapped under other roots, of versions that are wrapped under this one too.
    fn retire_roots<'a>(&'a self, kept: &'a str) -> BoxFuture<'a, Result<(), ShelfError>>;

    fn data_key<'a>(&'a self, which: Which<'a>) -> BoxFuture<'a, Result<Option<DataRow>, ShelfError>>;

    fn add_data_key<'a>(&'a self, row: &'a DataRow) -> BoxFuture<'a, Result<Added, ShelfError>>;

    /// Adds several keys wrapped under the same version, with one write; what became of each.
    fn add_data_keys<'a>(&'a self, rows: &'a [DataRow]) -> BoxFuture<'a, Result<Vec<Added>, ShelfError>>;

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

impl TenantRow {
    /// The key that a row of `tenant_keys` holds.
    pub(crate) fn read(row: &impl Columns) -> Result<Self, ShelfError> {
        Ok(Self {
            version: unsigned(row.number("version")?)?,
            root: row.text("root")?,
            number: KeyNumber::from_stored(&row.bytes("number")?).ok_or(ShelfError::Damaged)?,
            wrapped: row.bytes("wrapped")?,
            created: from_column(row.number("created")?),
        })
    }
}

impl DataRow {
    /// The key that a row of `data_keys` holds.
    pub(crate) fn read(row: &impl Columns) -> Result<Self, ShelfError> {
        let subject = row.bytes_if_any("subject")?;
        Ok(Self {
            number: KeyNumber::from_stored(&row.bytes("number")?).ok_or(ShelfError::Damaged)?,
            purpose: row.text("purpose")?.parse().map_err(|_| ShelfError::Damaged)?,
            subject: subject
                .map(|bytes| Digest::from_stored(&bytes).ok_or(ShelfError::Damaged))
                .transpose()?,
            under: unsigned(row.number("under")?)?,
            wrapped: row.bytes("wrapped")?,
            created: from_column(row.number("created")?),
        })
    }
}

impl Tally {
    /// What a row counts.
    pub(crate) fn read(row: &impl Columns) -> Result<Self, ShelfError> {
        Ok(Self {
            purpose: row.text("purpose")?.parse().map_err(|_| ShelfError::Damaged)?,
            under: unsigned(row.number("under")?)?,
            keys: unsigned(row.number("keys")?)?,
            oldest: from_column(row.number("oldest")?),
        })
    }
}

pub(crate) fn version_column(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> Result<u64, ShelfError> {
    u64::try_from(number).map_err(|_| ShelfError::Damaged)
}
