//! `botwarden man`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap_mangen::Man as Page;

use crate::{cli, exit};

/// Print the manual page, or write the pages of all commands into a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden man | man -l -
  botwarden man --dir ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write one page for each command there; pages that are there are replaced
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.dir {
            Some(dir) => write_all(&dir)?,
            None => {
                let mut page = Vec::new();
                Page::new(cli::grammar()).render(&mut page)?;
                exit::print(&String::from_utf8(page)?)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write_all(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("creating `{}`", dir.display()))?;
    clap_mangen::generate_to(cli::grammar(), dir)
        .with_context(|| format!("writing pages to `{}`", dir.display()))?;
    exit::print(&format!("wrote the pages of botwarden(1) to {}\n", dir.display()))
}
