//! `botwarden approval show`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_types::{Clock, SystemClock};

use super::{Opened, id, none, shown};
use crate::cli::{ConfigFile, Format};
use crate::config::Config;
use crate::exit;
use crate::state::State;

/// Show one call with all that is known of it: arguments, where each came from, what was answered.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden approval show apr_2vq8m1x7c4rj6k3np5t8w9yz2a")]
pub(crate) struct Show {
    /// The approval's id, as `approval list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

impl Show {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let id = id(&self.id)?;
        let config = Config::load(&self.config.or(before))?;
        let opened = Opened::open(State::existing(&config).await?).await?;
        let found = opened.store.approvals().peek(&id, SystemClock.now().wall).await;
        opened.close().await;
        let Some(approval) = found? else { return Err(none(&id).into()) };
        match self.format {
            Format::Table => exit::print(&shown::text(&approval))?,
            Format::Json => {
                exit::print(&(serde_json::to_string_pretty(&shown::json(&approval))? + "\n"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
