//! The archive of keys: all of them in one file, as they lie wrapped, sealed once more under the key of an epoch.
//!
//! A backup of the data holds no keys, so that destroying one erases its person there too. Keys have an archive of their own, which every
//! erasure makes anew under another epoch key and so makes the old ones unreadable: whoever restores from a copy that was kept has no
//! epoch key for it.
//!
//! ```text
//! "botwarden-keys/1\n" | number (8) | archive key, wrapped under the epoch key (93)
//! then frames: u32 length | sealed cell, whose place is "archive", "keys", u64 number of the frame | 1 in the last
//! ```
//! A frame is a JSON array of rows. Integers are big-endian.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use botwarden_crypto::{
    CellKey, Digest, KeyName, KeyNumber, OpenError, Place, Purpose, RootError, RootKey, RootProvider,
    SecretKey, WrappingKey,
};
use botwarden_types::UnixMs;
use serde::{Deserialize, Serialize};

use super::shelf::{DataRow, Restored, Shelf, ShelfError, TenantRow};
use super::sqlite::SqliteShelf;
use super::{Keyring, KeyringError, TENANT};
use crate::data_dir::DataDir;

const MAGIC: &[u8] = b"botwarden-keys/1\n";
/// Rows of a frame.
const FRAME_ROWS: usize = 1000;
/// Bytes of the longest frame that is read.
const FRAME_BYTES_MAX: usize = 4 << 20;

/// Why an archive was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file.
    #[error("{operation} `{}`", .path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// It was not sealed under this epoch key: somebody was erased since.
    #[error(
        "`{}` does not open with `epoch.key`: it is from before somebody was erased, or of another data directory; use the archive that \
         belongs to this `epoch.key`",
        .path.display()
    )]
    OtherEpoch {
        /// The archive.
        path: PathBuf,
    },
    /// Not an archive, or not all of it.
    #[error("`{}` is not a whole archive of keys; use another copy", .path.display())]
    Damaged {
        /// The archive.
        path: PathBuf,
    },
}

/// One row, bytes as hexadecimal digits.
#[derive(Serialize, Deserialize)]
enum Row {
    Tenant {
        version: u64,
        root: String,
        number: String,
        wrapped: String,
        created: u64,
    },
    Data {
        number: String,
        purpose: String,
        subject: Option<String>,
        under: u64,
        wrapped: String,
        created: u64,
    },
    Destroyed {
        number: String,
        at: u64,
    },
}

impl Keyring {
    /// Writes every key into `path`, sealed under the epoch key of `dir`, which is made if there is none. It replaces what is there only
    /// once it is whole and on disk.
    pub async fn archive(&self, dir: &DataDir, path: &Path) -> Result<(), ArchiveError> {
        let epoch = dir.epoch_key().map_err(KeyringError::from)?;
        let bytes = self.sealed_archive(&epoch).await?;
        let draft = path.with_extension("draft");
        let written = write_private(&draft, &bytes).and_then(|()| fs::rename(&draft, path));
        written.map_err(|source| ArchiveError::Io { operation: "writing", path: path.to_owned(), source })
    }

    /// Begins a new epoch: archives from before open no more once the old epoch key and its copies are gone. Makes the archive in `dir` anew, if
    /// there is one.
    pub async fn begin_epoch(&self, dir: &DataDir) -> Result<(), ArchiveError> {
        dir.replace_epoch_key().map_err(KeyringError::from)?;
        let path = dir.key_archive();
        if path.exists() { self.archive(dir, &path).await } else { Ok(()) }
    }

    /// Puts the keys of an archive into a data directory that has none.
    pub async fn restore(dir: &DataDir, path: &Path) -> Result<(), ArchiveError> {
        let bytes = fs::read(path).map_err(|source| ArchiveError::Io {
            operation: "reading",
            path: path.to_owned(),
            source,
        })?;
        let epoch = dir.epoch_key().map_err(KeyringError::from)?;
        let restored = open_archive(&epoch, path, &bytes).await?;
        let shelf = SqliteShelf::open(&dir.keyring()).await.map_err(KeyringError::from)?;
        shelf.restore(&restored).await.map_err(KeyringError::from)?;
        shelf.close().await;
        Ok(())
    }

    async fn sealed_archive(&self, epoch: &RootKey) -> Result<Vec<u8>, KeyringError> {
        let mut archive = SealedArchive::begin(epoch).await?;
        let mut rows: Vec<Row> = self.shelf.tenant_keys().await?.into_iter().map(tenant).collect();
        let (mut after, mut gone) = (None, None);
        loop {
            let page = self.shelf.data_keys(after.as_ref(), FRAME_ROWS).await?;
            let destroyed = self.shelf.destroyed_keys(gone.as_ref(), FRAME_ROWS).await?;
            let is_last = page.is_empty() && destroyed.is_empty();
            after = page.last().map(|row| row.number).or(after);
            gone = destroyed.last().map(|(number, _)| *number).or(gone);
            rows.extend(page.into_iter().map(data));
            rows.extend(destroyed.into_iter().map(destroyed_row));
            let plain = serde_json::to_vec(&rows).map_err(|_| ShelfError::Damaged)?;
            rows.clear();
            archive.frame(&plain, is_last)?;
            if is_last {
                return Ok(archive.bytes);
            }
        }
    }
}

/// An archive being written.
pub(crate) struct SealedArchive {
    pub(crate) bytes: Vec<u8>,
    key: CellKey,
    frames: u64,
}

