//! `botwarden audit export`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_audit::Entries;
use botwarden_audit::export::{Recorded, cef, json_line, ocsf};

use super::Which;
use crate::exit;

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// JSON Lines: index, hash and the entry itself
    Jsonl,
    /// OCSF 1.9 events
    Ocsf,
    /// Common Event Format
    Cef,
}

impl Form {
    /// The line of an entry, its end included.
    pub(super) fn line(self, recorded: &Recorded<'_>) -> String {
        let line = match self {
            Self::Jsonl => json_line(recorded),
            Self::Ocsf => ocsf(recorded),
            Self::Cef => cef(recorded),
        };
        line + "\n"
    }
}

/// Print entries for other systems, one a line. A copy for searching: what proves anything is the log.
///
/// Entries are there a second after they were written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden audit export > audit.jsonl
  botwarden audit export --form ocsf --from 100000 | siem-import")]
pub(crate) struct Export {
    /// What a line looks like
    #[arg(long, value_enum, default_value_t = Form::Jsonl)]
    form: Form,
    /// The first entry
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
    /// The entry after the last [default: all]
    #[arg(long, value_name = "INDEX")]
    to: Option<u64>,
    #[command(flatten)]
    which: Which,
}

impl Export {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let (files, key) = self.which.open(before).await?;
        let mut entries = Entries::from(&files, &key, self.from)?;
        while let Some((index, bytes)) = entries.read_next()? {
            if self.to.is_some_and(|to| index >= to) {
                break;
            }
            exit::print(&self.form.line(&Recorded::read(key.name(), index, bytes)?))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
