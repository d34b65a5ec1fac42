//! `botwarden key revoke`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_identity::keys;
use botwarden_types::{Clock, KeyId, SystemClock};

use super::{InForce, Keys};
use crate::accountable;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::exit::{self, Advice};
use crate::state::State;

/// Revoke a key and the sessions it opened, for good.
///
/// A running server is told and answers: when the command returns with exit code 0, the key is refused everywhere. With 3
/// the revocation is written, but a server did not confirm it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden key revoke key_2vq8m1x7c4")]
pub(crate) struct Revoke {
    /// The key's id, as `key list` shows it; never the key itself
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    config: ConfigFile,
}

impl Revoke {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let id = id(&self.id)?;
        let config = Config::load(&self.config.or(before))?;
        let keys = Keys::open(State::existing(&config).await?).await?;
        // It takes away: done whether it can be written down or not.
        if let Err(error) =
            accountable::record(&keys.state.dir, &keys.keyring, "key.revoke", id.as_str()).await
        {
            exit::note(&format!("not in the audit log: {error:#}"));
        }
        let now = SystemClock.now().wall;
        let Some(record) = keys::revoke(&*keys.store.keys(), &id, now).await? else {
            let what = format!("there is no key `{id}`");
            return Err(Advice::new(what, "`botwarden key list` shows them").into());
        };
        let (in_force, words) = keys.announce().await;
        keys.store.close().await;
        let when = record.revoked.map_or(String::new(), |at| format!(" at {}", at.rfc3339()));
        exit::print(&format!("{} of bot {} was revoked{when}; {words}\n", record.id, record.bot))?;
        Ok(ExitCode::from(if in_force == InForce::Yes { exit::FINE } else { exit::CANNOT }))
    }
}

/// A key's id. A key in its place is not repeated in the message; the shell's history has it already.
fn id(text: &str) -> Result<KeyId, Advice> {
    let mend = "`botwarden key list` shows the ids";
    if text.starts_with("bw_") || text.starts_with("bws_") {
        return Err(Advice::usage(
            "that looks like a key, which does not belong on a command line: give its id",
            mend,
        ));
    }
    KeyId::parse(text).map_err(|error| Advice::usage(format!("that is no id of a key: {error}"), mend))
}
