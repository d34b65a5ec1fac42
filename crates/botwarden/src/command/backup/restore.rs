//! `botwarden backup restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use botwarden_store::{DataDir, Keyring, Sqlite, backup};
use clap::ValueHint;

use super::refuse_shared;
use crate::accountable;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::exit::{self, Advice};
use crate::state::State;

/// Put a backup in the place of the data. No server may run.
///
/// The keys that are there stay; where there are none, `--keys` brings them from an archive, beside `root.key` and `epoch.key`, which you
/// put into `data_dir` before. The audit log that is there stays too. Who was erased since the backup stays erased; credentials and
/// sessions are as they were then, so revoke anew what was revoked since.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden backup restore backups/2026-11-28 --replace
  botwarden backup restore backups/2026-11-28 --keys keys.archive     on a new machine")]
pub(crate) struct Restore {
    /// The backup
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// The archive of keys, where `data_dir` has none
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    keys: Option<PathBuf>,
    /// Yes, the data that is there goes
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Restore {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.or(before))?;
        refuse_shared(&config)?;
        let dir = DataDir::open(&config.data_dir)?;
        let there = dir.path().join("botwarden.db");
        if there.exists() && !self.replace {
            let what = format!("`{}` holds data", dir.path().display());
            return Err(Advice::usage(what, "add `--replace` if the backup is to take its place").into());
        }
        match (&self.keys, dir.path().join("keyring.db").exists()) {
            (Some(_), true) => {
                let mend = "leave `--keys` out, or move `keyring.db` away";
                return Err(Advice::usage("there are keys already", mend).into());
            }
            (Some(path), false) => Keyring::restore(&dir, path).await?,
            (None, false) => {
                let mend = "add `--keys FILE`, and put `root.key` and `epoch.key` into `data_dir` before";
                return Err(Advice::usage("there are no keys to read the backup with", mend).into());
            }
            (None, true) => {}
        }
        drop(dir.lock()?); // a server is told nothing that is refused in the next moment
        let keyring = State::existing(&config).await?.keyring().await?;
        // As of every command, what is about to be done is written down first. Only where there is no log does it come after: it would begin
        // one here, which would keep out the one that the backup brings.
        let has_log = dir.audit().exists();
        if has_log {
            accountable::record(&dir, &keyring, "backup.restore", "data").await?;
        }
        let files = backup::restore(&dir, &self.folder)?;
        let store = Sqlite::open(&dir, keyring.clone()).await.context("opening what was restored")?;
        let deleted = store.delete_unreadable().await?;
        if !has_log {
            accountable::record(&dir, &keyring, "backup.restore", "data").await?;
        }
        store.close().await;
        keyring.close().await;
        exit::print(&format!(
            "restored {files} files; {deleted} rows of people who were erased since were deleted\n"
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}
