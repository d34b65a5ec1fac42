//! `botwarden encrypt`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueHint::FilePath;

use super::input::Input;
use super::output::Output;
use super::{MAX_DEFAULT, chunks, keys, now_s, size};
use crate::exit;

/// Seal a file or a pipe as a Fernet token, which Python's `cryptography` reads too.
///
/// The token tells everybody when it was made and about how long the message is. Keys are read from files, never from the command line.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden encrypt --new-key fernet.key
  botwarden encrypt --key-file fernet.key customers.csv --output customers.fernet
  pg_dump shop | botwarden encrypt --key-file fernet.key --chunked > shop.fernet")]
pub(crate) struct Encrypt {
    /// What to seal [default: standard input]
    #[arg(value_hint = FilePath, conflicts_with = "new_key")]
    file: Option<PathBuf>,
    /// The key, in a file that only its owner may read; of several the first seals
    #[arg(long = "key-file", value_name = "FILE", value_hint = FilePath, required_unless_present = "new_key")]
    key_files: Vec<PathBuf>,
    /// Make a key and write it there; a file that is there is never touched
    #[arg(long, value_name = "FILE", value_hint = FilePath, conflicts_with_all = ["key_files", "output", "chunked"])]
    new_key: Option<PathBuf>,
    /// Write the token there, whole or not at all [default: standard output]
    #[arg(long, short, value_name = "FILE", value_hint = FilePath)]
    output: Option<PathBuf>,
    /// Write one token a line for each MiB, which takes little memory whatever the size
    #[arg(long)]
    chunked: bool,
    /// The most bytes one token may hold
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = MAX_DEFAULT)]
    max: usize,
}

impl Encrypt {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(path) = self.new_key {
            keys::create(&path)?;
            exit::note(&format!("wrote a new key to {}", path.display()));
            return Ok(ExitCode::SUCCESS);
        }
        let keys = keys::read(&self.key_files)?;
        let mut input = Input::open(self.file)?;
        let mut output = Output::open(self.output)?;
        if self.chunked {
            chunks::encrypt(&keys, &mut input, &mut output, now_s())?;
        } else {
            let message = input.whole(self.max)?;
            let mut token = keys.encrypt(&message, now_s()).context("sealing")?;
            token.push('\n');
            output.write(token.as_bytes())?;
        }
        output.close()?;
        Ok(ExitCode::SUCCESS)
    }
}
