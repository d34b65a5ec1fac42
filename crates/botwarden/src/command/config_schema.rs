//! `botwarden config schema`.

use std::process::ExitCode;

use crate::{config, exit};

/// Print the JSON Schema of the configuration file.
///
/// Editors with a TOML language server complete and check by it: put `#:schema ./botwarden.schema.json` on the file's first line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden config schema > botwarden.schema.json")]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        exit::print(&format!("{:#}\n", config::schema()))?;
        Ok(ExitCode::SUCCESS)
    }
}
