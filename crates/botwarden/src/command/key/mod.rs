//! `botwarden key`: credentials of applications.

mod issue;
mod list;
mod revoke;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use botwarden_crypto::Pepper;
use botwarden_store::{Keyring, Store};

use crate::state::{InForce, State};

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
    state: State,
    keyring: Arc<Keyring>,
    pepper: Pepper,
    store: Store,
}

impl Keys {
    async fn open(state: State) -> anyhow::Result<Self> {
        let keyring = state.keyring().await?;
        let pepper = keyring.pepper()?;
        let store = state.store(keyring.clone()).await?;
        Ok(Self { state, keyring, pepper, store })
    }

    /// Tells running servers.
    async fn announce(&self) -> (InForce, String) {
        self.state.announce("put it in force").await
    }
}
