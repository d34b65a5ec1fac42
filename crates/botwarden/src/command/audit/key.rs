//! `botwarden audit key`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::own_key;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::exit;

/// Print the public key that checks the log: give it to whoever is to check, by a way of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden audit key > audit.key")]
pub(crate) struct Key {
    #[command(flatten)]
    config: ConfigFile,
}

impl Key {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.or(before))?;
        let key = own_key(&config).await?;
        exit::print(&format!("{key}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
