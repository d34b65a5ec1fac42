//! `botwarden keyring rotate`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_store::{Rewrapped, Rotation};
use botwarden_types::{Clock, SystemClock};
use indicatif::ProgressBar;

use crate::cli::ConfigFile;
use crate::config::Config;
use crate::state::State;
use crate::{accountable, exit};

/// Replace the tenant's key, or with `--root` the root key, by a new one and wrap all others under it.
///
/// Nothing that is sealed is touched, and a server may run meanwhile. If it is interrupted, at whatever point, everything stays readable, and
/// the next `keyring rotate` goes on where it ended.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden keyring rotate          a new key for the tenant
  botwarden keyring rotate --root   a new root.key; back it up, and destroy old copies")]
pub(crate) struct Rotate {
    /// The root key in `root.key` instead of the tenant's
    #[arg(long)]
    root: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Rotate {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.or(before))?;
        let state = State::existing(&config).await?;
        let keyring = state.keyring().await?;
        let target = if self.root { "root" } else { "tenant" };
        accountable::record(&state.dir, &keyring, "keyring.rotate", target).await?;
        let done = if self.root {
            keyring.rotate_root_file(&state.dir).await?
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
        keyring.close().await;
        exit::print(&summary(&done))?;
        if self.root {
            exit::note(
                "back up the new `root.key`, and destroy the copies of the old one: backups of `keyring.db` from before open with it",
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn summary(done: &Rewrapped) -> String {
    let how = match done.rotation {
        Rotation::New => "rotated",
        Rotation::Resumed => "finished an earlier rotation",
    };
    format!("{how}: {} keys wrapped anew under {}\n", done.keys, done.now_under)
}
