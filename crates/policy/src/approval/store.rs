//! The port behind which approvals are kept, and what its verbs can answer.

use botwarden_types::{BotName, SessionId, UnixMs, UserName};

use super::{Answer, Approval, ApprovalId, Party, Question, State};
use crate::exact::ExactCall;
use crate::port::{BoxFuture, StoreError};
use crate::quarantine::Scope;

/// What became of a wish to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The session is over, or its person was erased.
    NoSession,
    /// The tool, the bot, the session, the person or everything is stopped.
    Stopped,
    /// Somebody said yes to the same call meanwhile: redeem it.
    Approved(ApprovalId),
    /// Somebody said no to the same call a while ago. Nobody is asked the same again before that expires.
    Denied(ApprovalId),
    /// It is more than a person can be asked at once: see [`Question::fits`].
    TooMuch,
    /// Too many questions wait already.
    TooMany {
        /// Of whom: `session`, `user` or `bot`.
        of: &'static str,
        /// How many may wait.
        max: usize,
    },
    /// It waits for an answer, under this name; a question that waits already keeps its own.
    Pending(ApprovalId, UnixMs),
}

/// How many questions may wait. Further ones are refused: none is dropped for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingMax {
    /// Of one session, or of one key without a session.
    pub session: usize,
    /// Of one person.
    pub user: usize,
    /// Of one bot.
    pub bot: usize,
}

impl Default for PendingMax {
    /// 32 of a session, 10,000 of a person, 100,000 of a bot. Sessions are opened by the application alone, so it is theirs that holds a bot that
    /// asks without end.
    fn default() -> Self {
        Self { session: 32, user: 10_000, bot: 100_000 }
    }
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It is taken; the approval stands so now. [`State::Pending`] where another person has to agree.
    Taken(State),
    /// No such approval, or one of another session.
    NotFound,
    /// It had been answered, used, withdrawn, or had expired.
    Over(State),
    /// Somebody else has to answer.
    NotTheirs,
    /// The same person had answered already, and another has to.
    SamePerson,
    /// It names nobody's values, or as many are known of the person as may be: answer `once`.
    CannotBeKnown,
}

/// What became of a wish to use an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// It was used by this, and by nobody else.
    Yes(ApprovalId),
    /// There is none for exactly that call.
    No,
    /// The tool, the bot, the session, the person or everything is stopped.
    Stopped,
}

/// A value that a person has endorsed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name, by which it is forgotten; not secret.
    pub id: String,
    /// For calls to this server…
    pub server: String,
    /// …of this tool.
    pub tool: String,
    /// In which argument it is known, and the value.
    pub party: Party,
    /// Since when.
    pub since: UnixMs,
    /// By which approval.
    pub approval: ApprovalId,
}

/// Which known values to forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forget<'a> {
    /// All of the person's with that bot.
    All,
    /// The one of that name.
    One(&'a str),
}

/// What an operator looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Of one bot alone.
    pub bot: Option<BotName>,
    /// Those that wait alone.
    pub pending: bool,
}

/// Keeps approvals. Each verb is one transaction. Whoever implements it seals arguments, findings, texts and answers under the person's key, and
/// hashes calls under it.
pub trait ApprovalStore: Send + Sync + 'static {
    /// Asks, unless the same was asked before. A session that expires earlier takes the question along.
    fn ask<'a>(
        &'a self,
        id: &'a ApprovalId,
        question: &'a Question,
        max: PendingMax,
    ) -> BoxFuture<'a, Result<Asked, StoreError>>;

    /// Takes an answer; with the last one that is needed, what it endorses is known.
    fn answer<'a>(&'a self, answer: &'a Answer) -> BoxFuture<'a, Result<Answered, StoreError>>;

    /// Uses up what was approved for exactly this call. Of any number who try at once, one succeeds.
    fn redeem<'a>(&'a self, call: &'a ExactCall, now: UnixMs) -> BoxFuture<'a, Result<Redeemed, StoreError>>;

    /// Looks, and changes nothing. `None`: no such approval, or its person was erased.
    fn peek<'a>(
        &'a self,
        id: &'a ApprovalId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Option<Approval>, StoreError>>;

    /// The questions of `bot`'s session that wait, oldest first.
    fn pending<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Vec<Approval>, StoreError>>;

    /// At most `max` approvals, newest first.
    fn list<'a>(
        &'a self,
        listing: &'a Listing,
        now: UnixMs,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Approval>, StoreError>>;

    /// Takes back what waits or was approved but not used. How many it were.
    fn withdraw<'a>(&'a self, scope: &'a Scope, now: UnixMs) -> BoxFuture<'a, Result<usize, StoreError>>;

    /// The values known for a person with that bot, oldest first.
    fn known_for<'a>(
        &'a self,
        bot: &'a BotName,
        user: &'a UserName,
    ) -> BoxFuture<'a, Result<Vec<Known>, StoreError>>;

    /// Forgets known values. How many it were.
    fn forget<'a>(
        &'a self,
        bot: &'a BotName,
        user: &'a UserName,
        which: Forget<'a>,
    ) -> BoxFuture<'a, Result<usize, StoreError>>;

    /// Deletes up to `max` approvals that expired [`APPROVAL_KEPT_MS`] ago. How many it were.
    fn purge_approvals(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<usize, StoreError>>;
}
