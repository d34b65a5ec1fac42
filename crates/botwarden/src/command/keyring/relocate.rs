//! `botwarden keyring move`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use botwarden_crypto::RootProvider;
use botwarden_store::{IfMissing, Keyring, Rewrapped, Rotation};
use clap::ValueHint;

use crate::cli::ConfigFile;
use crate::config::{Config, RootKeyConfig};
use crate::exit::{self, Advice};
use crate::state::State;
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
        refuse_elsewhere(&then, &config)?;
        let state = State::existing(&config).await?;
        state.refuse_lost_keyring()?;
        let next = root::open(&config.root_key, &state.dir, IfMissing::Make).await;
        let next = next.context("reading the root key that is to be moved to")?;
        let keyring = under_either(&state, &then.root_key, &next).await?;
        let _keys = state.lock_keys().await?;
        accountable::record(&state.dir, &keyring, "keyring.move", &next.id()).await?;
        let done = keyring.move_root(&*next).await.context("moving the keys")?;
        keyring.close().await;
        exit::print(&summary(&done))?;
        exit::note(&advice(&then.root_key, &config.root_key));
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens the keys under the root key from before; or, where an earlier move has dropped its wrapping already, under the next.
async fn under_either(
    state: &State,
    before: &RootKeyConfig,
    next: &Arc<dyn RootProvider>,
) -> anyhow::Result<Arc<Keyring>> {
    let error = match state.keyring_of(before).await {
        Ok(keyring) => return Ok(keyring),
        Err(error) => error,
    };
    let under_next = state.keyring_under(next.clone()).await;
    under_next.map_err(|_| error.context("opening the keys under the root key from before"))
}

fn refuse_elsewhere(then: &Config, now: &Config) -> Result<(), Advice> {
    let real = |config: &Config| std::fs::canonicalize(&config.data_dir).ok();
    if then.store != now.store {
        let mend =
            "let both have the same `[store]`: keys move from keeper to keeper, not from store to store";
        return Err(Advice::usage("the two configurations name two stores", mend));
    }
    if real(then).is_some() && real(then) == real(now) {
        return Ok(());
    }
    let what = format!(
        "the two configurations name two data directories, `{}` and `{}`, or one that does not exist",
        then.data_dir.display(),
        now.data_dir.display()
    );
    Err(Advice::usage(what, "let both name the same; a relative path starts at the folder of its file"))
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
