//! `botwarden keyring rotate`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use botwarden_store::{Rewrapped, Rotation};
use botwarden_types::{Clock, SystemClock};
use indicatif::ProgressBar;

use crate::accountable;
use crate::cli::ConfigFile;
use crate::config::{Config, RootKeyConfig};
use crate::exit::{self, Advice};
use crate::state::State;

/// Replace the tenant's key, or with `--root` the root key, by a new one and wrap all others under it.
///
/// Where a service keeps the root key, let it rotate there first (`vault write -f transit/keys/NAME/rotate`; AWS does it by itself once a year, if
/// told to): `--root` then wraps the tenant's key under the newest version. Another keeper takes `keyring move`.
///
/// Nothing that is sealed is touched, and a server may run meanwhile. If it is interrupted, at whatever point, everything stays readable, and
/// the next `keyring rotate` goes on where it ended.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden keyring rotate          a new key for the tenant
  botwarden keyring rotate --root   a new root.key; back it up, and destroy old copies")]
pub(crate) struct Rotate {
    /// The root key instead of the tenant's
    #[arg(long)]
    root: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Rotate {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.or(before))?;
        if self.root {
            refuse_replaced(&config.root_key)?;
        }
        let state = State::existing(&config).await?;
        let keyring = state.keyring().await?;
        let _keys = state.lock_keys().await?;
        let target = if self.root { "root" } else { "tenant" };
        accountable::record(&state.dir, &keyring, "keyring.rotate", target).await?;
        let done = if self.root {
            match config.root_key {
                RootKeyConfig::File => keyring.rotate_root_file(&state.dir).await?,
                _ => keyring.renew_wrapping().await.context("wrapping the tenant's key anew")?,
            }
        } else {
            let bar = ProgressBar::new(0);
            let told = keyring.rotate_tenant(SystemClock.now().wall, |keys, of| {
                bar.set_length(of);
                bar.set_position(keys);
            });
            let done = told.await?;
            bar.finish_and_clear();
            done
        };
        let archived = state.dir.key_archive();
        if self.root && archived.exists() {
            keyring.archive(&state.dir, &archived).await?;
        }
        keyring.close().await;
        exit::print(&summary(&done))?;
        if self.root && archived.exists() {
            exit::note(
                "`keys.archive` was made anew: replace your copies of it first, those from before open under the old root key alone",
            );
        }
        if self.root {
            exit::note(match config.root_key {
                RootKeyConfig::File => {
                    "back up the new `root.key`, and destroy the copies of the old one: backups of `keyring.db` from before open with it"
                }
                _ => {
                    "that is the newest version the service has; versions before it are needed for backups of `keyring.db` from before alone"
                }
            });
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What a person or systemd gives is replaced by giving another, so there are two of them for a while.
fn refuse_replaced(root_key: &RootKeyConfig) -> Result<(), Advice> {
    let (what, mend) = match root_key {
        RootKeyConfig::File | RootKeyConfig::Vault(_) | RootKeyConfig::Kms(_) => return Ok(()),
        RootKeyConfig::Passphrase(_) => (
            "a passphrase is rotated by taking another",
            "write the new one to another place, name that in `[root_key]`, and give the configuration from before to \
             `botwarden keyring move --before FILE`",
        ),
        RootKeyConfig::Credential(_) => (
            "a credential of systemd is rotated by making another",
            "move the keys to a new `root.key` with `botwarden keyring move` (no `[root_key]` in the new configuration), make that a credential \
             with `systemd-creds encrypt`, and name it in `[root_key]`",
        ),
    };
    Err(Advice::new(what, mend))
}

fn summary(done: &Rewrapped) -> String {
    let how = match done.rotation {
        Rotation::New => "rotated",
        Rotation::Resumed => "finished an earlier rotation",
    };
    format!("{how}: {} keys wrapped anew under {}\n", done.keys, done.now_under)
}
