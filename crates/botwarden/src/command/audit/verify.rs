//! `botwarden audit verify`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use botwarden_audit::{Note, NoteError, NoteKey, ProofFile, Quorum, Report, cosigned_at, verify_witnessed};
use botwarden_reach::WitnessConfig;
use botwarden_types::UnixMs;
use clap::ValueHint;
use serde::Serialize;

use super::Which;
use crate::cli::Format;
use crate::exit::{self, Advice};

/// Check that the log is as it was written, offline, from its files and the public key.
///
/// Every entry is hashed from its bytes, every tile, every signed checkpoint in the journal and the published one are compared, and content
/// that is missing needs an erasure that names it. The log must also go on from what witnesses cosigned, as far as that lies beside it, and with
/// `--checkpoint` from a checkpoint that you kept: that is what notices a log that was rewritten as a whole, or cut, by whoever holds its
/// key. With `--quorum` that many witnesses have to have cosigned it. Exit codes: 0 good, 1 tampered, 3 cannot tell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden audit verify
  botwarden audit verify --log copy/audit --key audit.key --checkpoint kept-in-march
  botwarden audit verify --log copy/audit --key audit.key --witness witnesses.keys --quorum 2
  botwarden audit verify --proof entry-4711.proof --key audit.key")]
pub(crate) struct Verify {
    /// A checkpoint that was kept from before: a copy of the file `checkpoint`; may be given several times
    #[arg(long = "checkpoint", value_name = "FILE", value_hint = ValueHint::FilePath)]
    checkpoints: Vec<PathBuf>,
    /// A witness's public key, or a file with one a line; may be given several times [default: those of the configuration]
    #[arg(long = "witness", value_name = "KEY")]
    witnesses: Vec<String>,
    /// How many of the witnesses have to have cosigned [default: none has to]
    #[arg(long, value_name = "COUNT")]
    quorum: Option<usize>,
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
        let given = given_witnesses(&self.witnesses)?;
        let (files, key, configured) = self.which.open_with_witnesses(before).await?;
        let quorum = quorum(if given.is_empty() { configured } else { given }, self.quorum)?;
        if let Some(path) = &self.proof {
            let text = std::fs::read(path).with_context(|| format!("reading `{}`", path.display()))?;
            return proven(&text, &key, &quorum);
        }
        let asked = quorum.clone();
        let checking = tokio::task::spawn_blocking(move || {
            let kept: Vec<&[u8]> = kept.iter().map(Vec::as_slice).collect();
            verify_witnessed(&files, &key, &kept, &asked)
        });
        let report = exit::patiently("checking every entry …", checking).await.context("checking the log")?;
        match self.format {
            Format::Table => exit::print(&(report.to_string() + &silent(&report, &quorum)))?,
            Format::Json => exit::print(&json(&report)?)?,
        }
        Ok(ExitCode::from(report.verdict.exit_code()))
    }
}

/// The keys of `--witness`.
fn given_witnesses(given: &[String]) -> anyhow::Result<Vec<NoteKey>> {
    let mut keys = Vec::new();
    for text in given {
        let text = if text.contains('+') {
            text.clone()
        } else {
            std::fs::read_to_string(text)
                .with_context(|| format!("reading the witnesses' keys in `{text}`"))?
        };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let key = WitnessConfig::parse_key(line).map_err(|invalid| {
                let mend = format!("give {}", invalid.expected);
                Advice::usage(format!("{} is no witness's key", invalid.found), mend)
            })?;
            keys.push(key);
        }
    }
    Ok(keys)
}

/// Whose cosignatures count, and how many have to be there. Several keys of one name are one witness.
fn quorum(witnesses: Vec<NoteKey>, demanded: Option<usize>) -> anyhow::Result<Quorum> {
    let names: BTreeSet<&str> = witnesses.iter().map(NoteKey::name).collect();
    let (demanded, there) = (demanded.unwrap_or(0), names.len());
    if demanded <= there {
        return Ok(Quorum { witnesses, demanded });
    }
    let mend = "name their keys with `--witness`, or `[[audit.witness]]` in the configuration";
    Err(Advice::usage(format!("{demanded} witnesses cannot cosign: {there} are named"), mend).into())
}

/// Witnesses of whom nothing is known here.
fn silent(report: &Report, quorum: &Quorum) -> String {
    let known = |name: &str| report.witnesses.iter().any(|it| it.name == name);
    let names: BTreeSet<&str> = quorum.witnesses.iter().map(NoteKey::name).collect();
    names.iter().filter(|name| !known(name)).map(|name| format!("witness      {name}: nothing\n")).collect()
}

/// Checks a proof that holds its entry; prints the entry.
fn proven(text: &[u8], key: &NoteKey, quorum: &Quorum) -> anyhow::Result<ExitCode> {
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
            cosigned(&proof, quorum)
        }
        Err(error) => {
            exit::note(&format!("TAMPERED: {error}"));
            Ok(ExitCode::from(exit::FINDINGS))
        }
    }
}

/// Says who cosigned the checkpoint of a proof, and whether that is enough.
fn cosigned(proof: &ProofFile, quorum: &Quorum) -> anyhow::Result<ExitCode> {
    let note = Note::parse(proof.checkpoint.as_bytes())?;
    let mut names = BTreeSet::new();
    for witness in &quorum.witnesses {
        match cosigned_at(&note, witness) {
            Ok(at) => {
                let at = UnixMs(at.saturating_mul(1000)).rfc3339();
                exit::note(&format!("cosigned by {} at {at}", witness.name()));
                names.insert(witness.name());
            }
            Err(NoteError::Unsigned) => {}
            Err(error) => {
                exit::note(&format!("TAMPERED: the cosignature of {}: {error}", witness.name()));
                return Ok(ExitCode::from(exit::FINDINGS));
            }
        }
    }
    if names.len() >= quorum.demanded {
        return Ok(ExitCode::from(exit::FINE));
    }
    let (have, demanded) = (names.len(), quorum.demanded);
    exit::note(&format!("cannot tell: {have} of the {demanded} witnesses that are demanded cosigned it"));
    Ok(ExitCode::from(exit::CANNOT))
}

/// A witness as programs read it.
#[derive(Serialize)]
struct JsonWitness {
    name: String,
    entries: u64,
    at: String,
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
    witnesses: Vec<JsonWitness>,
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
        witnesses: report
            .witnesses
            .iter()
            .map(|it| JsonWitness { name: it.name.clone(), entries: it.size, at: it.at.rfc3339() })
            .collect(),
    };
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}
