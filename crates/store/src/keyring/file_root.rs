//! The root key in `root.key`.

use std::sync::Arc;

use botwarden_crypto::{BoxFuture, KeyName, Purpose, RootError, RootKey, RootProvider, SecretKey};
use parking_lot::RwLock;

use crate::data_dir::{DataDir, IfMissing, RootKeyFileError};

/// The root key in the data directory's file. Looks again when another process has rotated it.
pub struct FileRoot {
    dir: DataDir,
    key: RwLock<Arc<RootKey>>,
}

impl FileRoot {
    /// Reads the file; makes it if the directory is still empty of data.
    pub fn open(dir: &DataDir) -> Result<Self, RootKeyFileError> {
        Self::open_or(dir, IfMissing::MakeIfEmpty)
    }

    /// The same, and whether it is made where it is missing.
    pub fn open_or(dir: &DataDir, if_missing: IfMissing) -> Result<Self, RootKeyFileError> {
        let key = RwLock::new(Arc::new(dir.root_key_or(if_missing)?));
        Ok(Self { dir: dir.clone(), key })
    }

    /// What a data directory from before there was a keyring works with; `None` for others.
    pub fn derived_before(&self) -> Option<[(Purpose, SecretKey); 4]> {
        self.dir.database().exists().then(|| self.key().derived_before())
    }

    fn key(&self) -> Arc<RootKey> {
        self.key.read().clone()
    }
}

impl RootProvider for FileRoot {
    fn id(&self) -> String {
        self.key().id()
    }

    fn refresh(&self) -> BoxFuture<'_, Result<(), RootError>> {
        Box::pin(async move {
            let key = self.dir.root_key().map_err(|error| RootError::Service {
                doing: "reading its file again",
                source: error.into(),
            })?;
            *self.key.write() = Arc::new(key);
            Ok(())
        })
    }

    fn wrap<'a>(
        &'a self,
        name: KeyName<'a>,
        key: &'a SecretKey,
    ) -> BoxFuture<'a, Result<Vec<u8>, RootError>> {
        Box::pin(async move { self.key().wrap(name, key).await })
    }

    fn unwrap<'a>(
        &'a self,
        name: KeyName<'a>,
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretKey, RootError>> {
        Box::pin(async move { self.key().unwrap(name, wrapped).await })
    }
}
