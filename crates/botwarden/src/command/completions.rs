//! `botwarden completions`.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::{cli, exit};

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden completions bash > ~/.local/share/bash-completion/completions/botwarden
  botwarden completions zsh > ~/.zfunc/_botwarden
  botwarden completions fish > ~/.config/fish/completions/botwarden.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut cli::grammar(), "botwarden", &mut script);
        exit::print(&String::from_utf8(script)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
