//! `botwarden policy pin`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use botwarden_gateway::config::{PinMode, ToolPlace, ToolServerConfig};
use botwarden_gateway::{Survey, survey};
use botwarden_policy::pin::{Line, Lock, PinnedServer, difference};
use serde_json::json;

use crate::cli::{ConfigFile, Format};
use crate::config::{Config, tool_token};
use crate::exit;

/// Show what tool servers offer against what was accepted, and accept it.
///
/// Asks the tool servers of the configuration for their tools and shows what changed since an operator accepted them, word for
/// word. Nothing a server offers exists for bots before it stands in `botwarden-tools.lock` beside the configuration. Keep that
/// file with the configuration and review its changes like code; a running gateway takes it up by itself.
/// Exit code 0: all is as accepted, or was accepted now; 1: something is not; 3: a server could not be asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden policy pin                    what is not as accepted, of every server
  botwarden policy pin orders             of one
  botwarden policy pin orders --accept    accept what it offers now")]
pub(crate) struct Pin {
    /// Tool servers, by name; all of the configuration that are pinned if none is given
    #[arg(value_name = "SERVER")]
    servers: Vec<String>,
    /// Only those of this bot
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
    /// Accept what they offer now, and write it to the lock file
    #[arg(long)]
    accept: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

/// A server that is to be asked.
struct Target {
    bot: String,
    server: ToolServerConfig,
}

/// What came of one.
struct Seen {
    bot: String,
    server: String,
    survey: Result<Survey, String>,
    changes: Vec<Change>,
}

/// One difference to what was accepted.
struct Change {
    what: String,
    kind: &'static str,
    lines: Vec<Line>,
}

impl Pin {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.path(before))?;
        let mut lock = config.tools_lock()?;
        let targets = self.targets(&config)?;
        let mut all = Vec::with_capacity(targets.len());
        for target in targets {
            all.push(look(target, &config, &lock).await);
        }
        let changed = all.iter().any(|seen| !seen.changes.is_empty());
        let unasked = all.iter().any(|seen| seen.survey.is_err());
        let accepted = self.accept && changed && !unasked;
        if accepted {
            accept(&config, &mut lock, &all)?;
        }
        match self.format {
            Format::Table => exit::print(&table(&all, accepted, self.accept, &config.tools_lock))?,
            Format::Json => exit::print(&json(&all, accepted)?)?,
        }
        let code = match (unasked, changed && !accepted) {
            (true, _) => exit::CANNOT,
            (false, true) => exit::FINDINGS,
            (false, false) => exit::FINE,
        };
        Ok(ExitCode::from(code))
    }

    fn targets(&self, config: &Config) -> anyhow::Result<Vec<Target>> {
        let mut targets = Vec::new();
        for bot in &config.bots {
            let name = bot.name.as_str();
            if self.bot.as_deref().is_some_and(|bot| bot != name) {
                continue;
            }
            for server in &bot.tool_servers {
                let named = self.servers.iter().any(|asked| *asked == server.name);
                let pinned = server.place != ToolPlace::Application && server.pin == PinMode::Lock;
                let wanted = named || (self.servers.is_empty() && pinned);
                if wanted {
                    targets.push(Target { bot: name.to_owned(), server: server.clone() });
                }
            }
        }
        for asked in &self.servers {
            if !targets.iter().any(|target| target.server.name == *asked) {
                bail!("there is no tool server `{asked}` in the configuration");
            }
        }
        if targets.is_empty() {
            bail!(
                "there is no tool server to pin in the configuration: write one with `[[bot.tool_server]]`"
            );
        }
        Ok(targets)
    }
}

async fn look(target: Target, config: &Config, lock: &Lock) -> Seen {
    let Target { bot, server } = target;
    let survey = match tool_token(&server, |name| std::env::var_os(name)) {
        Ok(token) => {
            let survey = survey(&server, token.as_ref(), &config.bounds, &config.timeouts).await;
            survey.map_err(|error| format!("{:#}", anyhow::Error::new(error)))
        }
        Err(why) => Err(why),
    };
    let before = lock.server(&bot, &server.name);
    let changes = survey.as_ref().map_or_else(|_| Vec::new(), |survey| changes(before, &survey.offered));
    Seen { bot, server: server.name, survey, changes }
}

