//! What people read: tables, dates, secrets masked.

mod date;
mod mask;
mod table;

pub(crate) use date::utc;
pub(crate) use mask::{calm, mask};
pub(crate) use table::Table;
