//! Where decisions are written down before they take effect: a port that the binary fills.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use botwarden_types::{BotName, KeyId, RequestId, SessionId, UnixMs, UserName};

use botwarden_policy::Place;
use botwarden_protocol::ProposedCall;

use crate::outcome::Outcome;

/// What was decided about a request.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// Which request.
    pub request: &'a RequestId,
    /// When.
    pub at: UnixMs,
    /// The bot that asks.
    pub bot: &'a BotName,
    /// By which credential.
    pub key: &'a KeyId,
    /// In which session.
    pub session: Option<&'a SessionId>,
    /// For whom, where that is known.
    pub user: Option<&'a UserName>,
    /// From which address.
    pub address: IpAddr,
    /// What is asked for.
    pub operation: &'static str,
    /// Of which model, where one is named.
    pub model: Option<&'a str>,
    /// `None` if it may go on, else why not.
    pub refused: Option<&'static str>,
    /// Tokens that were reserved.
    pub tokens: u64,
}

/// What was decided about a tool call, before it takes effect.
#[derive(Clone, Copy, Debug)]
pub struct ToolDecided<'a> {
    /// In which request.
    pub request: &'a RequestId,
    /// When.
    pub at: UnixMs,
    /// The bot that asked.
    pub bot: &'a BotName,
    /// For whom, where that is known.
    pub user: Option<&'a UserName>,
    /// From which address.
    pub address: IpAddr,
    /// Where it was decided.
    pub place: Place,
    /// The call, as it was written.
    pub call: &'a ProposedCall,
    /// `None` if it may go on, else why not.
    pub refused: Option<&'static str>,
}

/// Ready once a decision outlives a loss of power: whether it does. If not, it must not take effect.
pub type Receipt = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Writes decisions down. Called on the workers' own threads: it must hand over and return.
pub trait Ledger: Send + Sync + 'static {
    /// Writes a decision; `None` if it cannot be written.
    fn decided(&self, decided: &Decided<'_>) -> Option<Receipt>;

    /// Whether nothing can be written any more until a restart: then every request would be refused.
    fn is_broken(&self) -> bool {
        false
    }

    /// Writes what was decided about a tool call; `None` if it cannot be written.
    fn tool(&self, decided: &ToolDecided<'_>) -> Option<Receipt>;

    /// Writes what a backend answers for a person, before it takes effect: `action` is `approval.approve`, `target` the approval's id.
    /// `None` if it cannot be written.
    fn answered(&self, at: UnixMs, by: &KeyId, action: &'static str, target: &str) -> Option<Receipt>;

    /// Writes how a request ended about which a decision was written.
    fn finished(&self, outcome: &Outcome);
}
