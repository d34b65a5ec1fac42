//! Where exchanges are kept: a port that the binary fills.

use botwarden_types::KeptExchange;

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

/// Keeps exchanges. Room is taken before a request is forwarded: what could not be kept is refused, not forgotten.
pub trait Archive: Send + Sync + 'static {
    /// Room for one exchange with `bytes` of content; `None` while there is none, or while nothing can be written.
    fn room(&self, bytes: usize) -> Option<Box<dyn Slot>>;
}

/// Room for one exchange; given back when dropped.
pub trait Slot: Send + 'static {
    /// Hands the exchange over. It is written soon, off the request's way.
    fn keep(self: Box<Self>, exchange: KeptExchange);
}
