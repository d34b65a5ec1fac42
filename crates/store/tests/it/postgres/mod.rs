//! The shared store. Without a server (plain `cargo test`) each test says that it was skipped.

pub(crate) mod crash;
mod dumps;
mod moving;
mod nodes;
pub(crate) mod rotation;
mod tables;
mod tampering;
mod upgrade;

use std::sync::Arc;

use botwarden_store::{DataDir, PostgresUrl};
use botwarden_testkit::TestDatabase;

use crate::conformance::{Backend, suite};

/// A database, and data directories with one root key.
pub(crate) struct Site {
    pub(crate) database: Arc<TestDatabase>,
    parent: Arc<tempfile::TempDir>,
}

impl Site {
    pub(crate) fn new() -> Option<Self> {
        let database = Arc::new(TestDatabase::create()?);
        Some(Self { database, parent: Arc::new(tempfile::tempdir().unwrap()) })
    }

    pub(crate) fn url(&self) -> PostgresUrl {
        PostgresUrl::parse(&self.database.url()).unwrap()
    }

    /// The data directory of a node; the root key of the first is copied to the others.
    pub(crate) fn data(&self, node: &str) -> DataDir {
        let path = self.parent.path().join(node);
        let is_new = !path.exists();
        let data = DataDir::open(&path).unwrap();
        let first = self.parent.path().join("one/root.key");
        if is_new && first.exists() {
            std::fs::copy(first, path.join("root.key")).unwrap();
        }
        data
    }

    pub(crate) async fn node(&self, name: &str) -> Backend {
        let keep = Arc::new((Arc::clone(&self.database), Arc::clone(&self.parent)));
        Backend::open(self.data(name), Some(self.url()), keep).await
    }
}

async fn empty() -> Option<Backend> {
    Some(Site::new()?.node("one").await)
}

suite!(conformance, super::empty);
