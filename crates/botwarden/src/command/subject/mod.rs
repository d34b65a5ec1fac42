//! `botwarden subject`: what is kept of a person.

mod erase;
mod export;

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_types::{BotName, NameError, UserName};

use crate::exit::Advice;

/// See or erase what is kept of a person.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: botwarden subject erase --bot shop customer-4711 --yes")]
pub(crate) enum Subject {
    Export(export::Export),
    Erase(erase::Erase),
}

impl Subject {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Export(export) => export.run(before).await,
            Self::Erase(erase) => erase.run(before).await,
        }
    }
}

/// A bot and a user of it, as they are written on the command line.
fn person(bot: &str, user: &str) -> Result<(BotName, UserName), Advice> {
    let wrong = |error: NameError| {
        Advice::usage(error.to_string(), "give `--bot NAME` and the user's name as the application gives it")
    };
    Ok((BotName::parse(bot).map_err(wrong)?, UserName::parse(user).map_err(wrong)?))
}
