//! `botwarden audit verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use botwarden_audit::{ProofFile, Report, verify};
use clap::ValueHint;
use serde::Serialize;

use super::Which;
use crate::cli::Format;
use crate::exit::{self, Advice};

/// Check that the log is as it was written, offline, from its files and the public key.
///
/// Every entry is hashed from its bytes, every tile, every signed checkpoint in the journal and the published one are compared, and content
/// that is missing needs an erasure that names it. With `--checkpoint` the log must also go on from a checkpoint that you kept: that is
/// what notices a log that was rewritten as a whole by whoever holds its key. Exit codes: 0 good, 1 tampered, 3 cannot tell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden audit verify
  botwarden audit verify --log copy/audit --key audit.key --checkpoint kept-in-march
  botwarden audit verify --proof entry-4711.proof --key audit.key")]
pub(crate) struct Verify {
    /// A checkpoint that was kept from before: a copy of the file `checkpoint`; may be given several times
    #[arg(long = "checkpoint", value_name = "FILE", value_hint = ValueHint::FilePath)]
    checkpoints: Vec<PathBuf>,
    /// Check this proof of one entry instead, and print the entry
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["checkpoints", "log"])]
    proof: Option<PathBuf>,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    which: Which,
}

impl Verify {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let mut kept = Vec::new();
        for path in &self.checkpoints {
            kept.push(std::fs::read(path).with_context(|| format!("reading `{}`", path.display()))?);
        }
        let (files, key) = self.which.open(before).await?;
        if let Some(path) = &self.proof {
            let text = std::fs::read(path).with_context(|| format!("reading `{}`", path.display()))?;
            return proven(&text, &key);
        }
        let checking = tokio::task::spawn_blocking(move || {
            let kept: Vec<&[u8]> = kept.iter().map(Vec::as_slice).collect();
            verify(&files, &key, &kept)
        });
        let report = exit::patiently("checking every entry …", checking).await.context("checking the log")?;
        match self.format {
            Format::Table => exit::print(&report.to_string())?,
            Format::Json => exit::print(&json(&report)?)?,
        }
        Ok(ExitCode::from(report.verdict.exit_code()))
    }
}

/// Checks a proof that holds its entry; prints the entry.
fn proven(text: &[u8], key: &botwarden_audit::NoteKey) -> anyhow::Result<ExitCode> {
    let proof = ProofFile::parse(text)?;
    let Some(entry) = &proof.extra else {
        return Err(Advice::new("the proof holds no entry", "make it with `botwarden audit prove`").into());
    };
    match proof.check(entry, key) {
        Ok(checkpoint) => {
            exit::print(&format!("{}\n", String::from_utf8_lossy(entry)))?;
            exit::note(&format!(
                "good: entry {} of the log `{}`, by its signed checkpoint of {} entries",
                proof.index,
                key.name(),
                checkpoint.size()
            ));
            Ok(ExitCode::from(exit::FINE))
        }
        Err(error) => {
            exit::note(&format!("TAMPERED: {error}"));
            Ok(ExitCode::from(exit::FINDINGS))
        }
    }
}

/// A report as programs read it.
#[derive(Serialize)]
struct JsonReport {
    verdict: &'static str,
    wrong: Option<&'static str>,
    from: Option<u64>,
    to: Option<u64>,
    file: Option<String>,
    reason: Option<String>,
    entries: u64,
    root: String,
    tiles: u64,
    checkpoints: u64,
    contents: u64,
    erased: u64,
    unreadable: u64,
    torn_bytes: u64,
}

fn json(report: &Report) -> anyhow::Result<String> {
    let finding = report.finding.as_ref();
    let verdict = match report.verdict.exit_code() {
        exit::FINE => "good",
        exit::FINDINGS => "tampered",
        _ => "cannot tell",
    };
    let report = JsonReport {
        verdict,
        wrong: finding.map(|finding| finding.wrong.as_str()),
        from: finding.map(|finding| finding.from),
        to: finding.and_then(|finding| finding.to),
        file: finding.map(|finding| finding.file.clone()),
        reason: report.reason.clone(),
        entries: report.entries,
        root: report.root.to_string(),
        tiles: report.tiles,
        checkpoints: report.checkpoints,
        contents: report.contents,
        erased: report.erased,
        unreadable: report.unreadable,
        torn_bytes: report.torn_bytes,
    };
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}
