//! `botwarden quarantine`: the kill switch.

mod add;
mod lift;
mod list;
mod target;

use std::path::PathBuf;
use std::process::ExitCode;

/// Stop a session, a user, a tool, a bot or everything, and let it go on again.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: botwarden quarantine add bot shop --reason 'it mails strangers'")]
pub(crate) enum Quarantine {
    Add(add::Add),
    Lift(lift::Lift),
    List(list::List),
}

impl Quarantine {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run(before).await,
            Self::Lift(lift) => lift.run(before).await,
            Self::List(list) => list.run(before).await,
        }
    }
}
