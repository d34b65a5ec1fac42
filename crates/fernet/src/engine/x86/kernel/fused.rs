//! One loop for CBC and the hash.

use std::arch::x86_64::*;
use std::hint::black_box;

use super::sha256::K;
use super::{Block, Cpu, HashBlock, Schedule, State, load, quarters, quarters_mut, store};
use crate::body::HEAD_BYTES;

/// How far a body has come. INVARIANT: `hashed` is a multiple of 64 and at most `filled`.
#[derive(Clone, Copy)]
pub(in crate::engine::x86) struct Place {
    pub(in crate::engine::x86) filled: usize,
    pub(in crate::engine::x86) hashed: usize,
}

with_cpu! {
    /// Enciphers `plain` behind what is filled of `body`, which has room for it, and meanwhile hashes what was filled before. The
    /// hash stops less than two blocks before what is filled.
    seal => seal_inner(
        schedule: &Schedule, chain: &mut Block, state: &mut State,
        plain: &[HashBlock], body: &mut [u8], place: &mut Place
    )
}

#[target_feature(enable = "aes,sha,avx")]
fn seal_inner(
    schedule: &Schedule,
    chain: &mut Block,
    state: &mut State,
    plain: &[HashBlock],
    body: &mut [u8],
    place: &mut Place,
) {
    let Place { mut filled, mut hashed } = *place;
    let (mut abef, mut cdgh) = (load(&state.0[0]), load(&state.0[1]));
    let mut cbc = before_last_round!(chain, load(&schedule.encrypting[10]));
    for plain in plain {
        // Loaded where they are used: kept in registers they would crowd out the two chains.
        let (keys, fold) = black_box((&schedule.encrypting, &schedule.folded));
        let Some((before, after)) = body.split_at_mut_checked(filled) else { break };
        let Some(cipher) = after.first_chunk_mut::<64>().and_then(quarters_mut) else { break };
        let block = before.get(hashed..).and_then(|it| it.first_chunk::<64>());
        let Some(block) = block else {
            for (plain, cipher) in quarters(plain).into_iter().zip(cipher) {
                state_begins!(cbc, load(fold), plain);
                nine_rounds!(cbc, keys);
                store(cipher, _mm_aesenclast_si128(cbc, load(&keys[10])));
            }
            filled += 64;
            continue;
        };
        let [a, b, c, d] = quarters(block);
        let (mut w0, mut w1, mut w2, mut w3) = (words!(a), words!(b), words!(c), words!(d));
        let earlier = (abef, cdgh);
        let [c0, c1, c2, c3] = cipher;
        let [p0, p1, p2, p3] = quarters(plain);
        // A block of AES for every four steps of the hash.
        macro_rules! aes {
            ($($key:literal),*) => {{ $(cbc = _mm_aesenc_si128(cbc, load(&keys[$key]));)* }};
            (begin $plain:ident) => {{ state_begins!(cbc, load(fold), $plain); aes!(1) }};
            (end $cipher:ident) => {{ aes!(7, 8, 9); store($cipher, _mm_aesenclast_si128(cbc, load(&keys[10]))) }};
        }
        #[rustfmt::skip]
        interleaved!(
            abef, cdgh, w0, w1, w2, w3,
            { aes!(begin p0) }, { aes!(2, 3, 4) }, { aes!(5, 6) }, { aes!(end c0) },
            { aes!(begin p1) }, { aes!(2, 3, 4) }, { aes!(5, 6) }, { aes!(end c1) },
            { aes!(begin p2) }, { aes!(2, 3, 4) }, { aes!(5, 6) }, { aes!(end c2) },
            { aes!(begin p3) }, { aes!(2, 3, 4) }, { aes!(5, 6) }, { aes!(end c3) },
        );
        (abef, cdgh) = (_mm_add_epi32(abef, earlier.0), _mm_add_epi32(cdgh, earlier.1));
        hashed += 64;
        filled += 64;
    }
    store(&mut state.0[0], abef);
    store(&mut state.0[1], cdgh);
    store(chain, _mm_aesenclast_si128(cbc, load(&schedule.encrypting[10])));
    *place = Place { filled, hashed };
}

with_cpu! {
    /// Deciphers `groups` times 64 bytes that stand [`HEAD_BYTES`] into `body`, moves what they say to its beginning, and hashes
    /// what stood there before it is overwritten. `chain` becomes the last ciphertext. `body` is long enough.
    open => open_inner(keys: &[Block; 11], chain: &mut Block, state: &mut State, body: &mut [u8], groups: usize)
}

#[target_feature(enable = "aes,sha,avx")]
fn open_inner(keys: &[Block; 11], chain: &mut Block, state: &mut State, body: &mut [u8], groups: usize) {
    const WINDOW: usize = 64 + HEAD_BYTES;
    let (mut abef, mut cdgh) = (load(&state.0[0]), load(&state.0[1]));
    let mut before = load(chain);
    for group in 0..groups {
        let keys = black_box(keys);
        let window = body.get_mut(group.saturating_mul(64)..).and_then(|it| it.first_chunk_mut::<WINDOW>());
        let Some(window) = window else { break };
        let Some(cipher) = window.last_chunk::<64>() else { break };
        let [c0, c1, c2, c3] = quarters(cipher);
        let (c0, c1, c2, c3) = (load(c0), load(c1), load(c2), load(c3));
        let Some(block) = window.first_chunk_mut::<64>() else { break };
        let [a, b, c, d] = quarters(block);
        let (mut w0, mut w1, mut w2, mut w3) = (words!(a), words!(b), words!(c), words!(d));
        let key = load(&keys[0]);
        let (mut s0, mut s1, mut s2, mut s3) =
            (_mm_xor_si128(c0, key), _mm_xor_si128(c1, key), _mm_xor_si128(c2, key), _mm_xor_si128(c3, key));
        macro_rules! aes {
            ($key:literal) => {{
                let key = load(&keys[$key]);
                s0 = _mm_aesdec_si128(s0, key);
                s1 = _mm_aesdec_si128(s1, key);
                s2 = _mm_aesdec_si128(s2, key);
                s3 = _mm_aesdec_si128(s3, key);
            }};
        }
        let earlier = (abef, cdgh);
        interleaved!(
            abef,
            cdgh,
            w0,
            w1,
            w2,
            w3,
            { aes!(1) },
            { aes!(2) },
            { aes!(3) },
            { aes!(4) },
            { aes!(5) },
            { aes!(6) },
            { aes!(7) },
            { aes!(8) },
            { aes!(9) },
            {
                let key = load(&keys[10]);
                s0 = _mm_aesdeclast_si128(s0, _mm_xor_si128(key, before));
                s1 = _mm_aesdeclast_si128(s1, _mm_xor_si128(key, c0));
                s2 = _mm_aesdeclast_si128(s2, _mm_xor_si128(key, c1));
                s3 = _mm_aesdeclast_si128(s3, _mm_xor_si128(key, c2));
                before = c3;
            },
            {
                if let Some([p0, p1, p2, p3]) = quarters_mut(block) {
                    store(p0, s0);
                    store(p1, s1);
                    store(p2, s2);
                    store(p3, s3);
                }
            },
            {},
            {},
            {},
            {},
            {},
        );
        (abef, cdgh) = (_mm_add_epi32(abef, earlier.0), _mm_add_epi32(cdgh, earlier.1));
    }
    store(&mut state.0[0], abef);
    store(&mut state.0[1], cdgh);
    store(chain, before);
}
