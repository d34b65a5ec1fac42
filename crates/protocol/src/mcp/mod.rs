//! The Model Context Protocol: what clients of tools and servers of tools say to each other, message by message.
//!
//! [`read_message`] reads what a client sends; [`read_answer`] what a tool server sends. Both keep the bytes of ids, arguments and
//! results; what is written to either side is put together from those bytes and our own ([`compose`](self)).
//!
//! Two eras are spoken. Up to [`HANDSHAKE_VERSIONS`] a client says `initialize` once and then refers to what was agreed; from
//! [`STATELESS_VERSION`] on each request carries all of it in `params._meta` and three headers.
//!
//! Source: modelcontextprotocol.io, revisions 2025-03-26, 2025-06-18, 2025-11-25 and 2026-07-28; JSON-RPC 2.0.

mod answer;
mod compose;
mod headers;
mod id;
mod listing;
mod request;

pub use answer::{FromServer, read_answer};
pub use compose::{
    Params, call_result, call_text, call_to_server, discovered, error_body, handshake_to_server, initialized,
    listed, notification_to_server, progress, reply_to_server, request_to_server, result_body,
    unsupported_version,
};
pub use headers::{header_value, param_headers, plain_value};
pub use id::{ID_BYTES_MAX, Id};
pub use listing::{Listed, Page, read_page, rename};
pub use request::{Ask, Message, TOOL_NAME_BYTES_MAX, Unread, read_message};

/// Versions that begin with a handshake, oldest first.
pub const HANDSHAKE_VERSIONS: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];
/// What a server says that speaks none of what the client asked for.
pub const HANDSHAKE_LATEST: &str = "2025-11-25";
/// The version in which each request stands for itself.
pub const STATELESS_VERSION: &str = "2026-07-28";

/// Where a request of the stateless era says which version it speaks.
pub const VERSION_META: &str = "io.modelcontextprotocol/protocolVersion";
/// Where it says what its sender can do.
pub const CAPABILITIES_META: &str = "io.modelcontextprotocol/clientCapabilities";
/// Where it says who sends it.
pub const CLIENT_META: &str = "io.modelcontextprotocol/clientInfo";
/// Where an answer says who gave it.
pub const SERVER_META: &str = "io.modelcontextprotocol/serverInfo";

/// Error codes of JSON-RPC 2.0 §5.1 and of MCP 2026-07-28.
pub mod code {
    /// Not JSON.
    pub const PARSE: i32 = -32700;
    /// Not one request.
    pub const INVALID_REQUEST: i32 = -32600;
    /// No such method.
    pub const NO_METHOD: i32 = -32601;
    /// Parameters that cannot be.
    pub const INVALID_PARAMS: i32 = -32602;
    /// A failure of ours or of what is behind us.
    pub const INTERNAL: i32 = -32603;
    /// Refused before it was looked at: credentials, limits, bounds. In the range that JSON-RPC leaves to servers.
    pub const REFUSED: i32 = -32000;
    /// A header says something else than the body.
    pub const HEADER_MISMATCH: i32 = -32020;
    /// A version that is not spoken.
    pub const VERSION: i32 = -32022;
}

#[cfg(test)]
mod tests;
