//! What tests need to treat Botwarden as its users do: the real binary on port 0, an upstream that can be scripted, a
//! client that shows the bytes, a clock to turn.
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
mod process;
pub mod synthetic;
mod upstream;

pub use client::{Client, Reply};
pub use clock::ManualClock;
pub use process::{Gateway, GatewayBuilder, run};
pub use upstream::{Answer, FakeUpstream, Recorded};
