//! LiteLLM's proxy from PyPI, in an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;

use super::{Contestant, Site, free_port};
use crate::process::Server;
use crate::wire;

/// The version that is installed when there is none. Pinned, since releases of this package have been tampered with
/// before (2026: 1.82.7, 1.82.8 and 1.107.0 were withdrawn); raise it only after looking.
const VERSION: &str = "1.93.0";

const KEY: &str = "sk-litellm-master";

/// It imports a great deal before it listens.
const PATIENCE: Duration = Duration::from_secs(480);

pub fn start(site: &Site) -> anyhow::Result<Contestant> {
    let program = installed(&site.work)?;
    let address = free_port()?;
    let file = site.run.join("litellm.yaml");
    fs::write(&file, configuration(site))?;
    let mut command = Command::new(program);
    command
        .arg("--config")
        .arg(&file)
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--num_workers", &site.placement.threads().to_string()])
        // Prices and telemetry would otherwise be fetched from elsewhere.
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_TELEMETRY", "False")
        .env("LITELLM_LOG", "ERROR")
        .env("NO_PROXY", "*");
    let mut server =
        site.placement.contestant(|| Server::start(command, "litellm", &site.run.join("litellm.log")))??;
    server.await_port(address, PATIENCE)?;
    Contestant::new("litellm", site, address, KEY, server)
}

/// The program, after installing it on first use (some minutes, several hundred megabytes).
fn installed(work: &Path) -> anyhow::Result<PathBuf> {
    let folder = work.join("litellm");
    let program = folder.join("bin/litellm");
    if program.exists() {
        return Ok(program);
    }
    eprintln!("installing litellm {VERSION} into {}", folder.display());
    let run = |command: &mut Command| -> anyhow::Result<()> {
        ensure!(command.status()?.success(), "{command:?} failed");
        Ok(())
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(folder.join("bin/pip")).args([
        "install",
        "--quiet",
        &format!("litellm[proxy]=={VERSION}"),
    ]))?;
    Ok(program)
}

/// The version that is installed.
pub fn version(work: &Path) -> Option<String> {
    let output = Command::new(work.join("litellm/bin/pip")).args(["show", "litellm"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Version: ")).map(str::to_owned)
}

fn configuration(site: &Site) -> String {
    let (model, upstream) = (wire::MODEL, site.upstream);
    format!(
        "model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: http://{upstream}/v1
      api_key: sk-upstream
general_settings:
  master_key: {KEY}
litellm_settings:
  set_verbose: false
"
    )
}
