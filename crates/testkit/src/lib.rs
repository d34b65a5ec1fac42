//! What tests need to treat Botwarden as its users do: the real binary on port 0, an upstream that can be scripted, a
//! client that shows the bytes, a clock to turn, a PostgreSQL database of one's own.
//!
//! For tests only: things that cannot happen in a sound test end it with a panic that says what was expected.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper that cannot go on ends the test"
)]

mod client;
mod clock;
mod log;
mod patience;
mod postgres;
mod process;
pub mod synthetic;
mod tools;
mod upstream;
mod vault;
mod wire;
mod witness;

pub use client::{Client, Reply, Stream};
pub use clock::ManualClock;
pub use log::TestLog;
pub use patience::soon;
pub use postgres::{POSTGRES, TestDatabase};
pub use process::{Gateway, GatewayBuilder, Key, run};
pub use tools::{FakeTools, ToolCalled, ToolEra, event};
pub use upstream::{Answer, FakeUpstream, Feeds, Recorded};
pub use vault::{FakeVault, Mood};
pub use wire::Wire;
pub use witness::{FakeWitness, WitnessMood};
