//! `botwarden quarantine lift`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::target::{Target, name, word};
use crate::accountable;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::exit::{self, Advice};
use crate::state::{InForce, State};

/// Let something go on that was stopped. Approvals that were withdrawn stay withdrawn.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden quarantine lift bot shop
  botwarden quarantine lift user customer-4711 --bot shop")]
pub(crate) struct Lift {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    config: ConfigFile,
}

impl Lift {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let scope = self.target.scope()?;
        let config = Config::load(&self.config.or(before))?;
        let state = State::existing(&config).await?;
        let keyring = state.keyring().await?;
        let store = state.store(keyring.clone()).await?;
        accountable::record(&state.dir, &keyring, "quarantine.lift", &word(&scope)).await?;
        if !store.quarantine().lift(&scope).await? {
            let what = format!("{} is not stopped", name(&scope));
            return Err(Advice::new(what, "`botwarden quarantine list` shows what is").into());
        }
        let (in_force, words) = state.announce_stops("let it go on").await;
        store.close().await;
        keyring.close().await;
        exit::print(&format!("{} may go on; {words}\n", name(&scope)))?;
        Ok(ExitCode::from(if in_force == InForce::Yes { exit::FINE } else { exit::CANNOT }))
    }
}