impl SealedArchive {
    pub(crate) async fn begin(epoch: &RootKey) -> Result<Self, KeyringError> {
        let (secret, number) = (SecretKey::generate()?, KeyNumber::random()?);
        let wrapped = epoch.wrap(name(number), &secret).await?;
        let bytes = [MAGIC, number.as_bytes(), &wrapped].concat();
        Ok(Self { bytes, key: secret.cells(name(number)), frames: 0 })
    }

    pub(crate) fn frame(&mut self, plain: &[u8], is_last: bool) -> Result<(), KeyringError> {
        let place = frame_place(self.frames, is_last);
        let cell = self.key.seal(Place { row: &place, ..PLACE }, plain)?;
        self.bytes.extend_from_slice(&u32::try_from(cell.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.bytes.extend_from_slice(&cell);
        self.frames += 1;
        Ok(())
    }
}

const PLACE: Place<'static> = Place { table: "archive", column: "keys", row: b"", schema: 1 };

fn frame_place(frame: u64, is_last: bool) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = frame.to_be_bytes();
    [a, b, c, d, e, f, g, h, u8::from(is_last)]
}

fn name(number: KeyNumber) -> KeyName<'static> {
    KeyName { tenant: TENANT, purpose: Purpose::Archive, number }
}

pub(crate) async fn open_archive(
    epoch: &RootKey,
    path: &Path,
    bytes: &[u8],
) -> Result<Restored, ArchiveError> {
    let damaged = || ArchiveError::Damaged { path: path.to_owned() };
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let (number, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (wrapped, mut frames) = rest.split_at_checked(WrappingKey::WRAPPED_BYTES).ok_or_else(damaged)?;
    let number = KeyNumber::from_stored(number).ok_or_else(damaged)?;
    let secret = epoch.unwrap(name(number), wrapped).await.map_err(|error| match error {
        RootError::Open(OpenError) => ArchiveError::OtherEpoch { path: path.to_owned() },
        error => KeyringError::from(error).into(),
    })?;
    let key = secret.cells(name(number));
    let mut restored = Restored::default();
    for frame in 0.. {
        let (length, rest) = frames.split_first_chunk::<4>().ok_or_else(damaged)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (cell, rest) = rest.split_at_checked(length.min(FRAME_BYTES_MAX)).ok_or_else(damaged)?;
        frames = rest;
        let plain = open_frame(&key, frame, rest.is_empty(), cell).map_err(|_| damaged())?;
        read_rows(&plain, &mut restored).ok_or_else(damaged)?;
        if rest.is_empty() {
            break;
        }
    }
    Ok(restored)
}

fn open_frame(
    key: &CellKey,
    frame: u64,
    is_last: bool,
    cell: &[u8],
) -> Result<zeroize::Zeroizing<Vec<u8>>, OpenError> {
    key.open(Place { row: &frame_place(frame, is_last), ..PLACE }, cell)
}

/// What a frame holds; `None` for what no version wrote.
pub(crate) fn read_rows(plain: &[u8], restored: &mut Restored) -> Option<()> {
    let rows: Vec<Row> = serde_json::from_slice(plain).ok()?;
    rows.into_iter().try_for_each(|row| put(row, restored))
}

/// As the rows of one frame.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn write_rows(restored: Restored) -> serde_json::Result<Vec<u8>> {
    let Restored { tenant: tenants, data: keys, destroyed } = restored;
    let rows = tenants.into_iter().map(tenant).chain(keys.into_iter().map(data));
    serde_json::to_vec(&rows.chain(destroyed.into_iter().map(destroyed_row)).collect::<Vec<Row>>())
}

fn tenant(row: TenantRow) -> Row {
    let (number, wrapped) = (hex(row.number.as_bytes()), hex(&row.wrapped));
    Row::Tenant { version: row.version, root: row.root, number, wrapped, created: row.created.0 }
}

fn data(row: DataRow) -> Row {
    Row::Data {
        number: hex(row.number.as_bytes()),
        purpose: row.purpose.as_str().to_owned(),
        subject: row.subject.map(|subject| hex(subject.as_bytes())),
        under: row.under,
        wrapped: hex(&row.wrapped),
        created: row.created.0,
    }
}

fn destroyed_row((number, at): (KeyNumber, UnixMs)) -> Row {
    Row::Destroyed { number: hex(number.as_bytes()), at: at.0 }
}

fn put(row: Row, restored: &mut Restored) -> Option<()> {
    let number = |text: &str| KeyNumber::from_stored(&unhex(text)?);
    match row {
        Row::Tenant { version, root, number: text, wrapped, created } => restored.tenant.push(TenantRow {
            version,
            root,
            number: number(&text)?,
            wrapped: unhex(&wrapped)?,
            created: UnixMs(created),
        }),
        Row::Data { number: text, purpose, subject, under, wrapped, created } => {
            restored.data.push(DataRow {
                number: number(&text)?,
                purpose: purpose.parse().ok()?,
                subject: match subject {
                    Some(subject) => Some(Digest::from_stored(&unhex(&subject)?)?),
                    None => None,
                },
                under,
                wrapped: unhex(&wrapped)?,
                created: UnixMs(created),
            })
        }
        Row::Destroyed { number: text, at } => restored.destroyed.push((number(&text)?, UnixMs(at))),
    }
    Some(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| Some(u8::try_from(digit.to_digit(16)?).unwrap_or(0))).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
