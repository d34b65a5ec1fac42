//! `botwarden keyring init`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::ConfigFile;
use crate::config::{Config, RootKeyConfig};
use crate::exit;
use crate::state::State;

/// Make the keys of a data directory before its first start; where there are keys, change nothing.
///
/// `serve` does it by itself. Do it apart where the root key is to be backed up before anything is sealed under it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden keyring init")]
pub(crate) struct Init {
    #[command(flatten)]
    config: ConfigFile,
}

impl Init {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.or(before))?;
        let keyring = State::open(&config).await?.keyring().await?;
        exit::print(&format!("root key {}\n", keyring.root_id()))?;
        exit::note(match config.root_key {
            RootKeyConfig::File => {
                "back up `root.key` apart from the rest of `data_dir`: without it nothing can be read, with it anybody can"
            }
            RootKeyConfig::Passphrase(_) => {
                "back up `root.salt`, and keep the passphrase apart from the rest: without both nothing can be read"
            }
            RootKeyConfig::Credential(_) => {
                "keep a copy of the root key apart: an encrypted credential opens on this machine alone"
            }
            RootKeyConfig::Vault(_) | RootKeyConfig::Kms(_) => {
                "guard the key against deletion in the service: without it nothing can be read"
            }
        });
        keyring.close().await;
        Ok(ExitCode::SUCCESS)
    }
}
