//! `botwarden approval`: what waits for a person's answer.

mod decide;
mod list;
mod show;
mod shown;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use botwarden_policy::approval::ApprovalId;
use botwarden_store::{Keyring, Store};

use crate::exit::Advice;
use crate::state::State;

/// See the calls of tools that wait for a person, and answer for operators.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: botwarden approval list")]
pub(crate) enum Approval {
    List(list::List),
    Show(show::Show),
    Decide(decide::Decide),
}

impl Approval {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(before).await,
            Self::Show(show) => show.run(before).await,
            Self::Decide(decide) => decide.run(before).await,
        }
    }
}

/// The store of approvals, opened.
struct Opened {
    state: State,
    keyring: Arc<Keyring>,
    store: Store,
}

impl Opened {
    async fn open(state: State) -> anyhow::Result<Self> {
        let keyring = state.keyring().await?;
        let store = state.store(keyring.clone()).await?;
        Ok(Self { state, keyring, store })
    }

    async fn close(self) {
        self.store.close().await;
        self.keyring.close().await;
    }
}

fn id(text: &str) -> Result<ApprovalId, Advice> {
    ApprovalId::parse(text)
        .map_err(|error| Advice::usage(error.to_string(), "`botwarden approval list` shows the ids"))
}

fn none(id: &ApprovalId) -> Advice {
    Advice::new(format!("there is no approval `{id}`"), "`botwarden approval list --all` shows them")
}
