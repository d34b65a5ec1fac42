//! `cargo xtask fuzz`: throw bytes at one parser.

use crate::run::{Steps, works};
use crate::workspace::Workspace;

/// Throw bytes at one parser until the time is over or it crashes.
///
/// Runs on stable Rust, without a sanitizer: the code under test is safe Rust, and its own assertions are the oracle.
/// Example: `cargo xtask fuzz openai_request --seconds 600`
#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// The target; without one, the targets are listed
    target: Option<String>,
    /// How long
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
            None => steps.run("targets", workspace.cargo(["fuzz", "list"]))?,
            Some(target) => {
                let mut cargo = workspace.cargo(["fuzz", "run", "--sanitizer", "none"]);
                cargo.arg(target).arg("--").arg(format!("-max_total_time={}", self.seconds));
                steps.run(target, cargo)?;
            }
        }
        steps.close();
        Ok(())
    }
}
