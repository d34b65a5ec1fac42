//! `botwarden backup`: copies of the data, and putting them back.

mod create;
mod restore;

use std::path::PathBuf;
use std::process::ExitCode;

/// Back the data up, while a server runs, and put it back.
///
/// A backup holds no keys, so that erasing a person erases them there too. Keys have a small archive of their own (`--keys`), which
/// opens with `epoch.key`; every erasure makes a new `epoch.key` and a new archive in `data_dir`, and archives from before open no more.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: botwarden backup create backups/2026-11-28 --keys keys.archive")]
pub(crate) enum Backup {
    Create(create::Create),
    Restore(restore::Restore),
}

impl Backup {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create(create) => create.run(before).await,
            Self::Restore(restore) => restore.run(before).await,
        }
    }
}
