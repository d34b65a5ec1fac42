//! The embedded store.

pub(crate) mod crash;
mod files;
mod tampering;

use botwarden_crypto::RootKey;
use botwarden_store::{DataDir, Sqlite};
use tempfile::TempDir;

use crate::conformance::{Backend, suite};

/// A data directory with its root key.
pub(crate) struct Place {
    pub(crate) data: DataDir,
    pub(crate) root: RootKey,
    _parent: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path().join("data")).unwrap();
        let root = data.root_key().unwrap();
        Self { data, root, _parent: parent }
    }

    pub(crate) async fn open(&self) -> Sqlite {
        Sqlite::open(&self.data, self.root.sealer()).await.unwrap()
    }
}

async fn empty() -> Backend {
    let place = Place::new();
    let store = place.open().await;
    let root = place.data.root_key().unwrap();
    Backend::new(store, &root, place)
}

suite!(conformance, super::empty);
