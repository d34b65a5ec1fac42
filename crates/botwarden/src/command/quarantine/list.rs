//! `botwarden quarantine list`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_policy::quarantine::{Scope, Stop};
use serde::Serialize;

use super::target::name;
use crate::cli::{ConfigFile, Format};
use crate::config::Config;
use crate::exit;
use crate::state::State;
use crate::text::Table;

/// List what is stopped, oldest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden quarantine list
  botwarden quarantine list --format json | jq -r '.[] | select(.kind == \"bot\") | .bot'")]
pub(crate) struct List {
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

impl List {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.or(before))?;
        let state = State::existing(&config).await?;
        let keyring = state.keyring().await?;
        let store = state.store(keyring.clone()).await?;
        let set = store.quarantine().stops().await;
        store.close().await;
        keyring.close().await;
        let stops = set?.stops;
        match self.format {
            Format::Table => exit::print(&table(&stops))?,
            Format::Json => {
                let all: Vec<_> = stops.iter().map(json).collect();
                exit::print(&(serde_json::to_string_pretty(&all)? + "\n"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn table(stops: &[Stop]) -> String {
    let mut table = Table::new(["WHAT", "SINCE", "BY", "REASON"]);
    for stop in stops {
        let reason = stop.reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        table.row([name(&stop.scope), stop.since.rfc3339(), stop.by.clone(), reason]);
    }
    table.to_text()
}

/// What is stopped, as programs read it.
#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    bot: Option<&'a str>,
    session: Option<&'a str>,
    user: Option<&'a str>,
    server: Option<&'a str>,
    tool: Option<&'a str>,
    reason: &'a str,
    by: &'a str,
    since: String,
}

fn json(stop: &Stop) -> Json<'_> {
    let (reason, by, since) = (stop.reason.as_str(), stop.by.as_str(), stop.since.rfc3339());
    let kind = stop.scope.kind();
    let blank =
        Json { kind, bot: None, session: None, user: None, server: None, tool: None, reason, by, since };
    match &stop.scope {
        Scope::Everything => blank,
        Scope::Bot(bot) => Json { bot: Some(bot.as_str()), ..blank },
        Scope::Session(session) => Json { session: Some(session.as_str()), ..blank },
        Scope::User(bot, user) => Json { bot: Some(bot.as_str()), user: Some(user.as_str()), ..blank },
        Scope::Tool { bot, server, tool } => Json {
            bot: bot.as_ref().map(botwarden_types::BotName::as_str),
            server: Some(server),
            tool: tool.as_deref(),
            ..blank
        },
    }
}
