//! `cargo xtask prove`: what takes too long for every change, with its printed result kept under `docs/results/`.

mod proofs;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use self::proofs::{PROOFS, Proof};
use crate::debian::machine;
use crate::postgres::{self, Postgres};
use crate::run::{Steps, describe, succeeded};
use crate::workspace::Workspace;

/// Run long proofs and keep what they print under `docs/results/`, with machine and date.
///
/// Without a name it lists them. Example: `cargo xtask prove latency memory`
#[derive(clap::Args)]
pub(crate) struct Prove {
    /// Which ones
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

/// Set for every proof: tests that know it do the whole amount of work instead of a taste of it.
const PROVE: &str = "BOTWARDEN_PROVE";

/// Where the result of a proof is kept.
enum Page {
    /// In `docs/results/NAME.md`: what it printed, below machine and date.
    Printed,
    /// The program writes this page itself.
    Own(&'static str),
}

impl Prove {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let chosen = self.chosen()?;
        if chosen.is_empty() {
            for Proof { name, claim, .. } in PROOFS {
                println!("{name:<16} {claim}");
            }
            return Ok(());
        }
        let mut steps = Steps::new();
        for proof in chosen {
            prove(workspace, proof, &mut steps)?;
        }
        steps.close();
        Ok(())
    }

    fn chosen(&self) -> anyhow::Result<Vec<&'static Proof>> {
        if self.all {
            return Ok(PROOFS.iter().collect());
        }
        let find = |name: &String| {
            PROOFS
                .iter()
                .find(|proof| proof.name == name)
                .with_context(|| format!("no proof is named `{name}`; `cargo xtask prove` lists them"))
        };
        self.names.iter().map(find).collect()
    }
}

/// Runs one proof and sees to it that its result is kept if it held.
fn prove(workspace: &Workspace, proof: &Proof, steps: &mut Steps) -> anyhow::Result<()> {
    let target = workspace.target("").display().to_string();
    let command = |args: &[&str]| {
        let mut cargo = workspace.cargo([]);
        cargo
            .env(PROVE, "1")
            .args(args.iter().map(|arg| arg.replace("{target}", target.trim_end_matches('/'))));
        cargo
    };
    let postgres = proof.postgres.then(|| Postgres::start(steps)).transpose()?;
    let mut printed = String::new();
    for args in proof.cargo {
        let mut cargo = command(args);
        if let Some(postgres) = &postgres {
            cargo.env(postgres::VARIABLE, postgres.url());
        }
        match proof.page {
            Page::Own(_) => steps.run(proof.name, cargo)?,
            Page::Printed => {
                let line = describe(&cargo);
                printed += &steps.step(proof.name, &line, || show_and_keep(&mut cargo))?;
            }
        }
    }
    let page = match proof.page {
        Page::Own(page) => page.to_owned(),
        Page::Printed => {
            let page = format!("docs/results/{}.md", proof.name);
            fs::write(workspace.path(&page), result(workspace, proof, &printed)?)
                .with_context(|| format!("writing {page}"))?;
            page
        }
    };
    eprintln!("xtask: written: {page}");
    Ok(())
}

/// Runs a program, shows what it prints as it comes, and returns it. An error unless it exits with 0.
fn show_and_keep(command: &mut Command) -> anyhow::Result<String> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting cargo")?;
    let mut printed = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("reading what the proof prints")?;
            println!("{line}");
            printed.push_str(&line);
            printed.push('\n');
        }
        std::io::stdout().flush().context("writing to the terminal")?;
    }
    succeeded(child.wait().context("waiting for the proof")?)?;
    Ok(printed)
}

/// The page of a result.
fn result(workspace: &Workspace, proof: &Proof, printed: &str) -> anyhow::Result<String> {
    let date = first_line(workspace.program("date").args(["-u", "+%Y-%m-%d"]))?;
    let compiler = first_line(workspace.program("rustc").arg("--version"))?;
    let commit = first_line(workspace.program("git").args(["describe", "--always", "--dirty"]))?;
    let Proof { name, claim, .. } = proof;
    Ok(format!(
        "# {name}\n\nClaim: {claim}.\n\n\
         - `cargo xtask prove {name}`, {date}, commit {commit}\n\
         - {}, {compiler}\n\n\
         ```text\n{printed}```\n",
        machine()?
    ))
}

/// The first line a program prints.
fn first_line(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("starting {}", describe(command)))?;
    succeeded(output.status)?;
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("reading what {} prints", describe(command)))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_have_names_of_their_own_and_something_to_run() {
        for (at, proof) in PROOFS.iter().enumerate() {
            assert!(!proof.cargo.is_empty() && !proof.claim.is_empty(), "{}", proof.name);
            assert!(PROOFS.iter().skip(at + 1).all(|other| other.name != proof.name), "{}", proof.name);
        }
    }

    #[test]
    fn what_a_program_prints_is_kept_if_it_succeeds() {
        let mut sh = Command::new("printf");
        sh.arg("a\nb");
        assert_eq!(show_and_keep(&mut sh).unwrap(), "a\nb\n");
        assert!(show_and_keep(&mut Command::new("false")).is_err());
    }
}
