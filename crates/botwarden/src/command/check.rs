//! `botwarden check`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use botwarden_gateway::config::{BotConfig, PinMode, ToolPlace, ToolServerConfig};
use botwarden_reach::To;
use botwarden_store::{DataDir, DataDirError};
use serde::Serialize;
use serde_json::json;

use crate::cli::{ConfigFile, Format};
use crate::config::{AuditConfig, Config, ConfigErrors, Finding, Severity, StoreConfig, count, report};
use crate::{exit, root};

/// Check the configuration without starting anything, and say what it means.
///
/// Prints every finding with file, line and key, then what was understood. Variables of the environment that `serve` will want
/// and that are not set here are warnings. Exit code 0: it can be used, perhaps with warnings; 1: it cannot.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden check
  botwarden check --config staging.toml --format json | jq '.findings[]'")]
pub(crate) struct Check {
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

impl Check {
    pub(crate) fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let file = self.config.or(before);
        let (config, findings): (_, Vec<Finding>) = match Config::load(&file) {
            Ok(config) => {
                let around = surroundings(&config, |name| std::env::var_os(name));
                let findings = config.warnings.iter().cloned().chain(Config::placed(&file, around)).collect();
                (Some(config), findings)
            }
            Err(error @ ConfigErrors::Unreadable { .. }) => return Err(error.into()),
            Err(ConfigErrors::Found { findings, .. }) => (None, findings),
        };
        match self.format {
            Format::Table => exit::print(&table(&file, config.as_ref(), &findings))?,
            Format::Json => exit::print(&json(&file, config.as_ref(), &findings)?)?,
        }
        let fine = config.is_some() && findings.iter().all(|finding| finding.severity == Severity::Warning);
        Ok(ExitCode::from(if fine { exit::FINE } else { exit::FINDINGS }))
    }
}

/// What does not fit around the configuration on this machine.
fn surroundings(config: &Config, env: impl Fn(&str) -> Option<OsString>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(missing) = config.provider_keys(&env) {
        for key in missing.0 {
            let at = config.bots.iter().position(|bot| bot.name == key.bot).unwrap_or_default();
            let found = format!("`{}`, which {}", key.variable, key.why);
            let (place, what) = match &key.tool_server {
                None => (format!("bot[{at}].upstream.key.env"), "the provider's key"),
                Some((server, _)) => (format!("bot[{at}].tool_server[{server}].token.env"), "its credential"),
            };
            let expected = format!("a variable that holds {what} where `botwarden serve` runs");
            findings.push(Finding::warning(&place, &found, &expected));
        }
    }
    if let Err(missing) = config.store.url(&env) {
        let found = format!("`{}`, which {}", missing.variable, missing.why);
        let expected = "a variable that holds the address of the database where `botwarden serve` runs";
        findings.push(Finding::warning("store.url.env", &found, expected));
    }
    for (at, bot) in config.bots.iter().enumerate() {
        let Some(file) = &bot.upstream.ca_file else { continue };
        if let Err(error) = std::fs::File::open(file) {
            let found = format!("`{}`, which cannot be read ({error})", file.display());
            findings.push(Finding::error(&format!("bot[{at}].upstream.ca_file"), &found, "a PEM file"));
        }
    }
    findings.extend(tools(config));
    findings.extend(root::surroundings(&config.root_key, &env));
    findings.extend(watchers(&config.audit, &env));
    match DataDir::existing(&config.data_dir) {
        // Not there yet: `serve` and `key issue` make it.
        Ok(_) | Err(DataDirError::Missing { .. }) => {}
        Err(error) => {
            let found = format!(
                "`{}`, which cannot be used ({:#})",
                config.data_dir.display(),
                anyhow::Error::new(error)
            );
            findings.push(Finding::error("data_dir", &found, "a directory that only this user may enter"));
        }
    }
    findings
}

