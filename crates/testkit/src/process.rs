//! The real binary, started as an operator would start it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// What a gateway under test is to be.
pub struct GatewayBuilder {
    binary: PathBuf,
    config: String,
    environment: Vec<(String, String)>,
}

/// A running `botwarden serve` with its own folder. Killed when dropped.
pub struct Gateway {
    binary: PathBuf,
    folder: TempDir,
    child: Child,
    /// Callers.
    pub gateway: SocketAddr,
    /// Operations.
    pub ops: SocketAddr,
    environment: Vec<(String, String)>,
}

const PORTS: &str = "[listen]\ngateway = \"127.0.0.1:0\"\nops = \"127.0.0.1:0\"\n";

impl GatewayBuilder {
    /// Starts from `[listen]` on free ports and nothing else; `binary` is `env!("CARGO_BIN_EXE_botwarden")`.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), config: PORTS.to_owned(), environment: Vec::new() }
    }

    /// Adds a bot named `name` whose upstream speaks `dialect` at `url`; `rest` is more TOML of the bot.
    #[must_use]
    pub fn bot(mut self, name: &str, dialect: &str, url: &str, rest: &str) -> Self {
        let _ = write!(
            self.config,
            "\n[[bot]]\nname = \"{name}\"\n\
             upstream = {{ dialect = \"{dialect}\", url = \"{url}\", key = {{ env = \"PROVIDER_KEY\" }} }}\n\
             models = [\"*\"]\n{rest}\n"
        );
        self.environment.push(("PROVIDER_KEY".into(), "sk-provider-secret".into()));
        self
    }

    /// Adds TOML at the end.
    #[must_use]
    pub fn toml(mut self, text: &str) -> Self {
        self.config.push_str(text);
        self
    }

    /// Adds a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it and waits for its `ready` line.
    pub async fn start(self) -> Gateway {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("botwarden.toml"), &self.config).expect("a configuration file");
        let (child, gateway, ops) = spawn(&self.binary, folder.path(), &self.environment).await;
        Gateway { binary: self.binary, folder, child, gateway, ops, environment: self.environment }
    }
}

async fn spawn(
    binary: &Path,
    folder: &Path,
    environment: &[(String, String)],
) -> (Child, SocketAddr, SocketAddr) {
    let log =
        std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a log file");
    let mut child = Command::new(binary)
        .args(["serve", "--config", "botwarden.toml"])
        .current_dir(folder)
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let stdout = child.stdout.take().expect("a piped output");
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.expect("readable output") {
        if let Some(json) = line.strip_prefix("ready ") {
            let ready: serde_json::Value = serde_json::from_str(json).expect("the ready line holds JSON");
            return (child, address(&ready["gateway"]), address(&ready["ops"]));
        }
    }
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    panic!("the gateway ended before it was ready:\n{log}");
}

fn address(url: &serde_json::Value) -> SocketAddr {
    let url = url.as_str().expect("a URL in the ready line");
    url.trim_start_matches("http://").parse().unwrap_or_else(|_| panic!("an address in `{url}`"))
}

impl Gateway {
    /// Its folder: `botwarden.toml`, `botwarden-data/`, `log`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).expect("a log file")
    }

    /// Runs another command on the same configuration.
    pub async fn command(&self, arguments: &[&str]) -> Output {
        run(&self.binary, self.folder(), arguments).await
    }

    /// Issues a key for `bot` with the given rights.
    pub async fn key(&self, bot: &str, rights: &[&str]) -> String {
        let mut arguments = vec!["key", "issue", "--bot", bot];
        for right in rights {
            arguments.extend(["--right", right]);
        }
        let output = self.command(&arguments).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a key is text").trim().to_owned()
    }

    /// Sends a signal by name: `TERM`, `HUP`, `KILL`.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().expect("the gateway runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await.expect("kill runs");
        assert!(sent.success(), "the signal was sent");
    }

    /// Waits for its end; returns its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        self.child.wait().await.expect("a child can be waited for").code()
    }

    /// Kills it without warning and starts it again in the same folder, on new ports.
    pub async fn kill_and_restart(&mut self) {
        self.child.kill().await.expect("the gateway runs");
        self.restart().await;
    }

    /// Starts it again in the same folder after it ended.
    pub async fn restart(&mut self) {
        (self.child, self.gateway, self.ops) =
            spawn(&self.binary, self.folder.path(), &self.environment).await;
    }
}

/// Runs the binary in `folder` to its end.
pub async fn run(binary: &Path, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(binary).args(arguments).current_dir(folder).output().await.expect("the binary starts")
}
