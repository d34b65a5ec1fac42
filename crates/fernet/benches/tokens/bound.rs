//! Sealing beside the longest chain of instructions in it.

use std::hint::black_box;

use botwarden_fernet::{Fernet, Key};

use crate::measure::{Table, Target, median, ratio, time};
use crate::{NOW_S, ROUNDS};

/// CBC enciphers a block after the block before: ten rounds of AES that wait for each other, for 16 bytes. A chain of as many
/// rounds, and nothing else, is a bound that one token cannot get below.
pub(crate) fn chain_of_rounds(table: &mut Table) {
    table.heading("one token before base64, beside a bare chain of as many rounds of AES");
    for (name, len, target) in [
        ("1 KiB", 1 << 10, Target::None),
        ("64 KiB", 1 << 16, Target::AtLeast(0.9)),
        ("16 MiB", 1 << 24, Target::None),
    ] {
        let fernet = Fernet::new(&Key::generate().unwrap());
        let message = vec![0x5a; len];
        let calls = ((1 << 22) / len).max(1);
        let blocks = len / 16 + 1;
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(time(calls, || {
                black_box(fernet.seal_body(black_box(&message), NOW_S, [7; 16]).unwrap());
            }));
            bare.push(time(calls, || {
                black_box(chain(black_box(blocks)));
            }));
        }
        table.row(&format!("{name}: seal"), median(&ours));
        table.row(&format!("{name}: {blocks} blocks of ten rounds"), median(&bare));
        table.ratio("rounds / seal", ratio(&bare, &ours), target);
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "a loop of one instruction; the processor is asked first")]
fn chain(blocks: usize) -> u8 {
    use std::arch::x86_64::{__m128i, _mm_aesenc_si128, _mm_cvtsi128_si32, _mm_set1_epi8};

    #[target_feature(enable = "aes,avx")]
    fn rounds(blocks: usize) -> __m128i {
        let key = black_box(_mm_set1_epi8(3));
        let mut state = key;
        for _ in 0..blocks {
            for _ in 0..10 {
                state = _mm_aesenc_si128(state, key);
            }
        }
        state
    }

    assert!(std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("avx"));
    // SAFETY: both features were just detected.
    unsafe { _mm_cvtsi128_si32(rounds(blocks)) as u8 }
}

#[cfg(not(target_arch = "x86_64"))]
fn chain(_: usize) -> u8 {
    panic!("the bound is for x86-64")
}
