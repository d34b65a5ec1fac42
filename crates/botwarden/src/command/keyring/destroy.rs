//! `botwarden keyring destroy`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_crypto::{KeyNumber, Purpose};
use botwarden_store::ListedKey;
use botwarden_types::{Clock, SystemClock};

use crate::accountable;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::exit::{self, Advice};
use crate::state::State;

/// Destroy a person's key: what is sealed under it can never be read again, in no backup either.
///
/// To erase a person whose name is known, with their rows, use `botwarden subject erase`. Keys of the tenant itself cannot be destroyed
/// apart: without one of them nothing could be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden keyring destroy 5f1c09d2e37ab840 --yes")]
pub(crate) struct Destroy {
    /// The key's number, as `keyring list --people` shows it
    #[arg(value_name = "KEY", value_parser = number)]
    key: KeyNumber,
    /// Yes, for good
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Destroy {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        if !self.yes {
            let mend = "add `--yes` if that is what you want";
            return Err(Advice::usage("what is sealed under the key could never be read again", mend).into());
        }
        let config = Config::load(&self.config.or(before))?;
        let state = State::existing(&config).await?;
        let keyring = state.keyring().await?;
        refuse_tenants(&keyring.list().await?, &self.key)?;
        accountable::record(&state.dir, &keyring, "keyring.destroy", &self.key.to_string()).await?;
        let _keys = state.lock_keys().await?;
        // A destruction that was cut short is finished: archives from before must not bring the key back.
        let destroyed = keyring.destroy(&self.key, SystemClock.now().wall).await?
            || keyring.was_destroyed(&self.key).await?;
        if destroyed {
            state.begin_epoch(&keyring).await?;
        }
        keyring.close().await;
        if !destroyed {
            let mend = "`botwarden keyring list --people` shows them";
            return Err(Advice::new(format!("there is no key `{}`", self.key), mend).into());
        }
        let (_, words) = state.announce("forgotten it").await;
        exit::print(&format!("{} was destroyed; {words}\n", self.key))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn refuse_tenants(listed: &[ListedKey], key: &KeyNumber) -> Result<(), Advice> {
    match listed.iter().find(|listed| listed.number.as_ref() == Some(key)) {
        Some(found) if found.purpose != Purpose::Subject => Err(Advice::new(
            format!(
                "`{key}` is the tenant's key for `{}`: without it nothing could be read",
                found.purpose.as_str()
            ),
            "to make everything unreadable, destroy the root key and its copies",
        )),
        _ => Ok(()),
    }
}

fn number(text: &str) -> Result<KeyNumber, String> {
    let is_one = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parsed = u64::from_str_radix(text, 16).ok().filter(|_| is_one);
    parsed
        .and_then(|number| KeyNumber::from_stored(&number.to_be_bytes()))
        .ok_or_else(|| "expected 16 hexadecimal digits".to_owned())
}
