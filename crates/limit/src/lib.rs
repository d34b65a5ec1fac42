//! Decides how much a caller may use, exactly.
//!
//! A [`Limiter`] answers whether a [`Subject`] may make one more call under a [`Plan`] (the rules of one bot): admitted on
//! every level and charged on every level, or [`Denied`] and charged on none. An [`Admission`] holds the places of
//! open calls until it is dropped and settles reserved tokens to the truth. It never sleeps and never reads a clock: callers
//! pass `now`.
//!
//! Promise: over *any* span of a rule's window nobody is admitted more than the rule's maximum, whatever threads do, when a
//! thread arrives with an older reading of the clock, under a flood of new names, and over restarts if a [`Journal`] keeps
//! the decisions. For request rules of up to 1000 calls the answers are those of a log of time stamps: a call leaves the
//! window when its age is over the window (at a resolution of 1 ms up to a minute's window, else of 1/60,000 of the window). Beyond
//! that, and for tokens, a call may count up to 1/64 of the window longer. Memory has a bound: [`Settings`].
//! Not here: who the caller is (`identity`), what to answer (`gateway`), where the journal lies (`store`).

mod admission;
mod decision;
mod exact;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod hash;
mod journal;
mod limiter;
mod log;
mod open;
mod plan;
mod record;
mod restore;
mod rule;
mod seat;
mod standing;
mod subject;
mod sum;
mod sync;
mod tables;
mod time;

pub use admission::Admission;
pub use exact::ExactLog;
pub use journal::{Journal, JournalError, Recorded, RecordedClock, record_time};
pub use limiter::{Limiter, Settings};
pub use plan::Plan;
pub use restore::{RestoreError, Restored};
pub use rule::{Measure, Per, RawLimit, Rule, Unit, WINDOW_MAX, WINDOW_MIN};
pub use standing::{Denied, Standing};
pub use subject::Subject;

#[cfg(test)]
mod crossing;
#[cfg(test)]
mod explore;
#[cfg(test)]
mod stress;
#[cfg(test)]
mod tests;
