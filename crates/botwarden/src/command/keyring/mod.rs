//! `botwarden keyring`: the keys that everything is sealed under.

mod destroy;
mod init;
mod list;
mod relocate;
mod rotate;

use std::path::PathBuf;
use std::process::ExitCode;

/// Make, list, rotate, move and destroy the keys that everything is sealed under.
///
/// A root key wraps the tenant's key, which wraps data keys: one for each person, and a few for the tenant itself. They lie wrapped in
/// `keyring.db`, and no command prints one.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: botwarden keyring rotate")]
pub(crate) enum Keyring {
    Init(init::Init),
    List(list::List),
    Rotate(rotate::Rotate),
    Move(relocate::Move),
    Destroy(destroy::Destroy),
}

impl Keyring {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Init(init) => init.run(before).await,
            Self::List(list) => list.run(before).await,
            Self::Move(relocate) => relocate.run(before).await,
            Self::Rotate(rotate) => rotate.run(before).await,
            Self::Destroy(destroy) => destroy.run(before).await,
        }
    }
}
