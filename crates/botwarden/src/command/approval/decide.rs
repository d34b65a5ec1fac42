//! `botwarden approval decide`.

use std::path::PathBuf;
use std::process::ExitCode;

use botwarden_policy::approval::{Answer, Answered, Decision, Endorse, Given, Person, State as Standing};
use botwarden_types::{Clock, SystemClock};

use super::{Opened, id, none};
use crate::accountable;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::exit::{self, Advice};
use crate::state::State;

/// Answer a call that waits for an operator.
///
/// Works while the server runs, and on any node: it is in force when the command returns. A denial is taken whoever else may answer,
/// and a call that was approved can be denied until it is used.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  botwarden approval decide apr_2vq8m1x7c4rj6k3np5t8w9yz2a approve
  botwarden approval decide apr_2vq8m1x7c4rj6k3np5t8w9yz2a approve --endorse known   this payee, for good
  botwarden approval decide apr_2vq8m1x7c4rj6k3np5t8w9yz2a deny")]
pub(crate) struct Decide {
    /// The approval's id, as `approval list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Yes or no
    #[arg(value_enum)]
    decision: Word,
    /// How far a yes goes: for this call, or its parties are known for this person and tool from now on
    #[arg(long, value_enum, default_value_t = Reach::Once)]
    endorse: Reach,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    /// It may go on, once
    Approve,
    /// It may not
    Deny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Reach {
    /// For this call alone
    Once,
    /// Parties of this call are known from now on
    Known,
}

impl Decide {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        let id = id(&self.id)?;
        let config = Config::load(&self.config.or(before))?;
        let opened = Opened::open(State::existing(&config).await?).await?;
        let (decision, action) = match (self.decision, self.endorse) {
            (Word::Approve, Reach::Once) => (Decision::Approve, "approval.approve"),
            (Word::Approve, Reach::Known) => (Decision::Approve, "approval.approve-known"),
            (Word::Deny, _) => (Decision::Deny, "approval.deny"),
        };
        let noted = accountable::record(&opened.state.dir, &opened.keyring, action, id.as_str()).await;
        match noted {
            // It takes away: done whether it can be written down or not.
            Err(error) if decision == Decision::Deny => {
                exit::note(&format!("not in the audit log: {error:#}"));
            }
            noted => noted?,
        }
        let endorse = if self.endorse == Reach::Known { Endorse::Known } else { Endorse::Once };
        let by = Person::Operator(accountable::operator());
        let given = Given { by, at: SystemClock.now().wall, decision, endorse };
        let answer = Answer { id: id.clone(), session: None, given };
        let answered = opened.store.approvals().answer(&answer).await;
        opened.close().await;
        let words = match answered? {
            Answered::Taken(Standing::Pending) => "approved by one; another person has to agree",
            Answered::Taken(Standing::Denied) => "denied",
            Answered::Taken(_) => "approved; it can be used once",
            Answered::NotFound => return Err(none(&id).into()),
            refused => return Err(refuse(refused).into()),
        };
        exit::print(&format!("{id} was {words}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn refuse(answered: Answered) -> Advice {
    match answered {
        Answered::Over(state) => Advice::new(
            format!("it waits for no answer: it is {}", state.as_str()),
            "`botwarden approval list` shows what waits",
        ),
        Answered::NotTheirs => Advice::new(
            "the person served has to answer this, through the application",
            "operators may deny it: `botwarden approval decide ID deny`",
        ),
        Answered::SamePerson => {
            Advice::new("another person has to agree; you have answered already", "ask somebody else")
        }
        Answered::CannotBeKnown => Advice::new(
            "this call names no value that could be known, or as many are known of the person as may be",
            "leave out `--endorse known`",
        ),
        Answered::Taken(_) | Answered::NotFound => {
            Advice::new("it was not answered", "`botwarden approval show ID` shows how it stands")
        }
    }
}
