//! SHA-256, one stream and two.

use std::arch::x86_64::*;

use super::{Cpu, HashBlock, State, load, quarters, store};

/// The constants of SHA-256, four rounds a line. Source: FIPS 180-4 §4.2.2.
pub(super) const K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

with_cpu! {
    /// Hashes whole blocks.
    hash => hash_inner(state: &mut State, blocks: &[HashBlock])
}

#[target_feature(enable = "sha,avx")]
fn hash_inner(state: &mut State, blocks: &[HashBlock]) {
    let (mut abef, mut cdgh) = (load(&state.0[0]), load(&state.0[1]));
    for block in blocks {
        let [a, b, c, d] = quarters(block);
        let (mut w0, mut w1, mut w2, mut w3) = (words!(a), words!(b), words!(c), words!(d));
        let before = (abef, cdgh);
        interleaved!(
            abef,
            cdgh,
            w0,
            w1,
            w2,
            w3,
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {}
        );
        (abef, cdgh) = (_mm_add_epi32(abef, before.0), _mm_add_epi32(cdgh, before.1));
    }
    store(&mut state.0[0], abef);
    store(&mut state.0[1], cdgh);
}

with_cpu! {
    /// HMAC's tag: hashes the last blocks, and the digest of that behind `outer`, without leaving registers in between.
    tag => tag_inner(inner: &State, blocks: &[HashBlock], outer: &State) -> [u8; 32]
}

#[target_feature(enable = "sha,avx")]
fn tag_inner(inner: &State, blocks: &[HashBlock], outer: &State) -> [u8; 32] {
    let mut state = *inner;
    hash_inner(&mut state, blocks);
    let digest = in_order(load(&state.0[0]), load(&state.0[1]));
    let [mut w0, mut w1] = digest;
    // A one, zeros, and the length in bits: a padded key and a digest.
    let (mut w2, mut w3) = (_mm_set_epi32(0, 0, 0, i32::MIN), _mm_set_epi32(96 * 8, 0, 0, 0));
    let (mut abef, mut cdgh) = (load(&outer.0[0]), load(&outer.0[1]));
    let before = (abef, cdgh);
    interleaved!(abef, cdgh, w0, w1, w2, w3, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {});
    let [first, second] = in_order(_mm_add_epi32(abef, before.0), _mm_add_epi32(cdgh, before.1));
    let mut tag = [0; 32];
    if let ([one, two], []) = tag.as_chunks_mut() {
        store(one, big_endian(first));
        store(two, big_endian(second));
    }
    tag
}

/// Words A to D and E to H of a state.
#[inline]
#[target_feature(enable = "sha,avx")]
fn in_order(abef: __m128i, cdgh: __m128i) -> [__m128i; 2] {
    let (abef, cdgh) = (_mm_shuffle_epi32::<0x1b>(abef), _mm_shuffle_epi32::<0x1b>(cdgh));
    [_mm_unpacklo_epi64(abef, cdgh), _mm_unpackhi_epi64(abef, cdgh)]
}

/// Between words in the processor's order and big-endian bytes.
#[inline]
#[target_feature(enable = "sha,avx")]
fn big_endian(words: __m128i) -> __m128i {
    _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203))
}

with_cpu! {
    /// Hashes as many whole blocks for each of two states as both have; tells how many. One chain waits while the other works.
    hash_two => hash_two_inner(states: [&mut State; 2], blocks: [&[HashBlock]; 2]) -> usize
}

#[target_feature(enable = "sha,avx")]
fn hash_two_inner(states: [&mut State; 2], blocks: [&[HashBlock]; 2]) -> usize {
    let [one, two] = states;
    let (mut abef, mut cdgh) = (load(&one.0[0]), load(&one.0[1]));
    let (mut abef2, mut cdgh2) = (load(&two.0[0]), load(&two.0[1]));
    let [first, second] = blocks;
    let mut count = 0;
    for (block, block2) in first.iter().zip(second) {
        let [a, b, c, d] = quarters(block);
        let (mut w0, mut w1, mut w2, mut w3) = (words!(a), words!(b), words!(c), words!(d));
        let [a, b, c, d] = quarters(block2);
        let (mut v0, mut v1, mut v2, mut v3) = (words!(a), words!(b), words!(c), words!(d));
        let before = (abef, cdgh, abef2, cdgh2);
        macro_rules! other {
            ($at:literal, $v:ident) => {{
                rounds!($at, abef2, cdgh2, $v);
            }};
            ($at:literal, $v0:ident, $v1:ident, $v2:ident, $v3:ident) => {{
                rounds!($at, abef2, cdgh2, $v0);
                schedule!($v0, $v1, $v2, $v3);
            }};
        }
        interleaved!(
            abef,
            cdgh,
            w0,
            w1,
            w2,
            w3,
            { other!(0, v0, v1, v2, v3) },
            { other!(1, v1, v2, v3, v0) },
            { other!(2, v2, v3, v0, v1) },
            { other!(3, v3, v0, v1, v2) },
            { other!(4, v0, v1, v2, v3) },
            { other!(5, v1, v2, v3, v0) },
            { other!(6, v2, v3, v0, v1) },
            { other!(7, v3, v0, v1, v2) },
            { other!(8, v0, v1, v2, v3) },
            { other!(9, v1, v2, v3, v0) },
            { other!(10, v2, v3, v0, v1) },
            { other!(11, v3, v0, v1, v2) },
            { other!(12, v0) },
            { other!(13, v1) },
            { other!(14, v2) },
            { other!(15, v3) },
        );
        (abef, cdgh) = (_mm_add_epi32(abef, before.0), _mm_add_epi32(cdgh, before.1));
        (abef2, cdgh2) = (_mm_add_epi32(abef2, before.2), _mm_add_epi32(cdgh2, before.3));
        count += 1;
    }
    store(&mut one.0[0], abef);
    store(&mut one.0[1], cdgh);
    store(&mut two.0[0], abef2);
    store(&mut two.0[1], cdgh2);
    count
}
