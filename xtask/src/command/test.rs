//! `cargo xtask test`: everything that must hold before a change is taken.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context as _;

use crate::debian::{self, Install};
use crate::postgres::{self, Postgres};
use crate::python::Clients;
use crate::run::{Steps, describe, succeeded};
use crate::workspace::Workspace;

/// Run every test: Rust, with a PostgreSQL server of its own, then the real client libraries in Python against the real binary.
///
/// Debian packages that are missing are installed with `--install`, where `CI=true`, and to root in a container;
/// elsewhere they are named. Example: `cargo xtask test --fast`
#[derive(clap::Args)]
pub(crate) struct Test {
    /// Only the Rust unit tests: no binary is started, nothing is installed
    #[arg(long, conflicts_with = "install")]
    fast: bool,
    /// Install missing Debian packages (asks for root through sudo)
    #[arg(long)]
    install: bool,
}

impl Test {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let mut steps = Steps::new();
        if self.fast {
            steps.run(
                "unit tests",
                workspace.cargo(["test", "--workspace", "--lib", "--bins", "--no-fail-fast"]),
            )?;
        } else {
            self.everything(workspace, &mut steps)?;
        }
        steps.close();
        Ok(())
    }

    fn everything(&self, workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
        debian::provide(workspace, Install::decide(self.install), steps)?;
        let built = build(workspace, steps)?;
        let postgres = Postgres::start(steps)?;
        let mut tests = workspace.cargo(["test", "--workspace", "--no-fail-fast"]);
        tests.env(postgres::VARIABLE, postgres.url());
        steps.run("Rust tests", tests)?;
        drop(postgres);
        let clients = Clients::provide(workspace, steps)?;
        clients.test(workspace, &built, steps)
    }
}

/// What the client tests run.
pub(crate) struct Built {
    pub(crate) botwarden: PathBuf,
    /// The crate of Fernet tokens, asked line by line.
    pub(crate) fernet_lines: PathBuf,
}

/// Builds the programs together with the tests, so that both share one set of dependencies (built apart, cargo would
/// choose other features for some and compile them twice).
fn build(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Built> {
    let mut cargo = workspace.cargo(["build", "--workspace", "--tests", "--bin", "botwarden"]);
    cargo.args(["--example", "fernet_lines"]);
    cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    steps.step("build", &describe(&cargo), || {
        let output = cargo.output().context("starting cargo")?;
        succeeded(output.status)?;
        let messages = String::from_utf8(output.stdout).context("reading cargo's messages")?;
        let find = |name: &str, kind: &str| {
            let path = messages.lines().find_map(|message| built(message, name, kind));
            path.with_context(|| format!("cargo built no {kind} named {name}"))
        };
        Ok(Built { botwarden: find("botwarden", "bin")?, fernet_lines: find("fernet_lines", "example")? })
    })
}

/// The path of a program, if this message of cargo's announces it (and not its unit tests).
fn built(message: &str, name: &str, kind: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let is = |pointer: &str, want: &serde_json::Value| message.pointer(pointer) == Some(want);
    let ours = is("/reason", &"compiler-artifact".into())
        && is("/target/name", &name.into())
        && is("/target/kind/0", &kind.into())
        && is("/profile/test", &false.into());
    if !ours {
        return None;
    }
    message.get("executable")?.as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_told_from_its_unit_tests_and_from_libraries() {
        let message = |name: &str, kind: &str, test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"{name}","kind":["{kind}"]}},"profile":{{"test":{test}}},"executable":"/t/{name}"}}"#
            )
        };
        for (name, message, want) in [
            ("the binary", message("botwarden", "bin", false), Some(PathBuf::from("/t/botwarden"))),
            ("its unit tests", message("botwarden", "bin", true), None),
            ("another program", message("peer", "bin", false), None),
            ("a library", message("botwarden", "lib", false), None),
            ("no JSON", "warning".to_owned(), None),
        ] {
            assert_eq!(built(&message, "botwarden", "bin"), want, "{name}");
        }
    }
}
