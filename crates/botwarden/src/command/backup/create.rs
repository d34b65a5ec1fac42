//! `botwarden backup create`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use botwarden_store::audit::signer;
use botwarden_store::{DataDir, Sqlite, backup};
use botwarden_types::{Clock, SystemClock};
use clap::ValueHint;

use super::refuse_shared;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::state::State;
use crate::{accountable, exit};

/// Copy the data into a new folder: the database of one moment and the audit log, which is verified there. A server may run meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden backup create backups/2026-11-28 --keys keys.archive")]
pub(crate) struct Create {
    /// The folder to make
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// Write the archive of keys too; keep one, and not beside the backups
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    keys: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

impl Create {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.or(before))?;
        refuse_shared(&config)?;
        let dir = DataDir::existing(&config.data_dir)?;
        let keyring = State::existing(&config).await?.keyring().await?;
        let store = Sqlite::open(&dir, keyring.clone()).await.context("opening the store")?;
        accountable::record(&dir, &keyring, "backup.create", "data").await?;
        let key = signer(&keyring)?.key().clone();
        let now = SystemClock.now().wall;
        let copying = backup::create(&dir, &store, &key, &self.folder, now);
        let done = exit::patiently("copying …", copying).await?;
        // All keys of one moment: no rotation comes in between.
        let _keys = dir.lock_keys()?;
        keyring.archive(&dir, &dir.key_archive()).await?;
        if let Some(path) = &self.keys {
            keyring.archive(&dir, path).await?;
        }
        store.close().await;
        keyring.close().await;
        exit::print(&format!(
            "{}: {} files, {} bytes, {} entries of the audit log\n",
            self.folder.display(),
            done.files,
            done.bytes,
            done.entries
        ))?;
        if self.keys.is_none() {
            exit::note(
                "it holds no keys: they are in `keys.archive` in `data_dir`, and open with `root.key` and `epoch.key`",
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
