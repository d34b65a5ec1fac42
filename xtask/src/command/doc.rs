//! `cargo xtask doc`: the pages of the code.

use crate::run::Steps;
use crate::workspace::Workspace;

/// Build the documentation of every crate; a broken link is an error.
///
/// Example: `cargo xtask doc --open`
#[derive(clap::Args)]
pub(crate) struct Doc {
    /// Show it in a browser
    #[arg(long)]
    open: bool,
}

impl Doc {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let mut steps = Steps::new();
        let mut cargo = workspace.cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
        cargo.env("RUSTDOCFLAGS", "-D warnings");
        if self.open {
            cargo.arg("--open");
        }
        steps.run("documentation", cargo)?;
        steps.close();
        Ok(())
    }
}
