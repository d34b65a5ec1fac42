//! `botwarden serve` between a client and a scripted upstream: the real binary, real sockets.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed test ends"
)]

mod support;

mod approvals;
mod audit;
mod backup;
mod byte_identity;
mod chat;
mod chat_tools;
mod disk;
mod erasure;
mod hang_up;
mod heads;
mod http;
mod kept;
mod keys;
mod lifecycle;
mod limits;
mod postgres;
mod privacy;
mod privilege;
mod quarantine;
mod refusals;
mod restarts;
mod sessions;
mod tls;
mod tokens;
mod tool_calls;
mod tools;
mod upstream_early;
mod upstream_faults;
mod upstream_waits;
mod upstream_wire;
mod witness;
