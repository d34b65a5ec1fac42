//! Every habit of the house as a command: `cargo xtask --help`.
//!
//! A habit is a list of steps ([`run`]); it stops at the first that fails and says which. Programs print straight to
//! the terminal, so the closing lines of test runners stay as they are. No shell: what runs is what is printed.

mod command;
mod debian;
mod postgres;
mod python;
mod run;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Every habit of the house as a command.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    habit: command::Habit,
}

fn main() -> ExitCode {
    match Cli::parse().habit.follow() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
