//! A PostgreSQL database for one test.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the server is that `cargo xtask test` started, as `postgres://user@host/postgres?…`.
pub const POSTGRES: &str = "BOTWARDEN_TEST_POSTGRES";

/// A database of its own, empty; gone when dropped.
pub struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// Makes one. `None`, and a line that says so, where no server is named; one that is named and does not answer fails the test.
    pub fn create() -> Option<Self> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let Ok(server) = std::env::var(POSTGRES) else {
            eprintln!("skipped: no PostgreSQL server is named by {POSTGRES}; `cargo xtask test` starts one");
            return None;
        };
        let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let this = Self { server, name };
        this.on_server(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", this.name));
        this.on_server(&format!("CREATE DATABASE {}", this.name));
        Some(this)
    }

    /// Its address.
    pub fn url(&self) -> String {
        let (server, query) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (server, _) = server.rsplit_once('/').expect("an address that names a database");
        format!("{server}/{}?{query}", self.name)
    }

    /// What `pg_dump` says of one of its schemas.
    pub fn dump(&self, schema: &str) -> String {
        output(program("pg_dump").args(["--schema", schema, &self.url()]))
    }

    /// Runs SQL on it; gives what it prints, unaligned and without heads.
    pub fn sql(&self, sql: &str) -> String {
        psql(&self.url(), sql)
    }

    /// Cuts every connection to it, as a restart of the server does.
    pub fn cut_connections(&self) {
        self.on_server(&format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
    }

    fn on_server(&self, sql: &str) {
        psql(&self.server, sql);
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.on_server(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

fn psql(url: &str, sql: &str) -> String {
    let options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
    output(program("psql").args(options).args(["--command", sql, url]))
}

fn output(command: &mut Command) -> String {
    let mend =
        format!("a PostgreSQL server at {POSTGRES}, as `cargo xtask test` starts one, and its programs");
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{mend}: {error}"));
    assert!(output.status.success(), "{mend}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// A program of PostgreSQL's: the newest that Debian installed beside the server, or the one in `PATH`.
fn program(name: &str) -> Command {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        debian.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).collect();
    found.sort();
    Command::new(found.pop().unwrap_or_else(|| name.into()))
}
