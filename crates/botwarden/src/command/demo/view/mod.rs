//! What somebody at a terminal sees: a line for each thing that is asked, with what was decided and why.

mod follow;
mod invitation;
mod line;
mod picture;
mod report;
mod row;
mod screen;
mod summary;

pub(super) use follow::follow;
pub(super) use invitation::invitation;
pub(super) use picture::picture;
#[cfg(test)]
pub(super) use report::document;
pub(super) use report::report;
pub(super) use screen::{Screen, To};
#[cfg(test)]
pub(super) use summary::plain_summary;
pub(super) use summary::{Totals, summary, verdict};
