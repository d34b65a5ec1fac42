//! The store as the rest of the product meets it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod audit;
mod child;
mod conformance;
mod control;
mod limit_journal;
mod postgres;
mod revocation;
mod root_key;
mod sqlite;
