//! Where the state of a configuration lies: the data directory, and the engine that keeps keys and sessions.

use std::sync::Arc;

use anyhow::Context;
use botwarden_crypto::RootProvider;
use botwarden_store::control::{self, News, Notified};
use botwarden_store::{DataDir, Engine, FileRoot, IfMissing, Keyring, KeysLock, Store};
use botwarden_types::{Clock, SystemClock};

use crate::config::{Config, RootKeyConfig};
use crate::exit::{self, Advice};
use crate::root;

/// Where state lies, entered.
pub(crate) struct State {
    pub(crate) dir: DataDir,
    engine: Engine,
    root_key: RootKeyConfig,
}

impl State {
    /// Makes the data directory if it is missing.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        Self::enter(DataDir::open(&config.data_dir).context("opening the data directory")?, config).await
    }

    /// A data directory that is missing is an error. For commands that only look.
    pub(crate) async fn existing(config: &Config) -> anyhow::Result<Self> {
        Self::enter(DataDir::existing(&config.data_dir)?, config).await
    }

    async fn enter(dir: DataDir, config: &Config) -> anyhow::Result<Self> {
        let url = config.store.url(|name| std::env::var_os(name))?;
        let engine = Engine::connect(&dir, url.as_ref()).await.context("opening the store")?;
        Ok(Self { dir, engine, root_key: config.root_key.clone() })
    }

    /// Opens the keys that everything is sealed under; makes them where there are none.
    pub(crate) async fn keyring(&self) -> anyhow::Result<Arc<Keyring>> {
        self.keyring_of(&self.root_key).await
    }

    /// The same under the root key that another keeper has.
    pub(crate) async fn keyring_of(&self, root_key: &RootKeyConfig) -> anyhow::Result<Arc<Keyring>> {
        let now = SystemClock.now().wall;
        let keyring = if *root_key == RootKeyConfig::File {
            let root = FileRoot::open(&self.dir).context("reading the root key")?;
            self.engine.keyring(root, now).await
        } else {
            self.refuse_lost_keyring()?;
            let root = root::open(root_key, &self.dir, IfMissing::MakeIfEmpty).await;
            self.engine.keyring_under(root.context("reading the root key")?, now).await
        };
        Ok(Arc::new(keyring.context("opening the keyring")?))
    }

    /// The same under a root key that is at hand.
    pub(crate) async fn keyring_under(&self, root: Arc<dyn RootProvider>) -> anyhow::Result<Arc<Keyring>> {
        let keyring = self.engine.keyring_under(root, SystemClock.now().wall).await;
        Ok(Arc::new(keyring.context("opening the keyring")?))
    }

    /// Refuses to make keys beside data that others open.
    pub(crate) fn refuse_lost_keyring(&self) -> anyhow::Result<()> {
        if !self.engine.lacks_keyring() {
            return Ok(());
        }
        let mend = "restore it from your backup; a directory from before there was one is started once without `[root_key]`, and its keys are \
                    then moved with `botwarden keyring move`";
        Err(Advice::new("`keyring.db` is missing, but the data that its keys open is there", mend).into())
    }

    /// Takes the right to rotate, move and destroy keys, from all nodes that share them.
    pub(crate) async fn lock_keys(&self) -> anyhow::Result<KeysLock> {
        Ok(self.engine.lock_keys().await?)
    }

    /// Opens the store.
    pub(crate) async fn store(&self, keyring: Arc<Keyring>) -> anyhow::Result<Store> {
        Store::open(&self.engine, keyring).await.context("opening the store")
    }

    /// After a key was destroyed: lets no archive of keys from before open any more. In PostgreSQL there are none.
    pub(crate) async fn begin_epoch(&self, keyring: &Keyring) -> anyhow::Result<()> {
        match &self.engine {
            Engine::Sqlite(dir) => Ok(keyring.begin_epoch(dir).await?),
            Engine::Postgres { .. } => Ok(()),
        }
    }

    /// Tells the server that runs on the data directory, in words what became of it and as a value whether it is known to be in force there;
    /// `done` says what the server did. Servers on other machines are told by the database.
    pub(crate) async fn announce(&self, done: &str) -> (InForce, String) {
        self.tell(&News::KeysChanged, done).await
    }

    /// The same of something that was stopped or lifted.
    pub(crate) async fn announce_stops(&self, done: &str) -> (InForce, String) {
        self.tell(&News::StopsChanged, done).await
    }

    async fn tell(&self, news: &News, done: &str) -> (InForce, String) {
        let told = exit::patiently("waiting for the running server …", control::tell(&self.dir, news));
        let (in_force, words) = match told.await {
            Ok(Notified::Acknowledged { .. }) => (InForce::Yes, format!("the running server has {done}")),
            Ok(Notified::NobodyListens) => {
                (InForce::Yes, "no server is running on this data directory".to_owned())
            }
            Err(error) => {
                let error = anyhow::Error::new(error);
                let words = format!(
                    "a server is running but did not confirm ({error:#}); it looks by itself every second"
                );
                (InForce::Unknown, words)
            }
        };
        match self.engine {
            Engine::Sqlite(_) => (in_force, words),
            Engine::Postgres { .. } => (in_force, words + "; other nodes are told, and look every second"),
        }
    }
}

/// Whether the server on this data directory is known to act on a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum InForce {
    Yes,
    Unknown,
}
