//! From one keeper of the root key to another, and to a keeper's newest version. As in a rotation, every step leaves the keys readable.

use botwarden_crypto::{Purpose, RootProvider};

use super::rotation::{Rewrapped, Rotation};
use super::shelf::TenantRow;
use super::{Keyring, KeyringError, name};

impl Keyring {
    /// Moves the tenant's keys from the root key this keyring was opened with under `next`; goes on with an earlier move if that was not
    /// finished. Everything is wrapped under both and was given back by `next` before the old wrapping goes. This keyring keeps working
    /// with what it has in memory; open the next one with `next`.
    pub async fn move_root(&self, next: &dyn RootProvider) -> Result<Rewrapped, KeyringError> {
        /// Versions that a rotation may add meanwhile, under the root before.
        const ROUNDS: usize = 4;
        let now_under = next.id();
        let begun = self.shelf.tenant_keys().await?.iter().any(|row| row.root == now_under);
        let rotation = if begun { Rotation::Resumed } else { Rotation::New };
        let mut keys = 0;
        for _ in 0..ROUNDS {
            let rows = self.shelf.tenant_keys().await?;
            keys += self.wrap_missing(next, &rows).await?;
            self.compare(next).await?;
            self.shelf.retire_roots(&now_under).await?;
            if self.shelf.tenant_keys().await?.iter().all(|row| row.root == now_under) {
                return Ok(Rewrapped { rotation, now_under, keys });
            }
        }
        Err(KeyringError::Unsettled)
    }

    /// Wraps the tenant's keys anew under the newest version that the keeper of this root has, and says how many there were.
    pub async fn renew_wrapping(&self) -> Result<Rewrapped, KeyringError> {
        let now_under = self.root.id();
        let mut keys = 0;
        for row in self.shelf.tenant_keys().await?.into_iter().filter(|row| row.root == now_under) {
            let name = name(Purpose::Tenant, row.number);
            let key = self.root.unwrap(name, &row.wrapped).await?;
            let wrapped = self.root.wrap(name, &key).await?;
            if !self.root.unwrap(name, &wrapped).await?.is(&key) {
                return Err(KeyringError::NotGivenBack { root: now_under });
            }
            self.shelf.rewrap_tenant_key(&TenantRow { wrapped, ..row }).await?;
            keys += 1;
        }
        Ok(Rewrapped { rotation: Rotation::New, now_under, keys })
    }

    /// Wraps the versions under `next` that are not yet.
    async fn wrap_missing(&self, next: &dyn RootProvider, rows: &[TenantRow]) -> Result<u64, KeyringError> {
        let (from, to) = (self.root.id(), next.id());
        let is_there = |version| rows.iter().any(|row| row.version == version && row.root == to);
        let missing: Vec<TenantRow> =
            rows.iter().filter(|row| row.root == from && !is_there(row.version)).cloned().collect();
        self.wrap_under(next, &missing).await
    }

    /// Has each version given back by `next`, from what lies on the shelf, and compares it with what the root before gives.
    async fn compare(&self, next: &dyn RootProvider) -> Result<(), KeyringError> {
        let (from, to) = (self.root.id(), next.id());
        let rows = self.shelf.tenant_keys().await?;
        for row in rows.iter().filter(|row| row.root == from) {
            let Some(copy) = rows.iter().find(|it| it.version == row.version && it.root == to) else {
                continue; // Added meanwhile: for the next round.
            };
            let name = name(Purpose::Tenant, row.number);
            let key = self.root.unwrap(name, &row.wrapped).await?;
            if copy.number != row.number || !next.unwrap(name, &copy.wrapped).await?.is(&key) {
                return Err(KeyringError::NotGivenBack { root: to });
            }
        }
        Ok(())
    }
}
