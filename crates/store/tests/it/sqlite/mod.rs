//! The embedded store.

pub(crate) mod crash;
mod files;
pub(crate) mod keyring;
pub(crate) mod moving;
mod tampering;
mod upgrade;
mod writers;

use std::sync::Arc;

use botwarden_crypto::{BlindIndex, Pepper};
use botwarden_store::{DataDir, FileRoot, Keyring, Sqlite};
use tempfile::TempDir;

use crate::conformance::{Backend, NOW, suite};

/// A data directory with its keys.
pub(crate) struct Place {
    pub(crate) data: DataDir,
    keyring: Arc<Keyring>,
    _parent: TempDir,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path().join("data")).unwrap();
        let keyring = keyring(&data).await;
        Self { data, keyring, _parent: parent }
    }

    pub(crate) async fn open(&self) -> Sqlite {
        Sqlite::open(&self.data, self.keyring.clone()).await.unwrap()
    }

    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        self.keyring.clone()
    }

    pub(crate) fn pepper(&self) -> Pepper {
        self.keyring.pepper().unwrap()
    }

    pub(crate) fn index(&self) -> BlindIndex {
        self.keyring.index().unwrap()
    }
}

/// The keys of a data directory, as a process that has just started finds them.
pub(crate) async fn keyring(data: &DataDir) -> Arc<Keyring> {
    let root = FileRoot::open(data).unwrap();
    let before = root.derived_before();
    Arc::new(Keyring::open(data, Arc::new(root), before, NOW).await.unwrap())
}

async fn empty() -> Option<Backend> {
    let parent = tempfile::tempdir().unwrap();
    let data = DataDir::open(parent.path().join("data")).unwrap();
    Some(Backend::open(data, None, Arc::new(parent)).await)
}

suite!(conformance, super::empty);
