//! What does a decision cost, and what does a key weigh, beside the limiters people use today?
//!
//! `cargo bench -p botwarden-limit` prints one table; figures are nanoseconds of this thread's processor time for one decision,
//! limiters in turn within each round, medians of the rounds; ratios are medians of each round's ratio. It exits with 1 if a
//! target is missed. Names after `--` run those parts only: `keys`, `hot`, `levels`, `flood`, `python`.
#![expect(clippy::unwrap_used, reason = "a program that measures: what fails ends it")]

mod contestants;
mod flood;
mod levels;
mod measure;

use std::process::{Command, ExitCode};

use measure::{Dice, Table, Target};

const KEYS: u64 = 1_000_000;
const MAX: u32 = 30;
const SECRET: [u8; 32] = *b"a secret of thirty-two bytes ok.";

/// A part of the table and its name.
type Part = (&'static str, fn(&mut Table));

fn main() -> ExitCode {
    let mut table = Table::default();
    let parts: [Part; 5] = [
        ("keys", contestants::million_keys),
        ("hot", contestants::one_key),
        ("levels", levels::six_against_one),
        ("flood", flood::rotating_keys),
        ("python", python),
    ];
    // Cargo adds a flag of its own.
    let names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    for (name, run) in parts {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            run(&mut table);
        }
    }
    if table.missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The obvious limiter in Python decides about one key; ours is compared by the same two cases.
fn python(table: &mut Table) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/limit_python.py");
    let Ok(output) = Command::new("python3").arg(script).output() else {
        table.note("python3 is not there: not compared");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let ns = |case: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(case));
        line.and_then(|line| line.trim().parse::<f64>().ok()).unwrap()
    };
    let (admitted, refused) = contestants::one_key_like_python();
    table.heading("one key by its name, against a Python decorator over a list of time stamps");
    table.note("ours takes the tick as an argument; Python's reads the clock, some 50 ns of its time");
    table.row("admitted: ours", admitted);
    table.row("admitted: Python", ns("admitted"));
    table.ratio("Python / ours", ns("admitted") / admitted, Target::AtLeast(50.0));
    table.row("refused: ours", refused);
    table.row("refused: Python", ns("refused"));
    table.ratio("Python / ours", ns("refused") / refused, Target::AtLeast(50.0));
}

/// Keys drawn evenly.
fn draws(seed: u64, n: usize) -> Vec<u64> {
    let mut dice = Dice(seed);
    (0..n).map(|_| dice.roll(KEYS)).collect()
}
