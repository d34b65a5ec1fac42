//! The commands: what they print, where, and how they end.

mod audit;
mod check;
mod config;
mod fernet;
mod help;
mod init;
mod key;
mod keyring;
mod pages;
mod roots;
mod serve;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder in which commands are run, with nothing of the caller's environment that they would read.
struct Desk {
    folder: TempDir,
}

/// What a command did.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A configuration with one bot that wants no provider key.
const SHOP: &str = "[listen]\ngateway = \"127.0.0.1:0\"\nops = \"127.0.0.1:0\"\n\n[[bot]]\nname = \"shop\"\n\
                    upstream = { dialect = \"openai\", url = \"http://127.0.0.1:9/v1\" }\nmodels = [\"*\"]\n";

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With [`SHOP`] as `botwarden.toml`.
    fn with_shop() -> Self {
        let desk = Self::new();
        desk.write("botwarden.toml", SHOP);
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_botwarden"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for variable in
            ["BOTWARDEN_CONFIG", "OPENAI_API_KEY", "RUST_LOG", "CLICOLOR_FORCE", "AWS_ACCESS_KEY_ID"]
        {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Its standard output, if it ended well.
    #[track_caller]
    fn fine(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Its standard error, if it ended with `code` and printed no result.
    #[track_caller]
    fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{self:?}");
        self.err
    }
}
