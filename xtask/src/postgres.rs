//! A PostgreSQL server for the tests: unprivileged, in a temporary folder, gone with this process.

use std::fs::{self, DirBuilder};
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use crate::run::{Steps, describe};

/// Tells the tests where the server is; `botwarden-testkit` reads it.
pub(crate) const VARIABLE: &str = "BOTWARDEN_TEST_POSTGRES";
/// Exits with 0 where there is a server to start.
pub(crate) const PROBE: &[&str] = &["sh", "-c", "command -v initdb || ls /usr/lib/postgresql/*/bin/initdb"];
/// Where Debian keeps the programs, by version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// What the server says when it can be used.
const READY: &str = "ready to accept connections";
/// How long that may take on a busy machine.
const READY_WAIT: Duration = Duration::from_secs(60);
/// Lines of its log that wait to be looked at.
const LINES_WAITING: usize = 64;
/// What is lost when the machine stops is of no use to anyone; a socket in the folder needs no port.
const SETTINGS: [&str; 5] =
    ["listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=300", "shared_buffers=64MB"];

/// A running server. Only its user and root reach it, as its superuser, through a socket in its folder.
pub(crate) struct Postgres {
    child: Child,
    folder: Folder,
}

/// Removed when dropped.
struct Folder(PathBuf);

impl Postgres {
    /// Makes a cluster and starts it.
    pub(crate) fn start(steps: &mut Steps) -> anyhow::Result<Self> {
        let account = Account::unprivileged()?;
        let folder = Folder::make(account.as_ref())?;
        let data = folder.0.join("data");
        let mut initdb = as_account(account.as_ref(), "initdb")?;
        initdb.args(["--username=botwarden", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--pgdata").arg(&data).stdout(Stdio::null());
        steps.run("PostgreSQL cluster", initdb)?;
        let mut server = as_account(account.as_ref(), "postgres")?;
        server.arg("-D").arg(&data).arg("-k").arg(&folder.0);
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        server.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = steps.step("PostgreSQL", &describe(&server), || ready(&mut server))?;
        Ok(Self { child, folder })
    }

    /// Its address for the tests, each of which makes a database of its own.
    pub(crate) fn url(&self) -> String {
        format!("postgres://botwarden@localhost/postgres?host={}", self.folder.0.display())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // `setpriv` has become the server. Killed outright it would leave its shared memory behind.
        let _ = kill_process(Pid::from_child(&self.child), Signal::QUIT);
        let _ = self.child.wait();
    }
}

impl Folder {
    fn make(owner: Option<&Account>) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("botwarden-postgres-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("making {}", path.display()))?;
        let this = Self(path);
        if let Some(Account { uid, gid, .. }) = owner {
            chown(&this.0, Some(*uid), Some(*gid)).context("giving the folder to the server's account")?;
        }
        Ok(this)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts the server and waits until it can be used. An error shows what it said.
fn ready(server: &mut Command) -> anyhow::Result<Child> {
    let mut child = server.spawn().context("starting the server")?;
    let stderr = child.stderr.take().context("reading what the server says")?;
    let (tell, told) = sync_channel(LINES_WAITING);
    std::thread::spawn(move || read_log(stderr, &tell));
    let mut said = String::new();
    loop {
        match told.recv_timeout(READY_WAIT) {
            Ok(line) if line.contains(READY) => return Ok(child),
            Ok(line) => said += &(line + "\n"),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                anyhow::bail!("the server did not become ready:\n{said}");
            }
        }
    }
}

/// Passes lines on while somebody wants them, and goes on reading: a server whose output nobody takes would stand still.
fn read_log(log: impl Read, tell: &SyncSender<String>) {
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        let _ = tell.send(line);
    }
}

/// An account to run the server under: it refuses to run as root.
struct Account {
    name: &'static str,
    uid: u32,
    gid: u32,
}

impl Account {
    /// `None` where we are not root, and so need no other.
    fn unprivileged() -> anyhow::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
        let found = ["postgres", "nobody"].into_iter().find_map(|name| Self::find(&accounts, name));
        let mend = "add one: `useradd --system postgres`";
        found
            .map(Some)
            .with_context(|| format!("no account for PostgreSQL, which refuses to run as root; {mend}"))
    }

    /// Source: passwd(5), `name:password:uid:gid:…`.
    fn find(accounts: &str, name: &'static str) -> Option<Self> {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse);
        Some(Self { name, uid: ids.next()?.ok()?, gid: ids.next()?.ok()? })
    }
}

/// One of PostgreSQL's programs under an account. It ends when this process does, however that ends.
fn as_account(account: Option<&Account>, program: &str) -> anyhow::Result<Command> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if let Some(Account { name, gid, .. }) = account {
        command.args([format!("--reuid={name}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
    }
    // The account may not enter the folder we are in; translated words would not be recognised.
    command.arg(find(Path::new(DEBIAN), program)?).current_dir("/").env("LC_ALL", "C");
    Ok(command)
}

/// The newest that Debian keeps, else what `PATH` has.
fn find(debian: &Path, program: &str) -> anyhow::Result<PathBuf> {
    let mut found = Vec::new();
    if debian.exists() {
        for entry in fs::read_dir(debian).with_context(|| format!("reading {}", debian.display()))? {
            let entry = entry.with_context(|| format!("reading {}", debian.display()))?;
            let path = entry.path().join("bin").join(program);
            let version: Option<u32> = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if path.exists() {
                found.push((version, path));
            }
        }
    }
    found.sort();
    Ok(found.pop().map_or_else(|| program.into(), |(_, path)| path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::succeeded;

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:7::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        let account = Account::find(accounts, "postgres").unwrap();
        assert_eq!((account.uid, account.gid), (101, 104));
        assert!(Account::find(accounts, "nobody").is_none());
        assert!(Account::find("postgres:x:many:1::", "postgres").is_none());
    }

    #[test]
    fn the_newest_server_is_taken() {
        let folder = Folder(std::env::temp_dir().join(format!("botwarden-find-{}", std::process::id())));
        assert_eq!(find(&folder.0, "initdb").unwrap(), Path::new("initdb"), "none of Debian's");
        for version in ["9", "15", "13"] {
            let bin = folder.0.join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("initdb"), "").unwrap();
        }
        fs::create_dir_all(folder.0.join("16/bin")).unwrap();
        assert_eq!(find(&folder.0, "initdb").unwrap(), folder.0.join("15/bin/initdb"));
    }

    #[test]
    fn a_server_that_ends_is_reported_with_what_it_said() {
        let mut server = Command::new("sh");
        server.args(["-c", "echo 'FATAL: no room' >&2; exit 1"]).stderr(Stdio::piped());
        let error = ready(&mut server).unwrap_err().to_string();
        assert!(error.contains("FATAL: no room"), "{error}");
        let mut server = Command::new("sh");
        server.args(["-c", "echo 'LOG: ready to accept connections' >&2"]).stderr(Stdio::piped());
        succeeded(ready(&mut server).unwrap().wait().unwrap()).unwrap();
    }
}
