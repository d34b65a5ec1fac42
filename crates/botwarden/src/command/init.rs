//! `botwarden init`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::exit::{self, Advice};

/// The starting configuration: every section, what is usual switched on, the rest as comments.
pub(crate) const TEMPLATE: &str = include_str!("init.toml");

/// Write a starting configuration, with a comment on every key.
///
/// An existing file is never touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden init && $EDITOR botwarden.toml && botwarden check")]
pub(crate) struct Init {
    /// The file to write [default: botwarden.toml, or what --config names]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

impl Init {
    pub(crate) fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let file = self.file.unwrap_or(before);
        write_new(&file)?;
        exit::print(&next_steps(&file))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn write_new(file: &Path) -> anyhow::Result<()> {
    let mut written = match OpenOptions::new().write(true).create_new(true).open(file) {
        Ok(written) => written,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mend = "name another file (`botwarden init FILE`), or move that one away";
            return Err(Advice::new(
                format!("`{}` is there already and was left as it is", file.display()),
                mend,
            )
            .into());
        }
        Err(error) => return Err(error).with_context(|| format!("creating `{}`", file.display())),
    };
    let done = written.write_all(TEMPLATE.as_bytes()).and_then(|()| written.sync_all());
    done.with_context(|| format!("writing `{}`", file.display()))
}

/// What to do next, with commands that can be copied.
fn next_steps(file: &Path) -> String {
    let config = match file.to_str() {
        Some(crate::cli::CONFIG_FILE) => String::new(),
        _ => format!(" --config {}", file.display()),
    };
    format!(
        "\
wrote {}

Next:
  1. Fill in your bot, give its provider's key in the environment, and have it checked:
       export OPENAI_API_KEY=…
       botwarden check{config}
  2. Start the gateway:
       botwarden serve{config}
  3. In another terminal, issue a key, and let your bot's SDK use it at http://127.0.0.1:4000/v1:
       botwarden key issue --bot shop --right chat --right assert-user{config}
",
        file.display()
    )
}
