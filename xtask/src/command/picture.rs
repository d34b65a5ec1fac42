//! `cargo xtask picture`: what the README shows.

use crate::run::Steps;
use crate::workspace::Workspace;

/// Where the README looks for it.
const PICTURE: &str = "docs/demo.svg";

/// Run the demo and draw what it showed into `docs/demo.svg`.
///
/// Example: `cargo xtask picture`
#[derive(clap::Args)]
pub(crate) struct Picture {}

impl Picture {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let mut steps = Steps::new();
        let mut demo =
            workspace.cargo(["run", "--release", "--package", "botwarden", "--", "demo", "--once"]);
        demo.args(["--picture", PICTURE]);
        steps.run("picture", demo)?;
        steps.close();
        Ok(())
    }
}
