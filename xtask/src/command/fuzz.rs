//! `cargo xtask fuzz`: throw bytes at a parser.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::run::{Steps, describe, succeeded, works};
use crate::workspace::Workspace;

/// Throw bytes at a parser until the time is over or it crashes.
///
/// Runs on stable Rust, without a sanitizer: the code under test is safe Rust, and its own assertions are the oracle.
/// Without a target it lists them. Example: `cargo xtask fuzz openai_request --seconds 600`
#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// The target
    target: Option<String>,
    /// Every target, one after the other
    #[arg(long, conflicts_with = "target")]
    every: bool,
    /// How long, each
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    seconds: u32,
}

impl Fuzz {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        anyhow::ensure!(
            works(workspace.cargo(["fuzz", "--version"])),
            "cargo-fuzz is missing: `cargo install cargo-fuzz --locked`"
        );
        let mut steps = Steps::new();
        match &self.target {
            Some(target) => self.fuzz(workspace, target, &mut steps)?,
            None if self.every => {
                for target in targets(workspace)? {
                    self.fuzz(workspace, &target, &mut steps)?;
                }
            }
            None => return targets(workspace).map(|targets| targets.iter().for_each(|it| println!("{it}"))),
        }
        steps.close();
        Ok(())
    }

    /// Fuzzes one target; one line on standard output says how often it ran.
    fn fuzz(&self, workspace: &Workspace, target: &str, steps: &mut Steps) -> anyhow::Result<()> {
        let mut cargo = workspace.cargo(["fuzz", "run", "--sanitizer", "none", target, "--"]);
        cargo.arg(format!("-max_total_time={}", self.seconds));
        let runs = steps.step(target, &describe(&cargo), || count_runs(&mut cargo))?;
        println!("{target}: {runs}, no crash");
        Ok(())
    }
}

fn targets(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let output = workspace.cargo(["fuzz", "list"]).output().context("listing the fuzz targets")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let names = String::from_utf8(output.stdout).context("reading the names of the fuzz targets")?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// Runs a fuzzer, shows what it says, and returns its last words: `123456 runs in 60 second(s)`.
fn count_runs(cargo: &mut Command) -> anyhow::Result<String> {
    let mut child = cargo.stderr(Stdio::piped()).spawn().context("starting cargo")?;
    let mut runs = None;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line.context("reading what the fuzzer says")?;
            eprintln!("{line}");
            if let Some(count) = line.strip_prefix("Done ") {
                runs = Some(count.to_owned());
            }
        }
    }
    succeeded(child.wait().context("waiting for the fuzzer")?)?;
    runs.context("the fuzzer does not say how often it ran")
}
