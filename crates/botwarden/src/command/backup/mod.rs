//! `botwarden backup`: copies of the data, and putting them back.

mod create;
mod restore;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::{Config, StoreConfig};
use crate::exit::Advice;

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

/// These are copies of files: a database that nodes share is backed up by its own means.
fn refuse_shared(config: &Config) -> Result<(), Advice> {
    match config.store {
        StoreConfig::DataDir => Ok(()),
        StoreConfig::Url(_) | StoreConfig::Variable(_) => Err(Advice::new(
            "`botwarden backup` copies the files of one node, and `[store] url` names a database",
            "back it up by `pg_dump`, schema by schema, as docs/guide/operations.md says",
        )),
    }
}

impl Backup {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create(create) => create.run(before).await,
            Self::Restore(restore) => restore.run(before).await,
        }
    }
}
