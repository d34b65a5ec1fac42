//! Rotation: keys are wrapped anew, nothing they sealed is touched. Every step leaves the keys readable, and whoever comes after a crash
//! goes on where it ended.

use botwarden_crypto::{Purpose, RootProvider};
use botwarden_types::UnixMs;

use super::shelf::{DataRow, ShelfError, TenantRow};
use super::{Keyring, KeyringError, name, wrong_root};
use crate::data_dir::DataDir;

/// Keys wrapped anew in one transaction.
const BATCH: usize = 256;

/// How a rotation began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// With a new key.
    New,
    /// With what an earlier one had left.
    Resumed,
}

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrapped {
    /// How it began.
    pub rotation: Rotation,
    /// The version or the root key in force now.
    pub now_under: String,
    /// Keys that were wrapped anew.
    pub keys: u64,
}

impl Keyring {
    /// Gives the tenant a new key and wraps all others under it; goes on with an earlier rotation if that was not finished. `progress` is
    /// told how many keys are done, and of how many.
    pub async fn rotate_tenant(
        &self,
        now: UnixMs,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Rewrapped, KeyringError> {
        let left = self.list().await?.iter().any(|key| key.outdated && key.purpose != Purpose::Tenant);
        let rotation = if left { Rotation::Resumed } else { Rotation::New };
        if rotation == Rotation::New {
            self.with_unwrapper(async |keys| {
                keys.load_versions().await?;
                let next = 1 + keys.latest().ok_or(ShelfError::Damaged)?;
                keys.add_version(next, now).await
            })
            .await?;
        }
        let version = self
            .with_unwrapper(async |keys| {
                keys.load_versions().await?;
                keys.latest().ok_or(ShelfError::Damaged.into())
            })
            .await?;
        let before = self.list().await?;
        let total = before.iter().filter(|key| key.outdated && key.root.is_none()).map(|key| key.keys).sum();
        let mut done = 0;
        loop {
            let batch = self.shelf.wrapped_before(version, BATCH).await?;
            if batch.is_empty() {
                break;
            }
            let from: Vec<u64> = batch.iter().map(|row| row.under).collect();
            self.shelf.rewrap(&self.wrapped_under(version, batch).await?, &from).await?;
            done += from.len() as u64;
            progress(done, total);
        }
        self.shelf.retire_versions().await?;
        self.with_unwrapper(async |keys| keys.load_versions().await).await?;
        Ok(Rewrapped { rotation, now_under: format!("version {version}"), keys: done })
    }

    async fn wrapped_under(&self, version: u64, rows: Vec<DataRow>) -> Result<Vec<DataRow>, KeyringError> {
        self.with_unwrapper(async |keys| {
            let mut wrapped_anew = Vec::with_capacity(rows.len());
            for row in rows {
                let key = keys.unwrap(&row).await?;
                let wrapping = keys.versions.get(&version).ok_or(ShelfError::Damaged)?;
                let wrapped = wrapping.wrap(name(row.purpose, row.number), &key)?;
                wrapped_anew.push(DataRow { under: version, wrapped, ..row });
            }
            Ok(wrapped_anew)
        })
        .await
    }

    /// Replaces the root key in `root.key` by a new one; goes on with an earlier rotation if that was not finished. The order makes every
    /// step safe: the new key is on disk before anything is wrapped under it, everything is wrapped under both before the file is
    /// replaced, and the old wrapping goes last.
    pub async fn rotate_root_file(&self, dir: &DataDir) -> Result<Rewrapped, KeyringError> {
        // Another command may have replaced the file since this one has read it, or another node everything.
        self.root.refresh().await?;
        let rows = self.shelf.tenant_keys().await?;
        let root = self.root.id();
        if !rows.iter().any(|row| row.root == root) {
            return Err(wrong_root(self.shelf.place(), root, &rows));
        }
        // The file was replaced, the old wrapping not yet removed.
        let replaced = !dir.has_next_root_key() && rows.iter().any(|row| row.root != root);
        let rotation = if replaced || dir.has_next_root_key() { Rotation::Resumed } else { Rotation::New };
        let mut keys = 0;
        if !replaced {
            let next = dir.next_root_key()?;
            keys = self.wrap_under(&next, &rows).await?;
            dir.replace_root_key()?;
            self.root.refresh().await?;
        }
        let now_under = self.root.id();
        self.shelf.retire_roots(&now_under).await?;
        Ok(Rewrapped { rotation, now_under, keys })
    }

    /// Wraps every version of the tenant's key under another root too.
    pub(super) async fn wrap_under(
        &self,
        next: &dyn RootProvider,
        rows: &[TenantRow],
    ) -> Result<u64, KeyringError> {
        let (from, to) = (self.root.id(), next.id());
        let mut wrapped_anew = 0;
        for row in rows.iter().filter(|row| row.root == from) {
            let name = name(Purpose::Tenant, row.number);
            let key = self.root.unwrap(name, &row.wrapped).await?;
            let wrapped = next.wrap(name, &key).await?;
            self.shelf.add_tenant_key(&TenantRow { root: to.clone(), wrapped, ..row.clone() }).await?;
            wrapped_anew += 1;
        }
        Ok(wrapped_anew)
    }
}
