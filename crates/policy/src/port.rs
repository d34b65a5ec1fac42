//! What the ports have in common: how they answer, how they fail, and for whom tools are used.

use std::error::Error;
use std::pin::Pin;

use botwarden_types::{BotName, KeyId, SessionId, UserName};

/// A future that a port returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store could not do what was asked. Nothing was acknowledged; whether it happened is not known.
#[derive(Debug, thiserror::Error)]
#[error("{operation}")]
pub struct StoreError {
    operation: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// `operation` says in words what was being done: `keeping an approval`.
    pub fn new(operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { operation, source: source.into() }
    }
}

/// For whom a tool is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The bot that uses it.
    pub bot: BotName,
    /// The key presented, or the key that opened the session.
    pub key: KeyId,
    /// The session in which it is used, if it is used in one.
    pub session: Option<SessionId>,
    /// The person served, where that is known. Personal.
    pub user: Option<UserName>,
}

impl Holder {
    /// The holder as one unambiguous text: what stands for a session is no key's, and the other way round.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        let (kind, id) = match &self.session {
            Some(session) => ("session", session.as_str()),
            None => ("key", self.key.as_str()),
        };
        for text in [self.bot.as_str(), kind, id, self.user.as_ref().map_or("", UserName::as_str)] {
            write_text(to, text);
        }
    }
}

/// A text with its length in front, so that no two lists of them are the same bytes.
pub(crate) fn write_text(to: &mut Vec<u8>, text: &str) {
    to.extend_from_slice(&(text.len() as u64).to_be_bytes());
    to.extend_from_slice(text.as_bytes());
}
