//! `cargo xtask check`: what a reader should not have to look for.

use crate::run::{Steps, works};
use crate::workspace::Workspace;

/// Check format, lints, and the licences and sources of dependencies.
///
/// Example: `cargo xtask check --offline`
#[derive(clap::Args)]
pub(crate) struct Check {
    /// Leave out the advisories, the one check that needs the network
    #[arg(long)]
    offline: bool,
}

impl Check {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let mut steps = Steps::new();
        steps.run("format", workspace.cargo(["fmt", "--all", "--check"]))?;
        steps.run(
            "lints",
            workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        )?;
        if works(workspace.cargo(["deny", "--version"])) {
            steps.run("dependencies", workspace.cargo(["deny", "check", "licenses", "bans", "sources"]))?;
            self.advisories(workspace, &mut steps)?;
        } else {
            let mend = "`cargo install cargo-deny --locked`";
            eprintln!("\nxtask: dependencies: not checked, cargo-deny is missing: {mend}");
        }
        steps.close();
        Ok(())
    }

    /// A failure where the database cannot be fetched, too: not knowing is not passing.
    fn advisories(&self, workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
        if self.offline {
            eprintln!("\nxtask: advisories: not checked (--offline)");
            return Ok(());
        }
        steps.run("advisories", workspace.cargo(["deny", "check", "advisories"]))
    }
}
