//! `botwarden keyring move`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use botwarden_crypto::RootProvider;
use botwarden_store::{DataDir, IfMissing, Keyring, Rewrapped, Rotation};
use botwarden_types::{Clock, SystemClock};
use clap::ValueHint;

use crate::cli::ConfigFile;
use crate::config::{Config, RootKeyConfig};
use crate::exit::{self, Advice};
use crate::{accountable, root};

/// Move the keys to another keeper of the root key: from where `[root_key]` was before to where it is now.
///
/// The configuration says the new keeper; `--before` names a copy of the configuration from before, which says the old one. Everything is
/// wrapped under both, and the new keeper has to give it back, before the old wrapping goes. If it is interrupted, at whatever point,
/// run it again. A server that runs goes on with the keys it has in memory; restart it afterwards.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  cp botwarden.toml before.toml
  $EDITOR botwarden.toml                       write the new [root_key]
  botwarden keyring move --before before.toml")]
pub(crate) struct Move {
    /// The configuration with the `[root_key]` from before
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    before: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

impl Move {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let (then, config) = (Config::load(&self.before)?, Config::load(&self.config.or(before))?);
        let dir = DataDir::existing(&config.data_dir)?;
        if !is_same(&then, &config) {
            let what = format!(
                "the two configurations name two data directories, `{}` and `{}`",
                then.data_dir.display(),
                config.data_dir.display()
            );
            let mend = "let both name the same; a relative path starts at the folder of its file";
            return Err(Advice::usage(what, mend).into());
        }
        if dir.lacks_keyring() {
            let mend = "start once with the configuration from before";
            return Err(Advice::new("there is no keyring yet whose keys could be moved", mend).into());
        }
        let next = root::open(&config.root_key, &dir, IfMissing::Make).await;
        let next = next.context("reading the root key that is to be moved to")?;
        let keyring = Arc::new(under_either(&then.root_key, &next, &dir).await?);
        accountable::record(&dir, &keyring, "keyring.move", &next.id()).await?;
        let done = keyring.move_root(&*next).await.context("moving the keys")?;
        keyring.close().await;
        exit::print(&summary(&done))?;
        exit::note(&advice(&then.root_key, &config.root_key));
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens the keys under the root key from before; or, where an earlier move has dropped its wrapping already, under the next.
async fn under_either(
    before: &RootKeyConfig,
    next: &Arc<dyn RootProvider>,
    dir: &DataDir,
) -> anyhow::Result<Keyring> {
    match root::keyring(before, dir).await {
        Ok(keyring) => Ok(keyring),
        Err(error) => match Keyring::open(dir, next.clone(), None, SystemClock.now().wall).await {
            Ok(keyring) => Ok(keyring),
            Err(_) => Err(error.context("opening the keys under the root key from before")),
        },
    }
}

fn is_same(then: &Config, now: &Config) -> bool {
    let real = |config: &Config| std::fs::canonicalize(&config.data_dir).ok();
    real(then).is_some_and(|then| Some(then) == real(now))
}

fn summary(done: &Rewrapped) -> String {
    let how = match (done.rotation, done.keys) {
        (Rotation::New, _) => "moved",
        (Rotation::Resumed, 0) => "nothing was left to wrap",
        (Rotation::Resumed, _) => "finished an earlier move",
    };
    format!("{how}: {} keys wrapped anew, all are under {}\n", done.keys, done.now_under)
}

/// What the operator has to do now.
fn advice(before: &RootKeyConfig, after: &RootKeyConfig) -> String {
    let mut todo = vec!["restart a server that runs", "make a new backup of the keys"];
    todo.extend(match after {
        RootKeyConfig::File => Some("back up `root.key` apart from the rest"),
        RootKeyConfig::Passphrase(_) => {
            Some("back up `root.salt`, and keep the passphrase apart from the rest: it takes both")
        }
        RootKeyConfig::Credential(_) => {
            Some("keep a copy of the root key apart: the encrypted credential opens on this machine alone")
        }
        RootKeyConfig::Vault(_) | RootKeyConfig::Kms(_) => {
            Some("guard the key against deletion in the service: without it nothing can be read")
        }
    });
    todo.extend(match (before, after) {
        (RootKeyConfig::File, RootKeyConfig::File) => None,
        (RootKeyConfig::File, _) => Some(
            "then destroy `root.key` in `data_dir` and its copies: backups of `keyring.db` from before open with it",
        ),
        (RootKeyConfig::Passphrase(_), _) => {
            Some("forget the old passphrase: backups of `keyring.db` from before open with it")
        }
        _ => Some("what the old keeper has still opens backups of `keyring.db` from before"),
    });
    todo.join("; ")
}
