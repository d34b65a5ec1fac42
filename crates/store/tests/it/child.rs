//! Processes of our own: this very test binary, told by a variable to play a part instead of testing.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use botwarden_store::DataDir;

use crate::{audit, limit_journal, postgres, root_key, sqlite};

/// Names the part; the directory follows in [`DIR`].
const PART: &str = "BOTWARDEN_TEST_PART";
const DIR: &str = "BOTWARDEN_TEST_DIR";
/// What begins each line a part says, apart from what the test harness prints.
const SAYS: &str = "part says: ";

/// What a process can play.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// Opens the root key and says its fingerprint.
    OpenRootKey,
    /// Writes to the store until killed, saying what has been acknowledged.
    Write,
    /// The same to a shared store.
    WriteShared,
    /// Rotates keys of a shared store until killed.
    RotateShared,
    /// Makes the limiter decide until killed, saying what has been admitted.
    Limit,
    /// Brings entries to the audit log until killed, saying what has been acknowledged.
    Audit,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::OpenRootKey => "open-root-key",
            Self::Write => "write",
            Self::WriteShared => "write-shared",
            Self::RotateShared => "rotate-shared",
            Self::Limit => "limit",
            Self::Audit => "audit",
        }
    }
}

/// A process that plays a part. Killed (SIGKILL) when dropped.
pub(crate) struct Player {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Player {
    pub(crate) fn start(part: Part, dir: &Path) -> Self {
        Self::start_with(part, dir, &[])
    }

    pub(crate) fn start_with(part: Part, dir: &Path, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::play", "--nocapture", "--test-threads=1"])
            .env(PART, part.name())
            .env(DIR, dir)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The next line it says; `None` when it has ended.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness may have begun the line.
            if let Some((_, said)) = line.trim_end().split_once(SAYS) {
                return Some(said.to_owned());
            }
        }
    }

    /// Kills it at once and gives what it had said before.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.hear()).collect()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn say(text: &str) {
    println!("{SAYS}{text}");
}

/// The part this process was started for, if it was.
#[test]
fn play() {
    let (Ok(part), Ok(dir)) = (std::env::var(PART), std::env::var(DIR)) else { return };
    let data = DataDir::open(dir).unwrap();
    match part.as_str() {
        "open-root-key" => root_key::open_and_say(&data),
        "write" => sqlite::crash::write_until_killed(&data),
        "write-shared" => postgres::crash::write_until_killed(&data),
        "rotate-shared" => postgres::rotation::rotate_until_killed(&data),
        "audit" => audit::record_until_killed(&data),
        "limit" => limit_journal::decide_until_killed(&data),
        other => panic!("no part is called {other}"),
    }
}
