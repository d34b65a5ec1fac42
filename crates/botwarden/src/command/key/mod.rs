//! `botwarden key`: credentials of applications.

mod issue;
mod list;
mod revoke;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use botwarden_crypto::Pepper;
use botwarden_store::control::{self, Notified};
use botwarden_store::{DataDir, Keyring, Sqlite};

use crate::config::Config;
use crate::{exit, keyring};

/// Issue, list and revoke the keys with which applications come to the gateway.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: botwarden key issue --bot shop --right chat --right assert-user")]
pub(crate) enum Key {
    Issue(issue::Issue),
    List(list::List),
    Revoke(revoke::Revoke),
}

impl Key {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Issue(issue) => issue.run(before).await,
            Self::List(list) => list.run(before).await,
            Self::Revoke(revoke) => revoke.run(before).await,
        }
    }
}

/// The store of keys, and what it takes to work with it.
struct Keys {
    dir: DataDir,
    keyring: Arc<Keyring>,
    pepper: Pepper,
    store: Sqlite,
}

impl Keys {
    /// Opens the store of a configuration in `dir`.
    async fn open(config: &Config, dir: DataDir) -> anyhow::Result<Self> {
        let keyring = keyring::open(config, &dir).await?;
        let pepper = keyring.pepper()?;
        let store = Sqlite::open(&dir, keyring.clone()).await.context("opening the store of keys")?;
        Ok(Self { dir, keyring, pepper, store })
    }

    /// Tells a running server, in words what became of it and as a value whether it is known to be in force.
    async fn announce(&self) -> (InForce, String) {
        let told =
            exit::patiently("waiting for the running server …", control::notify_keys_changed(&self.dir));
        match told.await {
            Ok(Notified::Acknowledged { .. }) => {
                (InForce::Yes, "the running server has put it in force".to_owned())
            }
            Ok(Notified::NobodyListens) => {
                (InForce::Yes, "no server is running on this data directory".to_owned())
            }
            Err(error) => {
                let error = anyhow::Error::new(error);
                (
                    InForce::Unknown,
                    format!(
                        "a server is running but did not confirm ({error:#}); it looks by itself every second"
                    ),
                )
            }
        }
    }
}

/// Whether every running server is known to act on a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InForce {
    Yes,
    Unknown,
}