/// What is wrong with the files about tools, and which tools no bot will see.
fn tools(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, bot) in config.bots.iter().enumerate() {
        for (number, server) in bot.tool_servers.iter().enumerate() {
            let ca_file = match &server.place {
                ToolPlace::Http { ca_file, .. } => ca_file.as_ref(),
                ToolPlace::Program { .. } | ToolPlace::Application => None,
            };
            for (key, file, what) in [
                ("ca_file", ca_file, "a PEM file"),
                ("contract", server.contract.as_ref(), "a file that is there"),
            ] {
                if let Some((file, Err(error))) = file.map(|file| (file, std::fs::File::open(file))) {
                    let found = format!("`{}`, which cannot be read ({error})", file.display());
                    findings.push(Finding::error(
                        &format!("bot[{at}].tool_server[{number}].{key}"),
                        &found,
                        what,
                    ));
                }
            }
        }
    }
    match config.tools_lock() {
        Ok(lock) => findings.extend(config.unpinned(&lock).into_iter().map(|gap| {
            let key = format!("bot[{}].tool_server[{}]", gap.bot_at, gap.server_at);
            Finding::warning(
                &key,
                "a server of which nothing is accepted",
                "what it offers, accepted by an operator",
            )
            .with_help(&gap.mend())
        })),
        Err(error) => {
            let found = format!("a lock file that cannot be used ({error:#})");
            let expected = "one that `botwarden policy pin` wrote, or none";
            findings.push(Finding::error("bot", &found, expected));
        }
    }
    findings
}

/// What does not fit around `[audit]` on this machine.
fn watchers(audit: &AuditConfig, env: impl Fn(&str) -> Option<OsString>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, place) in audit.secrets() {
        if let Err(error) = root::read(&place, &env) {
            let found = format!("a secret that cannot be read ({:#})", anyhow::Error::new(error));
            let expected = "one that can be read where `botwarden serve` runs";
            findings.push(Finding::warning(&key, &found, expected));
        }
    }
    for (key, path) in audit.ca_files() {
        if let Err(error) = std::fs::File::open(&path) {
            let found = format!("`{}`, which cannot be read ({error})", path.display());
            findings.push(Finding::error(&key, &found, "a PEM file"));
        }
    }
    for (at, place) in audit.places.iter().enumerate() {
        if let To::Folder(path) = &place.to
            && !path.is_dir()
        {
            let found = format!("`{}`, where there is no folder", path.display());
            findings.push(Finding::warning(&format!("audit.send[{at}].to"), &found, "one that is there"));
        }
    }
    findings
}

fn table(file: &Path, config: Option<&Config>, findings: &[Finding]) -> String {
    let mut text = report(file, findings);
    let name = file.display();
    let verdict = match (config, count(findings)) {
        (None, count) => format!("{name} cannot be used: {count}\n"),
        (Some(_), count) if findings.iter().any(|it| it.severity == Severity::Error) => {
            format!("{name} cannot be used here: {count}\n")
        }
        (Some(_), count) if count.is_empty() => format!("{name} can be used\n"),
        (Some(_), count) => format!("{name} can be used: {count}\n"),
    };
    text += &verdict;
    if let Some(config) = config {
        text += &meaning(config);
    }
    text
}

/// What was understood, for people.
fn meaning(config: &Config) -> String {
    let listen = &config.listen;
    let backend = listen.backend.map_or(String::new(), |at| format!(", backend http://{at}"));
    let mut text = format!(
        "\nlisten    gateway http://{}{backend}, ops http://{}\ndata      {}\nroot key  {}\n{}{}log       {}\n",
        listen.gateway,
        listen.ops,
        config.data_dir.display(),
        config.root_key.words(),
        store(&config.store),
        watched(&config.audit),
        config.log.level,
    );
    for bot in &config.bots {
        text += &format!("\nbot {}\n", bot.name);
        text +=
            &format!("  upstream  {} at {}, {}\n", bot.upstream.dialect.as_str(), bot.upstream.url, key(bot));
        let models: Vec<&str> = bot.models.iter().map(|model| model.as_str()).collect();
        text += &format!(
            "  models    {}\n",
            if models.is_empty() { "none".to_owned() } else { models.join(", ") }
        );
        for (at, rule) in bot.limits.iter().enumerate() {
            let heading = if at == 0 { "limits" } else { "" };
            text += &format!("  {heading:<9} {}: {}\n", rule.name(), rule.measure().max());
        }
        if bot.limits.is_empty() {
            text += "  limits    none\n";
        }
        for (at, server) in bot.tool_servers.iter().enumerate() {
            let heading = if at == 0 { "tools" } else { "" };
            text += &format!("  {heading:<9} {}: {}\n", server.name, tool_place(server));
        }
    }
    text
}

