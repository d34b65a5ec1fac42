//! The readers against exchanges made up by the test kit.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed test ends")]

mod synthetic;
