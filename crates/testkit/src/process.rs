//! The real binary, started as an operator would start it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Client, soon};

/// What a gateway under test is to be.
pub struct GatewayBuilder {
    binary: PathBuf,
    config: String,
    environment: Vec<(String, String)>,
    root_key: Option<PathBuf>,
    files: Vec<(String, String)>,
}

/// A running `botwarden serve` with its own folder. Killed when dropped.
pub struct Gateway {
    binary: PathBuf,
    folder: TempDir,
    running: Running,
    /// Callers.
    pub gateway: SocketAddr,
    /// Backends, where they listen apart.
    pub backend: Option<SocketAddr>,
    /// Operations.
    pub ops: SocketAddr,
    environment: Vec<(String, String)>,
    log: Log,
}

/// The process and the task that reads what it logs.
struct Running {
    child: Child,
    reading: JoinHandle<()>,
}

/// A key as issued.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key itself.
    pub secret: String,
    /// Its id, which is not secret.
    pub id: String,
}

/// What a gateway wrote to standard error, as it grows; restarts go on with it.
type Log = Arc<watch::Sender<String>>;

const PORTS: &str = "[listen]\ngateway = \"127.0.0.1:0\"\nops = \"127.0.0.1:0\"\n";

impl GatewayBuilder {
    /// Starts from `[listen]` on free ports and nothing else; `binary` is `env!("CARGO_BIN_EXE_botwarden")`.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            config: PORTS.to_owned(),
            environment: Vec::new(),
            root_key: None,
            files: Vec::new(),
        }
    }

    /// Adds a bot named `name` whose upstream speaks `dialect` at `url`; `rest` is more TOML of the bot. Unless it says
    /// otherwise, every model is granted.
    #[must_use]
    pub fn bot(mut self, name: &str, dialect: &str, url: &str, rest: &str) -> Self {
        let models = if rest.contains("models =") { "" } else { "models = [\"*\"]\n" };
        let _ = write!(
            self.config,
            "\n[[bot]]\nname = \"{name}\"\n\
             upstream = {{ dialect = \"{dialect}\", url = \"{url}\", key = {{ env = \"PROVIDER_KEY\" }} }}\n\
             {models}{rest}\n"
        );
        self.environment.push(("PROVIDER_KEY".into(), "sk-provider-secret".into()));
        self
    }

    /// Lets backends listen apart from callers. Call it first: it belongs to `[listen]`.
    #[must_use]
    pub fn backend(mut self) -> Self {
        self.config.push_str("backend = \"127.0.0.1:0\"\n");
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

    /// Adds a file beside the configuration.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.into(), text.into()));
        self
    }

    /// Makes it a further node: it gets the root key of that one.
    #[must_use]
    pub fn root_key_of(mut self, node: &Gateway) -> Self {
        self.root_key = Some(node.folder().join("botwarden-data/root.key"));
        self
    }

    /// Starts it and waits for its `ready` line.
    pub async fn start(self) -> Gateway {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("botwarden.toml"), &self.config).expect("a configuration file");
        for (name, text) in &self.files {
            std::fs::write(folder.path().join(name), text).expect("a file beside it");
        }
        if let Some(key) = &self.root_key {
            let data = folder.path().join("botwarden-data");
            std::fs::DirBuilder::new().mode(0o700).create(&data).expect("a data directory");
            std::fs::copy(key, data.join("root.key")).expect("a copy of the root key");
        }
        let log = Log::default();
        let (running, ready) = spawn(&self.binary, folder.path(), &self.environment, &log).await;
        Gateway {
            binary: self.binary,
            folder,
            running,
            gateway: address(&ready["gateway"]),
            backend: ready.get("backend").map(address),
            ops: address(&ready["ops"]),
            environment: self.environment,
            log,
        }
    }
}

async fn spawn(
    binary: &Path,
    folder: &Path,
    environment: &[(String, String)],
    log: &Log,
) -> (Running, serde_json::Value) {
    let mut child = Command::new(binary)
        .args(["serve", "--config", "botwarden.toml"])
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let stderr = child.stderr.take().expect("a piped output");
    let reading = tokio::spawn(read_log(stderr, log.clone()));
    let stdout = child.stdout.take().expect("a piped output");
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.expect("readable output") {
        if let Some(json) = line.strip_prefix("ready ") {
            let ready = serde_json::from_str(json).expect("the ready line holds JSON");
            return (Running { child, reading }, ready);
        }
    }
    let _ = reading.await;
    panic!("the gateway ended before it was ready:\n{}", *log.borrow());
}

async fn read_log(from: ChildStderr, log: Log) {
    let mut lines = BufReader::new(from).lines();
    while let Some(line) = lines.next_line().await.expect("readable output") {
        log.send_modify(|text| {
            text.push_str(&line);
            text.push('\n');
        });
    }
}

