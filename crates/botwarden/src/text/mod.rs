//! What people read: tables, secrets masked.

mod mask;
mod table;

pub(crate) use mask::{calm, mask};
pub(crate) use table::Table;
