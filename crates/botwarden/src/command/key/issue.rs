//! `botwarden key issue`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use botwarden_identity::keys::{self, IssueError, NewKey};
use botwarden_identity::{KeyRecord, Right, Rights};
use botwarden_types::{BotName, Clock, SystemClock, UnixMs, parse_duration};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{InForce, Keys};
use crate::accountable;
use crate::cli::ConfigFile;
use crate::config::{Config, nearest, one_of};
use crate::exit::{self, Advice};
use crate::state::State;

/// Issue a key for a bot and print it, once.
///
/// The key alone goes to standard output, so that it can be piped to where secrets are kept; what it may do goes to standard
/// error. Botwarden keeps only a keyed hash of it. Rights: `chat` (use the model endpoints as itself), `assert-user` (name a user
/// with each request), `session` (open users' sessions), `approve` and `data` (decide and export for them). A key with
/// `chat` or `assert-user` cannot have `approve` or `data`: a hijacked bot would decide about itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden key issue --bot shop                                    for the application's backend
  botwarden key issue --bot shop --right chat --right assert-user   for an SDK that names its users
  botwarden key issue --bot shop --expires 30d --label 'staging, rotate monthly'")]
pub(crate) struct Issue {
    /// The bot it belongs to, by its name in the configuration
    #[arg(long, value_name = "NAME")]
    bot: String,
    /// What it may do; may be given several times [default: session, approve, data]
    #[arg(long = "right", value_name = "RIGHT", value_parser = right())]
    rights: Vec<Right>,
    /// After which span it is refused: `12h`, `30d` [default: never]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    expires: Option<Duration>,
    /// Your own words for it, shown by `key list`
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

impl Issue {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let file = self.config.or(before);
        let rights = rights(self.rights)?;
        let config = Config::load(&file)?;
        let bot = bot(&config, &file, &self.bot)?;
        let keys = Keys::open(State::open(&config).await?).await?;
        accountable::record(&keys.state.dir, &keys.keyring, "key.issue", bot.as_str()).await?;
        let now = SystemClock.now().wall;
        let expires = self.expires.map(|span| now.after(span));
        let new = NewKey { bot, rights, label: self.label, expires };
        let (key, record) =
            keys::issue(&*keys.store.keys(), &keys.pepper, new, now).await.map_err(refused)?;
        exit::print(&format!("{}\n", key.expose())).map_err(|error| unprinted(&error, &record))?;
        exit::note(&summary(&record));
        let (in_force, words) = keys.announce().await;
        if in_force == InForce::Unknown {
            exit::note(&words);
        }
        keys.store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

fn right() -> impl TypedValueParser<Value = Right> {
    PossibleValuesParser::new(Right::ALL.map(Right::as_str)).try_map(|text| text.parse::<Right>())
}

fn span(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a span of time such as `12h` or `30d`".to_owned())
}

fn rights(chosen: Vec<Right>) -> anyhow::Result<Rights> {
    if chosen.is_empty() {
        return Ok(Rights::backend());
    }
    let mend = "issue one key for the bot (`--right chat --right assert-user`) and one for its backend (no `--right`)";
    Rights::new(chosen).map_err(|error| Advice::usage(error.to_string(), mend).into())
}

fn bot(config: &Config, file: &Path, name: &str) -> anyhow::Result<BotName> {
    if let Some(bot) = config.bot(name) {
        return Ok(bot.name.clone());
    }
    let names: Vec<&str> = config.bots.iter().map(|bot| bot.name.as_str()).collect();
    let mend = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("name {}", one_of(names)),
    };
    Err(Advice::new(format!("no bot is named `{name}` in `{}`", file.display()), mend).into())
}

fn refused(error: IssueError) -> anyhow::Error {
    match error {
        IssueError::ExpiresInThePast | IssueError::Label => {
            Advice::usage(error.to_string(), "see `botwarden key issue --help`").into()
        }
        IssueError::TooMany | IssueError::Randomness(_) | IssueError::Store(_) => {
            anyhow::Error::new(error).context("no key was issued")
        }
    }
}

/// The key exists and nobody has it.
fn unprinted(error: &anyhow::Error, record: &KeyRecord) -> anyhow::Error {
    let mend = format!("revoke it: botwarden key revoke {}", record.id);
    Advice::new(format!("a key was issued but could not be printed ({error:#}); nobody has it"), mend).into()
}

fn summary(record: &KeyRecord) -> String {
    let expires =
        record.expires.map_or("does not expire".to_owned(), |at: UnixMs| format!("expires {}", at.rfc3339()));
    format!(
        "{} of bot {}; may: {}; {expires}\nkeep it where your application finds its secrets: it is not shown again",
        record.id, record.bot, record.rights
    )
}
