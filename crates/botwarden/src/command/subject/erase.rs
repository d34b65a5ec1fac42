//! `botwarden subject erase`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_types::{Clock, SystemClock};

use super::person;
use crate::accountable;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::exit::{self, Advice};
use crate::state::State;

/// Erase a person: destroy the key that everything of theirs is sealed under, and delete the rows.
///
/// Without the key no copy can be read any more, in no backup either. Sessions of theirs end at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden subject erase --bot shop customer-4711 --yes")]
pub(crate) struct Erase {
    /// The bot that served them
    #[arg(long, value_name = "NAME")]
    bot: String,
    /// Their name, as the application gave it
    #[arg(value_name = "USER")]
    user: String,
    /// Yes, for good
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Erase {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let (bot, user) = person(&self.bot, &self.user)?;
        if !self.yes {
            let mend = "add `--yes` if that is what you want";
            return Err(Advice::usage("what is kept of the person could never be read again", mend).into());
        }
        let config = Config::load(&self.config.or(before))?;
        let state = State::existing(&config).await?;
        let keyring = state.keyring().await?;
        let store = state.store(keyring.clone()).await?;
        accountable::record(&state.dir, &keyring, "subject.erase", bot.as_str()).await?;
        let _keys = state.lock_keys().await?;
        let erased = store.erase_subject(&bot, &user, SystemClock.now().wall).await?;
        state.begin_epoch(&keyring).await?;
        store.close().await;
        keyring.close().await;
        let (_, words) = state.announce("forgotten it").await;
        let what = match erased.key {
            Some(key) => format!(
                "erased: key {key} was destroyed, {} sessions and {} exchanges were deleted; {words}\n",
                erased.sessions, erased.exchanges
            ),
            None => "nothing was kept of that person\n".to_owned(),
        };
        exit::print(&what)?;
        Ok(ExitCode::SUCCESS)
    }
}
