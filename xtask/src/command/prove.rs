//! `cargo xtask prove`: what takes too long for every change, with its printed result kept under `docs/results/`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::debian::machine;
use crate::run::{Steps, describe, succeeded};
use crate::workspace::Workspace;

/// A claim and the program that shows it: exits with 0 only where the claim holds, and prints figures.
struct Proof {
    name: &'static str,
    claim: &'static str,
    cargo: &'static [&'static str],
}

const PROOFS: &[Proof] = &[];

/// Run long proofs and write what they print to `docs/results/NAME.md`, with machine and date.
///
/// Without a name it lists them. Example: `cargo xtask prove limit-exact`
#[derive(clap::Args)]
pub(crate) struct Prove {
    /// Which ones
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

impl Prove {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let chosen = self.chosen()?;
        if chosen.is_empty() {
            for Proof { name, claim, .. } in PROOFS {
                println!("{name:<24} {claim}");
            }
            return Ok(());
        }
        let mut steps = Steps::new();
        for proof in chosen {
            let cargo = workspace.cargo(proof.cargo.iter().copied());
            steps.step(proof.name, &describe(&cargo), || prove(workspace, proof, cargo))?;
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

/// Runs one proof, showing its output as it comes, and keeps it if the proof held.
fn prove(workspace: &Workspace, proof: &Proof, mut cargo: Command) -> anyhow::Result<()> {
    let line = describe(&cargo);
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("starting cargo")?;
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
    let page = format!(
        "# {}\n\n{}\n\n- date: {}\n- machine: {}\n- compiler: {}\n- commit: {}\n- command: `cargo xtask prove {}`, which runs `{line}`\n\n```text\n{printed}```\n",
        proof.name,
        proof.claim,
        first_line(workspace.program("date").args(["-u", "+%Y-%m-%d"]))?,
        machine()?,
        first_line(workspace.program("rustc").arg("--version"))?,
        first_line(workspace.program("git").args(["describe", "--always", "--dirty"]))?,
        proof.name,
    );
    let file = workspace.path("docs/results").join(format!("{}.md", proof.name));
    fs::write(&file, page).context("writing the result")?;
    eprintln!("xtask: written: docs/results/{}.md", proof.name);
    Ok(())
}

/// The first line a program prints.
fn first_line(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("starting {}", describe(command)))?;
    succeeded(output.status)?;
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("reading what {} prints", describe(command)))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