fn address(url: &serde_json::Value) -> SocketAddr {
    let url = url.as_str().expect("a URL in the ready line");
    url.trim_start_matches("http://").parse().unwrap_or_else(|_| panic!("an address in `{url}`"))
}

impl Gateway {
    /// Its folder: `botwarden.toml` and `botwarden-data/`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it logged so far. A line may be a tenth of a second late, unless the process has [ended](Self::ended).
    pub fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// Waits until it has logged `words`, because of or after `action`.
    pub async fn logs<T>(&self, words: &str, action: impl Future<Output = T>) -> T {
        let before = self.log.borrow().len();
        let done = action.await;
        let mut log = self.log.subscribe();
        let logged = log.wait_for(|text| text.get(before..).is_some_and(|new| new.contains(words)));
        soon(words, logged).await.expect("the log is there as long as the gateway");
        done
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder().join("botwarden.toml")
    }

    /// Replaces `old`, which has to be there, by `new` in the configuration file.
    pub fn edit(&self, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.config()).expect("a configuration file");
        assert!(text.contains(old), "`{old}` in the configuration:\n{text}");
        std::fs::write(self.config(), text.replace(old, new)).expect("a configuration file");
    }

    /// Runs another command on the same configuration.
    pub async fn command(&self, arguments: &[&str]) -> Output {
        run(&self.binary, self.folder(), arguments).await
    }

    /// Issues a key for `bot` with the given rights.
    pub async fn key(&self, bot: &str, rights: &[&str]) -> String {
        self.issue(bot, rights, &[]).await.secret
    }

    /// Issues a key for `bot` with the given rights; `more` arguments go to `key issue`.
    pub async fn issue(&self, bot: &str, rights: &[&str], more: &[&str]) -> Key {
        let mut arguments = vec!["key", "issue", "--bot", bot];
        for right in rights {
            arguments.extend(["--right", right]);
        }
        arguments.extend(more);
        let (secret, summary) = self.fine(&arguments).await;
        let id = summary.split(' ').next().expect("a summary begins with the id");
        Key { secret: secret.trim().to_owned(), id: id.to_owned() }
    }

    /// Revokes a key; it is refused when this returns.
    pub async fn revoke(&self, key: &Key) {
        self.fine(&["key", "revoke", &key.id]).await;
    }

    /// Begins a command that the test may kill.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the binary starts")
    }

    /// Standard output and error of a command that ends well.
    async fn fine(&self, arguments: &[&str]) -> (String, String) {
        let output = self.command(arguments).await;
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        (out, err)
    }

    /// What `GET` of `path` on the operations listener says: status and text.
    pub async fn ops(&self, path: &str) -> (u16, String) {
        let reply = Client::connect(self.ops, None).await.get(path).await;
        (reply.status, reply.text().to_owned())
    }

    /// Asks for the metrics until the line `metric` is among them: for what the gateway notices by itself.
    pub async fn metric(&self, metric: &str) {
        let mut ops = Client::connect(self.ops, None).await;
        soon(metric, async { while !ops.get("/metrics").await.text().lines().any(|line| line == metric) {} })
            .await;
    }

    /// Sends a signal by name: `TERM`, `HUP`, `KILL`.
    pub async fn signal(&self, name: &str) {
        let id = self.running.child.id().expect("the gateway runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await.expect("kill runs");
        assert!(sent.success(), "the signal was sent");
    }

    /// Lets no more bytes into any file, as a full disk does, until there is [room](Self::make_room).
    pub async fn fill_disk(&self) {
        self.limit_files("0").await;
    }

    /// Ends what [`fill_disk`](Self::fill_disk) began.
    pub async fn make_room(&self) {
        self.limit_files("unlimited").await;
    }

    async fn limit_files(&self, bytes: &str) {
        let id = self.running.child.id().expect("the gateway runs").to_string();
        let limit = format!("--fsize={bytes}:");
        let set = Command::new("prlimit").args(["--pid", &id, &limit]).status().await.expect("prlimit runs");
        assert!(set.success(), "the limit was set");
    }

    /// Waits for its end; returns its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let ended = soon("the end of the process", self.running.child.wait()).await;
        let code = ended.expect("a child can be waited for").code();
        if !self.running.reading.is_finished() {
            let _ = (&mut self.running.reading).await;
        }
        code
    }

    /// Kills it without warning and starts it again in the same folder, on new ports.
    pub async fn kill_and_restart(&mut self) {
        self.running.child.kill().await.expect("the gateway runs");
        self.restart().await;
    }

    /// Starts it again in the same folder after it ended.
    pub async fn restart(&mut self) {
        let ready;
        (self.running, ready) = spawn(&self.binary, self.folder.path(), &self.environment, &self.log).await;
        self.gateway = address(&ready["gateway"]);
        self.backend = ready.get("backend").map(address);
        self.ops = address(&ready["ops"]);
    }
}

/// Runs the binary in `folder` to its end.
pub async fn run(binary: &Path, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(binary).args(arguments).current_dir(folder).output().await.expect("the binary starts")
}
