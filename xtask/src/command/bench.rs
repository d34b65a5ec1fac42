//! `cargo xtask bench`: how fast single functions are. Load on the whole program is a proof (`cargo xtask prove`).

use crate::run::Steps;
use crate::workspace::Workspace;

/// Measure functions with the benches of the crates.
///
/// Example: `cargo xtask bench --package botwarden-limit decide`
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Only the benches of this crate
    #[arg(short, long, value_name = "CRATE")]
    package: Option<String>,
    /// Only benches whose name contains this
    filter: Option<String>,
}

impl Bench {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let mut steps = Steps::new();
        let mut cargo = workspace.cargo(["bench", "--benches"]);
        match &self.package {
            Some(package) => cargo.args(["--package", package]),
            None => cargo.arg("--workspace"),
        };
        cargo.args(self.filter.as_slice());
        steps.run("benches", cargo)?;
        steps.close();
        Ok(())
    }
}
