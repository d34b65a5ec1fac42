//! Which keys there are.

use botwarden_crypto::{KeyNumber, Purpose};
use botwarden_types::UnixMs;

use super::{Keyring, KeyringError, Which};

/// A key, or all subjects' keys that are wrapped under one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// What it is for.
    pub purpose: Purpose,
    /// Which it is; `None` where many are counted.
    pub number: Option<KeyNumber>,
    /// Its version; of others, the version of the tenant's key they are wrapped under.
    pub version: u64,
    /// The root key it is wrapped under; of tenants' keys alone.
    pub root: Option<String>,
    /// How many there are.
    pub keys: u64,
    /// When the oldest of them was made.
    pub created: UnixMs,
    /// Whether a rotation has yet to come by: it is wrapped under what is not the latest.
    pub outdated: bool,
}

impl Keyring {
    /// The name of the root key that all are wrapped under in the end.
    pub fn root_id(&self) -> String {
        self.root.id()
    }

    /// Every key there is, those of subjects counted; tenants' keys first.
    pub async fn list(&self) -> Result<Vec<ListedKey>, KeyringError> {
        let (mut listed, latest) = self.list_tenants().await?;
        for tally in self.shelf.tallies().await? {
            let number = match tally.purpose {
                Purpose::Subject => None,
                purpose => self.shelf.data_key(Which::Purpose(purpose)).await?.map(|row| row.number),
            };
            listed.push(ListedKey {
                purpose: tally.purpose,
                number,
                version: tally.under,
                root: None,
                keys: tally.keys,
                created: tally.oldest,
                outdated: tally.under < latest,
            });
        }
        Ok(listed)
    }

    /// At most `max` data keys, in the order of their numbers, after one.
    pub async fn list_each(
        &self,
        after: Option<&KeyNumber>,
        max: usize,
    ) -> Result<Vec<ListedKey>, KeyringError> {
        let (_, latest) = self.list_tenants().await?;
        let rows = self.shelf.data_keys(after, max).await?;
        let listed = rows.into_iter().map(|row| ListedKey {
            purpose: row.purpose,
            number: Some(row.number),
            version: row.under,
            root: None,
            keys: 1,
            created: row.created,
            outdated: row.under < latest,
        });
        Ok(listed.collect())
    }

    /// The tenant's keys, and the latest version.
    async fn list_tenants(&self) -> Result<(Vec<ListedKey>, u64), KeyringError> {
        let rows = self.shelf.tenant_keys().await?;
        let latest = rows.iter().map(|row| row.version).max().unwrap_or(0);
        let root = self.root.id();
        let listed = rows.into_iter().map(|row| ListedKey {
            purpose: Purpose::Tenant,
            number: Some(row.number),
            version: row.version,
            keys: 1,
            created: row.created,
            outdated: row.version < latest || row.root != root,
            root: Some(row.root),
        });
        Ok((listed.collect(), latest))
    }
}
