//! `botwarden keyring list`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_crypto::Purpose;
use botwarden_store::ListedKey;
use botwarden_types::{Clock, SystemClock, UnixMs};
use serde::Serialize;

use crate::cli::{ConfigFile, Format};
use crate::config::Config;
use crate::exit;
use crate::state::State;
use crate::text::Table;

/// Keys read from the store at once.
const PAGE: usize = 1000;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// List every key: what it is for, its age and version, and whether a rotation has left it behind; not the keys themselves.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden keyring list
  botwarden keyring list --people --format json | jq -r '.[] | select(.outdated) | .key'")]
pub(crate) struct List {
    /// Each person's key on a line of its own, instead of their number
    #[arg(long)]
    people: bool,
    /// How they are printed
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
        let in_force = keyring.root_id();
        let mut listed = keyring.list().await?;
        if self.people {
            listed.retain(|key| key.purpose != Purpose::Subject);
            let mut after = None;
            loop {
                let page = keyring.list_each(after.as_ref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = last.number;
                listed.extend(page.into_iter().filter(|key| key.purpose == Purpose::Subject));
            }
        }
        let store = state.store(keyring.clone()).await?;
        let old_rows = store.rows_of_format_one().await?;
        store.close().await;
        keyring.close().await;
        match self.format {
            Format::Table => exit::print(&table(&listed, SystemClock.now().wall))?,
            Format::Json => exit::print(&json(&listed)?)?,
        }
        if old_rows > 0 {
            exit::note(&format!(
                "{old_rows} rows are still sealed under the `format-1` key; they go as they expire"
            ));
        }
        let other_root = |key: &ListedKey| key.root.as_ref().is_some_and(|root| *root != in_force);
        if listed.iter().any(other_root) {
            exit::note(
                "some keys are wrapped under two root keys; `botwarden keyring rotate --root` or `keyring move`, whichever was interrupted, \
                 finishes that",
            );
        } else if listed.iter().any(|key| key.outdated) {
            exit::note(
                "some keys are wrapped under a key that is not the latest; `botwarden keyring rotate` finishes that",
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn table(listed: &[ListedKey], now: UnixMs) -> String {
    let mut table = Table::new(["KEY", "FOR", "KEYS", "CREATED", "AGE", "WRAPPED UNDER", "STATE"]);
    for key in listed {
        table.row([
            key.number.map_or("…".to_owned(), |number| number.to_string()),
            match key.purpose {
                Purpose::Tenant => format!("tenant, version {}", key.version),
                purpose => purpose.as_str().to_owned(),
            },
            key.keys.to_string(),
            key.created.rfc3339(),
            format!("{} d", now.0.saturating_sub(key.created.0) / DAY_MS),
            wrapped_under(key),
            if key.outdated { "to be rotated" } else { "current" }.to_owned(),
        ]);
    }
    table.to_text()
}

fn wrapped_under(key: &ListedKey) -> String {
    match &key.root {
        Some(root) => root.clone(),
        None => format!("tenant, version {}", key.version),
    }
}

/// A key as programs read it.
#[derive(Serialize)]
struct JsonKey {
    key: Option<String>,
    #[serde(rename = "for")]
    purpose: &'static str,
    version: u64,
    root: Option<String>,
    keys: u64,
    created: String,
    outdated: bool,
}

fn json(listed: &[ListedKey]) -> anyhow::Result<String> {
    let keys = listed.iter().map(|key| JsonKey {
        key: key.number.map(|number| number.to_string()),
        purpose: key.purpose.as_str(),
        version: key.version,
        root: key.root.clone(),
        keys: key.keys,
        created: key.created.rfc3339(),
        outdated: key.outdated,
    });
    Ok(serde_json::to_string_pretty(&keys.collect::<Vec<_>>())? + "\n")
}
