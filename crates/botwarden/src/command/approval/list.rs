//! `botwarden approval list`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_policy::approval::{Approval, Listing};
use botwarden_types::{BotName, Clock, SystemClock, UserName};

use super::{Opened, shown};
use crate::cli::{ConfigFile, Format};
use crate::config::Config;
use crate::exit::{self, Advice};
use crate::state::State;
use crate::text::Table;

/// Approvals printed at most.
const MAX: usize = 10_000;

/// List the calls that wait for an answer, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden approval list
  botwarden approval list --all --bot shop --format json | jq -r '.[] | select(.state == \"denied\") | .text'")]
pub(crate) struct List {
    /// Only those of this bot
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
    /// Those that were answered, used, withdrawn or have expired too; they are kept for a day
    #[arg(long)]
    all: bool,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

impl List {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let bot = self.bot.as_deref().map(BotName::parse).transpose();
        let bot = bot.map_err(|error| Advice::usage(error.to_string(), "give `--bot NAME`"))?;
        let config = Config::load(&self.config.or(before))?;
        let opened = Opened::open(State::existing(&config).await?).await?;
        let listing = Listing { bot, pending: !self.all };
        let listed = opened.store.approvals().list(&listing, SystemClock.now().wall, MAX).await;
        opened.close().await;
        let listed = listed?;
        match self.format {
            Format::Table => exit::print(&table(&listed))?,
            Format::Json => {
                let all: Vec<_> = listed.iter().map(shown::json).collect();
                exit::print(&(serde_json::to_string_pretty(&all)? + "\n"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn table(listed: &[Approval]) -> String {
    let mut table = Table::new(["ID", "BOT", "USER", "TOOL", "STATE", "AGREED", "EXPIRES", "ANSWERED BY"]);
    for approval in listed {
        let (question, holder) = (&approval.question, &approval.question.call.holder);
        table.row([
            approval.id.to_string(),
            holder.bot.to_string(),
            shown::quoted(holder.user.as_ref().map_or("-", UserName::as_str)),
            shown::quoted(&format!("{}__{}", question.call.server, question.call.tool)),
            approval.state.as_str().to_owned(),
            format!("{}/{}", approval.answers.len(), question.needed.count()),
            question.expires.rfc3339(),
            shown::answerers(question.answerers).to_owned(),
        ]);
    }
    table.to_text()
}
