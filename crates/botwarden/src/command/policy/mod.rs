//! `botwarden policy`: what bots may do with their tools.

mod pin;

use std::path::PathBuf;
use std::process::ExitCode;

/// Decide what bots may do with their tools.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: botwarden policy pin orders --accept")]
pub(crate) enum Policy {
    Pin(pin::Pin),
}

impl Policy {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Pin(pin) => pin.run(before).await,
        }
    }
}
