//! Where exchanges are kept: a port that the binary fills.

use std::future::Future;
use std::pin::Pin;

use botwarden_types::{BotName, KeptExchange, UserName};

/// How much of a bot's exchanges is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    #[default]
    Nothing,
    /// Who asked when, of which model, and what came of it; not what was said.
    Metadata,
    /// What was said too.
    Content,
}

/// Bytes kept of each question and of each answer; what is longer is cut, and says so.
pub const KEPT_BYTES_MAX: usize = 256 << 10;

/// Room that is being looked for.
pub type FindingRoom<'a> = Pin<Box<dyn Future<Output = Option<Box<dyn Slot>>> + Send + 'a>>;

/// Keeps exchanges. Room is taken before a request is forwarded: what could not be kept is refused, not forgotten.
pub trait Archive: Send + Sync + 'static {
    /// Room for one exchange with `bytes` of content; `None` while there is none, or while nothing can be written. From then on it belongs to
    /// `user` as they are now: should they be erased before it is over, it is erased with them.
    fn room<'a>(&'a self, bytes: usize, bot: &'a BotName, user: Option<&'a UserName>) -> FindingRoom<'a>;
}

/// Room for one exchange; given back when dropped.
pub trait Slot: Send + 'static {
    /// Hands the exchange over, of the bot and the user the room was taken for. It is written soon, off the request's way.
    fn keep(self: Box<Self>, exchange: KeptExchange);
}
