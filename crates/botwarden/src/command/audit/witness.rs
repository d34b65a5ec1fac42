//! `botwarden audit witness`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use botwarden_audit::SignedCheckpoint;
use botwarden_store::DataDir;
use botwarden_types::SystemClock;
use serde_json::json;

use super::own_key;
use crate::cli::{ConfigFile, Format};
use crate::config::Config;
use crate::exit::{self, Advice};
use crate::text::Table;
use crate::witness::{Outcome, Watchers};

/// Have the log's newest checkpoint cosigned by witnesses and sent elsewhere, now.
///
/// One round, as a running server makes by itself every `[audit] interval`; it may run meanwhile. Each `[[audit.witness]]` cosigns only if the log
/// goes on from what it saw last, and what it cosigns is kept beside the log, where `audit verify` counts it; each `[[audit.send]]` is sent the
/// checkpoint. Prints what each answered. Exit codes: 0 all did and the quorum is met; 1 ALARM: a witness saw another history, or a longer
/// one; 3 somebody could not be asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden audit witness
  botwarden audit witness --format json | jq '.destinations[] | select(.error)'")]
pub(crate) struct Witness {
    /// How the answers are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

impl Witness {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let config = Config::load(&self.config.or(before))?;
        if config.audit.is_empty() {
            let mend = "name some in the configuration, under `[[audit.witness]]` and `[[audit.send]]`";
            return Err(Advice::new("nobody is to keep watch over the audit log", mend).into());
        }
        let key = own_key(&config).await?;
        let dir = DataDir::existing(&config.data_dir)?;
        let watchers = Watchers::new(&config.audit, dir.audit(), key, Arc::new(SystemClock))?;
        let round = watchers.round(|_, _| true);
        let (checkpoint, outcomes) = exit::patiently("asking everybody …", round).await?;
        if outcomes.is_empty() {
            return Err(Advice::new("the audit log is empty", "start the server once").into());
        }
        let cosigned = outcomes.iter().filter(|it| it.kind == "witness" && it.result.is_ok()).count();
        let quorum = Quorum { cosigned, demanded: watchers.quorum };
        match self.format {
            Format::Table => exit::print(&table(&outcomes))?,
            Format::Json => exit::print(&json(&checkpoint, quorum, &outcomes))?,
        }
        Ok(ExitCode::from(verdict(quorum, &outcomes)))
    }
}

/// How many witnesses cosigned, and have to.
#[derive(Clone, Copy)]
struct Quorum {
    cosigned: usize,
    demanded: usize,
}

impl Quorum {
    fn is_met(self) -> bool {
        self.cosigned >= self.demanded
    }
}

fn verdict(quorum: Quorum, outcomes: &[Outcome]) -> u8 {
    let mut missing = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err()).peekable();
    let any = missing.peek().is_some();
    if missing.any(|missing| missing.is_alarm) {
        exit::note("ALARM: the audit log is not what was seen of it before");
        return exit::FINDINGS;
    }
    if !quorum.is_met() {
        exit::note(&format!(
            "{} of the {} witnesses that are demanded cosigned",
            quorum.cosigned, quorum.demanded
        ));
    }
    if any || !quorum.is_met() { exit::CANNOT } else { exit::FINE }
}

fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new(["DESTINATION", "KIND", "ENTRIES", "ANSWER"]);
    for Outcome { name, kind, result } in outcomes {
        let (size, answer) = match result {
            Ok(arrived) => {
                let verb = if *kind == "witness" { "cosigned" } else { "sent" };
                (arrived.size.to_string(), format!("{verb} {}", arrived.at.rfc3339()))
            }
            Err(missing) if missing.is_alarm => ("-".to_owned(), format!("ALARM: {}", missing.why)),
            Err(missing) => ("-".to_owned(), format!("failed: {}", missing.why)),
        };
        table.row([name.clone(), (*kind).to_owned(), size, answer]);
    }
    table.to_text()
}

fn json(checkpoint: &SignedCheckpoint, quorum: Quorum, outcomes: &[Outcome]) -> String {
    let destinations = outcomes.iter().map(|Outcome { name, kind, result }| {
        let (arrived, missing) = (result.as_ref().ok(), result.as_ref().err());
        json!({
            "name": name,
            "kind": kind,
            "entries": arrived.map(|it| it.size),
            "at": arrived.map(|it| it.at.rfc3339()),
            "error": missing.map(|it| &it.why),
            "alarm": missing.is_some_and(|it| it.is_alarm),
        })
    });
    let report = json!({
        "origin": checkpoint.checkpoint().origin,
        "entries": checkpoint.size(),
        "root": checkpoint.root().to_string(),
        "cosigned": quorum.cosigned,
        "quorum": quorum.demanded,
        "quorum_met": quorum.is_met(),
        "destinations": destinations.collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}
