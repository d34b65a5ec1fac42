//! `botwarden decrypt`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use botwarden_fernet::{Age, Decoding};
use botwarden_types::parse_duration;
use clap::ValueHint::FilePath;
use zeroize::Zeroizing;

use super::input::Input;
use super::output::Output;
use super::{MAX_DEFAULT, chunks, keys, now_s, refused, size};

/// Open a Fernet token, from here or from Python's `cryptography`.
///
/// Nothing is written before a token is known to be right. With --chunked and a pipe, what is written is right but may not be all:
/// wait for exit code 0. Exit code 1: the token was refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden decrypt --key-file fernet.key customers.fernet --output customers.csv
  botwarden decrypt --key-file new.key --key-file old.key --ttl 1h < token
  botwarden decrypt --key-file fernet.key --chunked shop.fernet --output shop.sql")]
pub(crate) struct Decrypt {
    /// What to open [default: standard input]
    #[arg(value_hint = FilePath)]
    file: Option<PathBuf>,
    /// A key, in a file that only its owner may read; all are tried
    #[arg(long = "key-file", value_name = "FILE", value_hint = FilePath, required = true)]
    key_files: Vec<PathBuf>,
    /// Refuse tokens that are older, or from more than a minute in the future: `90s`, `1h`, `30d` [default: any age]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    ttl: Option<Duration>,
    /// Take only the canonical spelling of a token, not all that Python takes
    #[arg(long)]
    strict: bool,
    /// Write the message there, whole or not at all [default: standard output]
    #[arg(long, short, value_name = "FILE", value_hint = FilePath)]
    output: Option<PathBuf>,
    /// The file was made with --chunked
    #[arg(long)]
    chunked: bool,
    /// The most bytes a message may have
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = MAX_DEFAULT)]
    max: usize,
}

impl Decrypt {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let keys = keys::read(&self.key_files)?;
        let decoding = if self.strict { Decoding::Strict } else { Decoding::PyCompat };
        let age = self.ttl.map_or(Age::Any, |ttl| Age::AtMost { ttl_s: ttl.as_secs(), now_s: now_s() });
        let mut input = Input::open(self.file)?;
        let mut output = Output::open(self.output)?;
        if self.chunked {
            chunks::decrypt(&keys, &mut input, &mut output, decoding, age)?;
        } else {
            let text = input.whole(token_len(self.max))?;
            let line = text.strip_suffix(b"\n").unwrap_or(&text);
            let message = keys.decrypt(line, decoding, age).map(Zeroizing::new);
            let message = message.map_err(|_| refused("not a valid token"))?;
            if message.len() > self.max {
                return Err(input.too_large(self.max));
            }
            output.write(&message)?;
        }
        output.close()?;
        Ok(ExitCode::SUCCESS)
    }
}

fn span(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a span of time such as `90s` or `1h`".to_owned())
}

/// Characters of a token of `max` bytes, and some for line breaks.
fn token_len(max: usize) -> usize {
    max.saturating_add(max / 2).saturating_add(256)
}
