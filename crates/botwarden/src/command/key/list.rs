//! `botwarden key list`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_identity::{KeyRecord, keys};
use botwarden_types::{Clock, SystemClock, UnixMs};
use serde::Serialize;

use super::Keys;
use crate::cli::{ConfigFile, Format};
use crate::config::Config;
use crate::exit;
use crate::state::State;
use crate::text::Table;

/// List the keys, oldest first; not the secrets, which nobody has but their holders.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden key list
  botwarden key list --bot shop --format json | jq -r '.[] | select(.state == \"active\") | .id'")]
pub(crate) struct List {
    /// Only the keys of this bot
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

impl List {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.or(before))?;
        let keys = Keys::open(State::existing(&config).await?).await?;
        let mut records = keys::list(&*keys.store.keys()).await?;
        keys.store.close().await;
        records.retain(|record| self.bot.as_deref().is_none_or(|bot| bot == record.bot.as_str()));
        let now = SystemClock.now().wall;
        match self.format {
            Format::Table => exit::print(&table(&records, now))?,
            Format::Json => exit::print(&json(&records, now)?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn table(records: &[KeyRecord], now: UnixMs) -> String {
    let mut table = Table::new(["ID", "BOT", "STATE", "RIGHTS", "CREATED", "EXPIRES", "LABEL"]);
    for record in records {
        table.row([
            record.id.to_string(),
            record.bot.to_string(),
            state(record, now).to_owned(),
            record.rights.to_string(),
            record.created.rfc3339(),
            record.expires.map_or("never".to_owned(), UnixMs::rfc3339),
            record.label.clone().unwrap_or_default(),
        ]);
    }
    table.to_text()
}

/// A key as programs read it.
#[derive(Serialize)]
struct JsonKey<'r> {
    id: &'r str,
    bot: &'r str,
    state: &'static str,
    rights: Vec<&'static str>,
    created: String,
    expires: Option<String>,
    revoked: Option<String>,
    label: Option<&'r str>,
}

fn json(records: &[KeyRecord], now: UnixMs) -> anyhow::Result<String> {
    let keys = records.iter().map(|record| JsonKey {
        id: record.id.as_str(),
        bot: record.bot.as_str(),
        state: state(record, now),
        rights: record.rights.iter().map(|right| right.as_str()).collect(),
        created: record.created.rfc3339(),
        expires: record.expires.map(UnixMs::rfc3339),
        revoked: record.revoked.map(UnixMs::rfc3339),
        label: record.label.as_deref(),
    });
    Ok(serde_json::to_string_pretty(&keys.collect::<Vec<_>>())? + "\n")
}

fn state(record: &KeyRecord, now: UnixMs) -> &'static str {
    match record {
        KeyRecord { revoked: Some(_), .. } => "revoked",
        KeyRecord { expires: Some(at), .. } if *at <= now => "expired",
        _ => "active",
    }
}

#[cfg(test)]
mod tests {
    use botwarden_identity::Rights;
    use botwarden_types::{BotName, KeyId};

    use super::*;

    #[test]
    fn states() {
        let record = |expires: Option<u64>, revoked: Option<u64>| KeyRecord {
            id: KeyId::parse("key_a").unwrap(),
            bot: BotName::parse("shop").unwrap(),
            rights: Rights::backend(),
            label: None,
            created: UnixMs(0),
            expires: expires.map(UnixMs),
            revoked: revoked.map(UnixMs),
        };
        for (expires, revoked, want) in [
            (None, None, "active"),
            (Some(101), None, "active"),
            (Some(100), None, "expired"),
            (Some(1), Some(50), "revoked"),
            (None, Some(50), "revoked"),
        ] {
            assert_eq!(state(&record(expires, revoked), UnixMs(100)), want, "{expires:?} {revoked:?}");
        }
    }
}
