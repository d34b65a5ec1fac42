//! A person's single-use consent to one exact call, and the values that such a consent makes known.
//!
//! A call that may only go on if a person says so is kept as an approval. What is approved is [`ApprovalStore::redeem`]ed once, by the same
//! holder with the same arguments, before it expires. Everything is decided in the store, so that no node acts on what it remembers.

mod step;
mod store;

pub use step::Step;
pub use store::{Answered, ApprovalStore, Asked, Forget, Known, Listing, PendingMax, Redeemed};

use std::fmt;

use botwarden_types::{BotName, SessionId, UnixMs};

use crate::call::{Finding, Outcome};
use crate::exact::ExactCall;

/// How long a person has for an answer, and a bot for using it, unless configured otherwise: 15 min.
pub const APPROVAL_TTL_MS: u64 = 15 * 60 * 1000;
/// The longest that may be configured: a day.
pub const APPROVAL_TTL_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// How long an approval stays readable after it expired: a day, for operators who look back.
pub const APPROVAL_KEPT_MS: u64 = 24 * 60 * 60 * 1000;
/// Bytes of the text for the person.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Bytes of all findings together.
pub const WORDS_BYTES_MAX: usize = 64 * 1024;
/// Findings shown for one call.
pub const FINDINGS_MAX: usize = 256;
/// Values that one answer can make known.
pub const PARTIES_MAX: usize = 32;
/// Values known for one person.
pub const KNOWN_MAX: usize = 1_000;

/// Names an approval; not secret, and worth nothing to the bot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApprovalId(String);

/// A text that names no approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of an approval such as `apr_…`, with 26 letters and digits")]
pub struct ApprovalIdError;

impl ApprovalId {
    /// A new one: 128 random bits.
    pub fn random() -> Result<Self, botwarden_crypto::RandomnessError> {
        Ok(Self(format!("apr_{}", botwarden_crypto::identifier()?)))
    }

    /// Accepts `apr_` and 26 characters a–z, 2–7.
    pub fn parse(text: &str) -> Result<Self, ApprovalIdError> {
        let name = text.strip_prefix("apr_").ok_or(ApprovalIdError)?;
        let well_formed = name.len() == 26 && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(ApprovalIdError) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerers {
    /// The person served, through the application's own channel. Without a session nobody can: then an operator has to.
    User,
    /// An operator.
    Operator,
    /// Either; where two are needed, one of them may be the person.
    Both,
}

/// How many different people have to say yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// One.
    One,
    /// Two.
    Two,
}

impl People {
    /// As a number.
    pub fn count(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// What was found about one argument, as a person is shown it. Personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Path of the value; empty for the call as a whole.
    pub at: String,
    /// What it alone would have meant.
    pub outcome: Outcome,
    /// Where it came from.
    pub origin: String,
    /// The same in words.
    pub text: String,
}

impl From<&Finding> for Evidence {
    fn from(finding: &Finding) -> Self {
        let Finding { at, outcome, origin, text } = finding;
        Self { at: at.clone(), outcome: *outcome, origin: (*origin).to_owned(), text: text.clone() }
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Evidence({}, {:?}, {})", self.at, self.outcome, self.origin)
    }
}

/// The value of an argument that says who is dealt with, in the canonical form of its type. Personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// The argument.
    pub argument: String,
    /// The value.
    pub value: String,
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Party({}, …)", self.argument)
    }
}

/// What a person is asked. Its text is written by the gateway, never by a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What it is about.
    pub call: ExactCall,
    /// For the person: action, party, amount, where each came from.
    pub text: String,
    /// What was found, argument by argument.
    pub findings: Vec<Evidence>,
    /// The values that an answer can make known.
    pub parties: Vec<Party>,
    /// Who may answer.
    pub answerers: Answerers,
    /// How many have to agree.
    pub needed: People,
    /// When it was asked.
    pub created: UnixMs,
    /// Until when it can be answered, and used.
    pub expires: UnixMs,
}

impl Question {
    /// Whether a person can be asked all of it. What is cut would be what an attacker wants not to be seen, so nothing is.
    pub fn fits(&self) -> bool {
        let words: usize = self.findings.iter().map(|found| found.at.len() + found.text.len()).sum();
        self.text.len() <= TEXT_BYTES_MAX
            && words <= WORDS_BYTES_MAX
            && self.findings.len() <= FINDINGS_MAX
            && self.parties.len() <= PARTIES_MAX
    }

    /// Until when it can be answered and used: as it says, and within [`APPROVAL_TTL_MS_MAX`].
    pub fn over(&self) -> UnixMs {
        self.expires.min(UnixMs(self.created.0.saturating_add(APPROVAL_TTL_MS_MAX)))
    }
}

/// How an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for an answer.
    Pending,
    /// May be used, once.
    Approved,
    /// Somebody said no.
    Denied,
    /// Was used.
    Used,
    /// Its time is over.
    Expired,
    /// Its session ended, or what it is about was stopped.
    Withdrawn,
}

impl State {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// The person served.
    User,
    /// An operator, by a name such as `uid:1000`.
    Operator(String),
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may go on.
    Approve,
    /// It may not.
    Deny,
}

/// How far a yes goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endorse {
    /// For this call alone.
    Once,
    /// Its parties are known from now on: for this person, bot, server, tool and argument.
    Known,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// By whom.
    pub by: Person,
    /// When.
    pub at: UnixMs,
    /// What.
    pub decision: Decision,
    /// How far it goes.
    pub endorse: Endorse,
}

/// An answer to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// To which question.
    pub id: ApprovalId,
    /// The session it has to be of; `None` for operators, who answer any.
    pub session: Option<(BotName, SessionId)>,
    /// What is answered.
    pub given: Given,
}

/// A question with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// What was asked.
    pub question: Question,
    /// How it stands.
    pub state: State,
    /// What was answered so far.
    pub answers: Vec<Given>,
}
