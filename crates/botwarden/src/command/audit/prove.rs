//! `botwarden audit prove`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use botwarden_audit::prove;
use clap::ValueHint;

use super::Which;
use crate::exit;

/// Write one file that proves one entry: the entry, the path from it to the root, and the signed checkpoint.
///
/// Whoever has the log's public key can check it with `audit verify --proof`, without the log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden audit prove 4711 --out entry-4711.proof")]
pub(crate) struct Prove {
    /// The entry's index, as `audit export` and `audit tail` show it
    #[arg(value_name = "INDEX")]
    index: u64,
    /// Where the proof is written [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
}

impl Prove {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let (files, key) = self.which.open(before).await?;
        let proven = prove(&files, &key, self.index).context("proving the entry")?;
        let mut proof = proven.proof;
        proof.extra = Some(proven.entry);
        match &self.out {
            Some(path) => std::fs::write(path, proof.to_string())
                .with_context(|| format!("writing `{}`", path.display()))?,
            None => exit::print(&proof.to_string())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