/// Arguments of programs may hold secrets, so that the program alone is named.
fn tool_place(server: &ToolServerConfig) -> String {
    let pin = if server.pin == PinMode::Off { ", not pinned" } else { "" };
    match &server.place {
        ToolPlace::Http { url, .. } => format!("{url}{pin}"),
        ToolPlace::Program { command, .. } => {
            format!("the program {}{pin}", command.first().map_or("", String::as_str))
        }
        ToolPlace::Application => "run by the application itself".to_owned(),
    }
}

/// Nothing where keys and sessions lie in the data directory as well.
fn store(store: &StoreConfig) -> String {
    match store {
        StoreConfig::DataDir => String::new(),
        StoreConfig::Url(url) => {
            format!("store     PostgreSQL at {}, sslmode {}\n", url.server(), url.protection())
        }
        StoreConfig::Variable(variable) => format!("store     PostgreSQL, its address from {variable}\n"),
    }
}

/// Nothing where nobody keeps watch over the audit log.
fn watched(audit: &AuditConfig) -> String {
    if audit.is_empty() {
        return String::new();
    }
    let witnesses: Vec<&str> = audit.witnesses.iter().map(|it| it.key.name()).collect();
    let places: Vec<String> = audit.places.iter().map(|it| format!("{} ({})", it.name, it.kind())).collect();
    let mut text = format!("audit     every {} s", audit.interval.as_secs());
    if !witnesses.is_empty() {
        let (quorum, of) = (audit.quorum, witnesses.len());
        text += &format!(", cosigned by {quorum} of {of}: {}", witnesses.join(", "));
    }
    if !places.is_empty() {
        text += &format!(", sent to {}", places.join(", "));
    }
    text + "\n"
}

fn key(bot: &BotConfig) -> String {
    match &bot.upstream.key_env {
        Some(variable) => format!("key from {variable}"),
        None => "without a key".to_owned(),
    }
}

/// A finding as programs read it.
#[derive(Serialize)]
struct JsonFinding<'f> {
    severity: &'static str,
    line: Option<usize>,
    column: Option<usize>,
    key: &'f str,
    found: &'f str,
    expected: &'f str,
    help: Option<&'f str>,
}

fn json(file: &Path, config: Option<&Config>, findings: &[Finding]) -> anyhow::Result<String> {
    let shown = findings.iter().map(|finding| JsonFinding {
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        line: finding.place.as_ref().map(|place| place.line),
        column: finding.place.as_ref().map(|place| place.column),
        key: &finding.key,
        found: &finding.found,
        expected: &finding.expected,
        help: finding.help.as_deref(),
    });
    let bots = config.into_iter().flat_map(|config| &config.bots).map(|bot| {
        json!({
            "name": bot.name.as_str(),
            "dialect": bot.upstream.dialect.as_str(),
            "url": bot.upstream.url.to_string(),
            "models": bot.models.iter().map(|model| model.as_str()).collect::<Vec<_>>(),
            "limits": bot.limits.iter().map(|rule| json!({
                "name": &**rule.name(),
                "max": rule.measure().max(),
            })).collect::<Vec<_>>(),
        })
    });
    let report = json!({
        "file": file.display().to_string(),
        "findings": shown.collect::<Vec<_>>(),
        "bots": bots.collect::<Vec<_>>(),
    });
    Ok(format!("{report:#}\n"))
}
