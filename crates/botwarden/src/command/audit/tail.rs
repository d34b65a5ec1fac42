//! `botwarden audit tail`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use botwarden_audit::Entries;
use botwarden_audit::export::Recorded;

use super::Which;
use super::export::Form;
use crate::exit;

/// How often more is looked for: the log is published every second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Print the last entries, and with `--follow` those that come.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: botwarden audit tail --follow")]
pub(crate) struct Tail {
    /// How many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    lines: u64,
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// What a line looks like
    #[arg(long, value_enum, default_value_t = Form::Jsonl)]
    form: Form,
    #[command(flatten)]
    which: Which,
}

impl Tail {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let (files, key) = self.which.open(before).await?;
        let size = Entries::from(&files, &key, 0)?.size();
        let mut entries = Entries::from(&files, &key, size.saturating_sub(self.lines))?;
        loop {
            while let Some((index, bytes)) = entries.read_next()? {
                exit::print(&self.form.line(&Recorded::read(key.name(), index, bytes)?))?;
            }
            if !self.follow {
                return Ok(ExitCode::SUCCESS);
            }
            tokio::time::sleep(LOOK_EVERY).await;
            entries.refresh()?;
        }
    }
}
