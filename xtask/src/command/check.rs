//! `cargo xtask check`: what a reader should not have to look for.

use crate::run::{Steps, works};
use crate::workspace::Workspace;

/// Check format, lints, and the licences and sources of dependencies.
///
/// Example: `cargo xtask check`
#[derive(clap::Args)]
pub(crate) struct Check {}

impl Check {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let mut steps = Steps::new();
        steps.run("format", workspace.cargo(["fmt", "--all", "--check"]))?;
        steps.run(
            "lints",
            workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        )?;
        if works(workspace.cargo(["deny", "--version"])) {
            // One cargo-deny call a concern, so that a missing network fails the advisories and nothing else.
            steps.run("dependencies", workspace.cargo(["deny", "check", "licenses", "bans", "sources"]))?;
            steps.run("advisories", workspace.cargo(["deny", "check", "advisories"]))?;
        } else {
            eprintln!(
                "\nxtask: dependencies: not checked, cargo-deny is missing: `cargo install cargo-deny --locked`"
            );
        }
        steps.close();
        Ok(())
    }
}
