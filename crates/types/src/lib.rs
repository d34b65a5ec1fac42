//! Plain values that every part of Botwarden shares.
//!
//! Names and ids that cannot be malformed ([`BotName`], [`UserName`], …), secrets that do not print ([`Secret`]), time
//! that is handed in ([`Clock`], [`Tick`], [`UnixMs`]), and the neutral form of one request to a model ([`Exchange`]).
//!
//! Promise: a value that exists is well formed; nothing here does I/O except [`SystemClock`], which reads the clock.
//! Left to others: reading an `Exchange` from bytes (`protocol`), deciding about it (`policy`, `limit`, `identity`).

mod config;
mod exchange;
mod kept;
mod name;
mod secret;
mod time;

pub use config::{Invalid, parse_bytes, parse_duration};
pub use exchange::{
    Delivery, Dialect, Exchange, Message, Operation, Part, Role, Span, ToolCall, ToolOffer, ToolResult,
};
pub use kept::{KeptContent, KeptExchange, KeptText};
pub use name::{BotName, KeyId, NameError, RequestId, SessionId, UserName, hex};
pub use secret::Secret;
pub use time::{Clock, Now, SystemClock, Tick, UnixMs};
