//! `botwarden subject`: what is kept of a person.

mod erase;

use std::path::PathBuf;
use std::process::ExitCode;

/// Act on what is kept of a person.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: botwarden subject erase --bot shop customer-4711 --yes")]
pub(crate) enum Subject {
    Erase(erase::Erase),
}

impl Subject {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Erase(erase) => erase.run(before).await,
        }
    }
}
