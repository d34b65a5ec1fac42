//! The store as the rest of the product meets it.

mod conformance;
mod sqlite;
