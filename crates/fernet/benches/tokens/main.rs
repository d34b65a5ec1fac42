//! What does a token cost, beside Python's `cryptography`, and how near is that to what the processor can do?
//!
//! `cargo bench -p botwarden-fernet` prints one table; figures are nanoseconds of this thread's processor time for one token,
//! contestants in turn within each round, medians of the rounds; ratios are medians of each round's ratio. It exits with 1 if a
//! target is missed. Python is the one that `FERNET_PYTHON` names, else the one that `cargo xtask test` made, else `python3`. Names after
//! `--` run those parts only: `python`, `bound`, `batch`.
#![expect(clippy::unwrap_used, reason = "a program that measures: what fails ends it")]

mod bound;
mod measure;
mod python;

use std::hint::black_box;
use std::process::ExitCode;

use botwarden_fernet::{Age, Decoding, Fernet, Key, backend};
use measure::{Table, Target, median, ratio, time};

/// A part of the table and its name.
type Part = (&'static str, fn(&mut Table));

const NOW_S: u64 = 1_800_000_000;
const ROUNDS: usize = 15;

fn main() -> ExitCode {
    let mut table = Table::default();
    table.note(&format!("{:?}", backend()));
    let parts: [Part; 3] = [("python", python::beside), ("bound", bound::chain_of_rounds), ("batch", batch)];
    // Cargo adds a flag of its own.
    let names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    for (name, run) in parts {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            run(&mut table);
        }
    }
    if table.missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Messages of 1 KiB one by one and 256 at a time.
fn batch(table: &mut Table) {
    const TOKENS: usize = 256;
    let fernet = Fernet::new(&Key::generate().unwrap());
    let messages = vec![vec![0x5a; 1024]; TOKENS];
    let tokens = fernet.encrypt_many(&messages, NOW_S).unwrap();
    let each = |ns: f64| ns / TOKENS as f64;
    let (mut seal, mut seal_many, mut open, mut open_many) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        seal.push(each(time(20, || {
            let tokens: Vec<String> = messages.iter().map(|it| fernet.encrypt(it, NOW_S).unwrap()).collect();
            black_box(tokens);
        })));
        seal_many.push(each(time(20, || {
            black_box(fernet.encrypt_many(&messages, NOW_S).unwrap());
        })));
        open.push(each(time(20, || {
            let open = |token| fernet.decrypt(token, Decoding::Strict, Age::Any).unwrap();
            black_box(tokens.iter().map(open).collect::<Vec<_>>());
        })));
        open_many.push(each(time(20, || {
            black_box(fernet.decrypt_many(&tokens, Decoding::Strict, Age::Any));
        })));
    }
    table.heading("messages of 1 KiB, 256 of them");
    table.row("encrypt, one by one", median(&seal));
    table.row("encrypt, at once", median(&seal_many));
    table.ratio("one by one / at once", ratio(&seal, &seal_many), Target::AtLeast(1.4));
    table.row("decrypt, one by one", median(&open));
    table.row("decrypt, at once", median(&open_many));
    table.ratio("one by one / at once", ratio(&open, &open_many), Target::None);
}
