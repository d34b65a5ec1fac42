//! `botwarden subject erase`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_policy::quarantine::Scope;
use botwarden_store::Store;
use botwarden_types::{BotName, Clock, SystemClock, UserName};

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
        refuse_stopped(&store, &bot, &user).await?;
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

/// Whoever is stopped is not erased: nobody could be held any more who erases themselves.
async fn refuse_stopped(store: &Store, bot: &BotName, user: &UserName) -> anyhow::Result<()> {
    let stops = store.quarantine().stops().await?.stops;
    let held = |scope: &Scope| matches!(scope, Scope::User(of, name) if of == bot && name == user);
    if stops.iter().any(|stop| held(&stop.scope)) {
        let mend = "settle that, and lift it first: `botwarden quarantine lift user NAME --bot NAME`";
        return Err(Advice::new("the person is stopped, which erasing them would end", mend).into());
    }
    Ok(())
}
