//! Botwarden, the program: reads the command line and the configuration, introduces the parts to each other.
//!
//! [`run`] is all of it: arguments in, exit code out. `config` reads `botwarden.toml` and says what is wrong with it;
//! `command` holds one module for each command; `server` wires the gateway to the stores for `serve`.
//!
//! Promises: a command ends with 0 (fine), 1 (findings, or a check that failed), 2 (wrong usage) or 3 (it could not be done, or
//! it cannot tell); what it says on standard output is the result and nothing else; secrets come from files and the
//! environment, never from the command line, and leave only where a command exists to print one.
//! Left to others: everything that decides anything (the domain crates).

mod accountable;
mod archive;
mod background;
mod cli;
mod command;
mod config;
mod exit;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod ledger;
mod logs;
mod root;
mod server;
mod state;
mod text;
mod witness;

pub use cli::run;
