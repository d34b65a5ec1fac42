//! What the operator writes about listeners, bounds and bots, and the valid form of it.

mod bot;
mod bounds;
mod glob;
mod hosts;
mod listen;
mod tools;

pub use bot::{
    BotConfig, RawBot, RawProviderKey, RawUpstream, ToolRule, ToolsOffered, UpstreamConfig, UpstreamUrl,
    UserTurns,
};
pub use bounds::{Bounds, RawBounds, RawTimeouts, Timeouts};
pub(crate) use bounds::{HEAD_BYTES_MAX, HEADER_FIELDS_MAX, TARGET_BYTES_MAX};
pub use glob::Glob;
pub use hosts::Hosts;
pub use listen::{Listen, RawListen};
pub use tools::{PinMode, RawToolServer, ToolPlace, ToolServerConfig};
