//! `botwarden quarantine add`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_policy::quarantine::{REASON_BYTES_MAX, STOPS_MAX, Stop, Stopped};
use botwarden_types::{Clock, SystemClock};

use super::target::{Target, name, word};
use crate::accountable;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::exit::{self, Advice};
use crate::state::{InForce, State};

/// Stop something at once.
///
/// When the command returns with exit code 0, it is in force on this node: requests are refused, streams under way are cut, and
/// approvals that wait are withdrawn. Other nodes follow within a second. With 3 it is written, but a server did not confirm it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden quarantine add everything --reason 'incident 12'
  botwarden quarantine add bot shop --reason 'it mails strangers'
  botwarden quarantine add user customer-4711 --bot shop --reason 'account taken over'
  botwarden quarantine add tool orders__refund --reason 'refunds to other accounts'
  botwarden quarantine add session ses_2vq8m1x7c4 --reason 'injected'")]
pub(crate) struct Add {
    #[command(flatten)]
    target: Target,
    /// Why, for those who find it stopped
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    config: ConfigFile,
}

impl Add {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let scope = self.target.scope()?;
        if self.reason.is_empty() || self.reason.len() > REASON_BYTES_MAX {
            let what = format!("expected a reason of 1 to {REASON_BYTES_MAX} bytes");
            return Err(Advice::usage(what, "say in a few words why").into());
        }
        let config = Config::load(&self.config.or(before))?;
        Target::check_bot(&scope, &config)?;
        let state = State::existing(&config).await?;
        let keyring = state.keyring().await?;
        let store = state.store(keyring.clone()).await?;
        // It takes away: done whether it can be written down or not.
        if let Err(error) = accountable::record(&state.dir, &keyring, "quarantine.add", &word(&scope)).await {
            exit::note(&format!("not in the audit log: {error:#}"));
        }
        let since = SystemClock.now().wall;
        let stop = Stop { scope, reason: self.reason, by: accountable::operator(), since };
        let stopped = store.quarantine().stop(&stop).await?;
        let what = name(&stop.scope);
        let done = match stopped {
            Stopped::Now(withdrawn) => format!("{what} is stopped, {withdrawn} approvals were withdrawn"),
            Stopped::Before => format!("{what} was stopped before; the earlier reason stays"),
            Stopped::Full => {
                let full = format!("{STOPS_MAX} things are stopped already; {what} is not");
                return Err(Advice::new(full, "stop the bot, or lift what is settled").into());
            }
        };
        let (in_force, words) = state.announce_stops("put it in force").await;
        store.close().await;
        keyring.close().await;
        exit::print(&format!("{done}; {words}\n"))?;
        Ok(ExitCode::from(if in_force == InForce::Yes { exit::FINE } else { exit::CANNOT }))
    }
}