fn changes(before: Option<&PinnedServer>, now: &PinnedServer) -> Vec<Change> {
    let mut changes = Vec::new();
    let identity = before.map_or("", |before| before.identity.text.as_str());
    if identity != now.identity.text {
        let kind = if before.is_some() { "changed" } else { "new" };
        let lines = difference(identity, &now.identity.text);
        changes.push(Change { what: "what it says of itself".to_owned(), kind, lines });
    }
    for (name, pin) in &now.tools {
        let old = before.and_then(|before| before.tools.get(name));
        let lines = difference(old.map_or("", |old| &old.text), &pin.text);
        if !lines.is_empty() {
            let kind = if old.is_some() { "changed" } else { "new" };
            changes.push(Change { what: format!("tool `{name}`"), kind, lines });
        }
    }
    for name in before.into_iter().flat_map(|before| before.tools.keys()) {
        if !now.tools.contains_key(name) {
            changes.push(Change { what: format!("tool `{name}`"), kind: "gone", lines: Vec::new() });
        }
    }
    changes
}

/// Writes the lock file, as a whole or not at all. What the configuration has no more goes.
fn accept(config: &Config, lock: &mut Lock, all: &[Seen]) -> anyhow::Result<()> {
    for seen in all {
        if let Ok(survey) = &seen.survey {
            lock.accept(&seen.bot, &seen.server, survey.offered.clone());
        }
    }
    lock.retain(|bot, server| {
        let known = config.bot(bot);
        known.is_some_and(|bot| bot.tool_servers.iter().any(|there| there.name == server))
    });
    let path = &config.tools_lock;
    let text = lock.to_text().context("writing the accepted tools as text")?;
    write(path, text.as_bytes()).with_context(|| format!("writing {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut next = path.as_os_str().to_owned();
    next.push(".new");
    let mut file = std::fs::File::create(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&next, path)
}

fn table(all: &[Seen], accepted: bool, asked: bool, path: &Path) -> String {
    let mut text = String::new();
    for seen in all {
        // Writing to a string cannot fail.
        let _ = write!(text, "bot {}, tool server {}: ", shown(&seen.bot), shown(&seen.server));
        match &seen.survey {
            Err(why) => text += &format!("could not be asked: {}\n", shown(why)),
            Ok(survey) => {
                let tools = survey.offered.tools.len();
                let state = if seen.changes.is_empty() { "as accepted" } else { "not as accepted" };
                text += &format!("{tools} tools, {state}\n");
                for (name, why) in &survey.odd {
                    text += &format!("  cannot be accepted: tool `{}`: {}\n", shown(name), shown(why));
                }
                seen.changes.iter().for_each(|change| push_change(&mut text, change));
            }
        }
    }
    let path = path.display();
    let unasked = all.iter().any(|seen| seen.survey.is_err());
    let changed = all.iter().any(|seen| !seen.changes.is_empty());
    text += &match (accepted, unasked && asked, changed) {
        (true, ..) => format!("\naccepted: {path} is written\n"),
        (false, true, _) => {
            format!("\nnot accepted: a server could not be asked, so {path} stays as it is\n")
        }
        (false, false, true) => {
            "\naccept with `--accept`, if this is what you want models to read\n".to_owned()
        }
        (false, false, false) => String::new(),
    };
    text
}

fn push_change(text: &mut String, change: &Change) {
    *text += &format!("  {}: {}\n", change.kind, shown(&change.what));
    for line in &change.lines {
        *text += &match line {
            Line::Same(line) => format!("      {}\n", shown(line)),
            Line::Gone(line) => format!("    - {}\n", shown(line)),
            Line::New(line) => format!("    + {}\n", shown(line)),
            Line::Skipped(count) => format!("      … {count} lines\n"),
        };
    }
}

/// What steers terminals is shown as its code: a server writes these texts.
fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { format!("\\u{{{:x}}}", u32::from(c)) } else { c.to_string() })
        .collect()
}

fn json(all: &[Seen], accepted: bool) -> anyhow::Result<String> {
    let servers = all.iter().map(|seen| {
        let changes = seen.changes.iter().map(|change| json!({ "kind": change.kind, "what": change.what }));
        let odd = seen.survey.iter().flat_map(|survey| &survey.odd);
        let odd = odd.map(|(tool, why)| json!({ "tool": tool, "why": why }));
        json!({
            "bot": seen.bot,
            "server": seen.server,
            "error": seen.survey.as_ref().err(),
            "changes": changes.collect::<Vec<_>>(),
            "odd": odd.collect::<Vec<_>>(),
        })
    });
    let report = json!({ "accepted": accepted, "servers": servers.collect::<Vec<_>>() });
    Ok(format!("{report:#}\n"))
}
