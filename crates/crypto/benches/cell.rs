//! What does sealing a cell cost, beside the cipher alone?
//!
//! Nanoseconds of this thread's processor time for each, in turn within each round, medians of the rounds. It exits with 1 if the target is
//! missed: a cell of 1 KiB at most 1.5 times AES-256-GCM-SIV of AWS-LC over the same bytes with a nonce that is at hand.
#![expect(clippy::unwrap_used, reason = "a program that measures: what fails ends it")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use botwarden_crypto::{KeyName, KeyNumber, Place, Purpose, SecretKey};

const ROUNDS: usize = 31;
const CELLS: usize = 20_000;
const TARGET: f64 = 1.5;

fn main() -> ExitCode {
    let number = KeyNumber::random().unwrap();
    let name = KeyName { tenant: "default", purpose: Purpose::Subject, number };
    let key = SecretKey::generate().unwrap().cells(name);
    let alone = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &[7; 32]).unwrap());
    let place = Place { table: "exchanges", column: "sealed", row: &[9; 120], schema: 1 };
    let mut missed = false;
    for bytes in [64, 1024, 16 * 1024] {
        let plain = vec![3u8; bytes];
        let sealed = key.seal(place, &plain).unwrap();
        let mut buffer = plain.clone();
        let (mut cipher, mut sealing, mut opening) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            cipher.push(time(|n| {
                let nonce = Nonce::assume_unique_for_key([n as u8; 12]);
                let _ =
                    black_box(alone.seal_in_place_separate_tag(nonce, Aad::empty(), &mut buffer).unwrap());
            }));
            sealing.push(time(|_| drop(black_box(key.seal(place, &plain).unwrap()))));
            opening.push(time(|_| drop(black_box(key.open(place, &sealed).unwrap()))));
        }
        let (cipher, sealing, opening) = (median(cipher), median(sealing), median(opening));
        let ratio = sealing / cipher;
        let is_over = bytes == 1024 && ratio > TARGET;
        missed |= is_over;
        println!(
            "{bytes:>6} B: cipher alone {cipher:7.0} ns, sealed {sealing:7.0} ns, opened {opening:7.0} ns"
        );
        println!(
            "          sealed / cipher alone {ratio:5.2} x{}{}",
            if bytes == 1024 { "  at most 1.5" } else { "" },
            if is_over { "  MISSED" } else { "" }
        );
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn time(mut work: impl FnMut(usize)) -> f64 {
    let began = Instant::now();
    (0..CELLS).for_each(&mut work);
    began.elapsed().as_nanos() as f64 / CELLS as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap()
}
