//! Botwarden with everything switched on: key check, limits at every level, journal, access log, metrics.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::{Contestant, START_PATIENCE, Site};
use crate::process::Server;

/// The variable that holds the key shown to the model server.
const UPSTREAM_KEY: &str = "BENCH_UPSTREAM_KEY";

/// Starts Botwarden, or says how to build it and returns none.
pub fn start(site: &Site) -> anyhow::Result<Option<Contestant>> {
    if !site.botwarden.exists() {
        eprintln!(
            "botwarden is left out: {} does not exist (cargo build --release -p botwarden)",
            site.botwarden.display()
        );
        return Ok(None);
    }
    let file = site.run.join("botwarden.toml");
    fs::write(&file, configuration(site))?;
    let key = issue_key(&site.botwarden, &file)?;
    let mut command = with_file(&site.botwarden, &file);
    command.arg("serve");
    let server = site
        .placement
        .contestant(|| Server::start(command, "botwarden", &site.run.join("botwarden.log")))??;
    let ready = server.first_line(START_PATIENCE)?;
    let listeners: serde_json::Value = serde_json::from_str(
        ready.strip_prefix("ready ").with_context(|| format!("not a ready line: `{ready}`"))?,
    )?;
    let gateway =
        listeners.get("gateway").and_then(|url| url.as_str()).context("no gateway in the ready line")?;
    let address =
        gateway.strip_prefix("http://").context("the gateway's address")?.trim_end_matches('/').parse()?;
    Contestant::new("botwarden", site, address, &key, server).map(Some)
}

fn with_file(program: &Path, file: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--config").arg(file).env(UPSTREAM_KEY, "sk-upstream");
    command
}

fn issue_key(program: &Path, file: &Path) -> anyhow::Result<String> {
    let mut command = with_file(program, file);
    command.args(["key", "issue", "--bot", "bench", "--right", "chat", "--right", "assert-user"]);
    let output = command.output().context("issuing a key")?;
    ensure!(output.status.success(), "issuing a key failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Limits at every level, high enough that none is ever reached: what is measured is the checking.
fn configuration(site: &Site) -> String {
    let (data, upstream) = (site.run.join("botwarden-data"), site.upstream);
    let mut text = format!(
        "data_dir = {data:?}

[listen]
gateway = \"127.0.0.1:0\"
ops = \"127.0.0.1:0\"

[[bot]]
name = \"bench\"
upstream = {{ dialect = \"openai\", url = \"http://{upstream}/v1\", key = {{ env = \"{UPSTREAM_KEY}\" }} }}
models = [\"gpt-*\"]
"
    );
    for level in ["user", "key", "ip", "bot"] {
        text += &format!("\n[[bot.limit]]\nper = \"{level}\"\nrequests = 100_000_000\nwindow = \"60s\"\n");
    }
    text += "\n[[bot.limit]]\nper = \"user\"\ntokens = 1_000_000_000_000\nwindow = \"1d\"\n";
    text += "\n[[bot.limit]]\nper = \"user\"\nopen = 10_000\n";
    text
}
