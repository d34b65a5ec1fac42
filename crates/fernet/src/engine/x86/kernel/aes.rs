//! AES-128: round keys and CBC chains.

use std::arch::x86_64::*;

use super::{Block, Cpu, Schedule, load, store};

with_cpu! {
    /// Round keys of a key. Source: FIPS 197 §5.2; the inverse cipher is the equivalent one of §5.3.5.
    expand => expand_inner(key: &Block) -> Schedule
}

#[target_feature(enable = "aes,avx")]
fn expand_inner(key: &Block) -> Schedule {
    let mut schedule = Schedule { encrypting: [[0; 16]; 11], decrypting: [[0; 16]; 11], folded: [0; 16] };
    let mut last = load(key);
    let mut keys = [last; 11];
    macro_rules! round {
        ($at:literal, $rcon:literal) => {
            let word = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<$rcon>(last));
            last = _mm_xor_si128(last, _mm_slli_si128::<4>(last));
            last = _mm_xor_si128(last, _mm_slli_si128::<8>(last));
            last = _mm_xor_si128(last, word);
            keys[$at] = last;
        };
    }
    round!(1, 0x01);
    round!(2, 0x02);
    round!(3, 0x04);
    round!(4, 0x08);
    round!(5, 0x10);
    round!(6, 0x20);
    round!(7, 0x40);
    round!(8, 0x80);
    round!(9, 0x1b);
    round!(10, 0x36);
    store(&mut schedule.folded, _mm_xor_si128(keys[0], keys[10]));
    for (to, key) in schedule.encrypting.iter_mut().zip(keys) {
        store(to, key);
    }
    let inner = 1..10;
    for (at, (to, key)) in schedule.decrypting.iter_mut().zip(keys.into_iter().rev()).enumerate() {
        store(to, if inner.contains(&at) { _mm_aesimc_si128(key) } else { key });
    }
    schedule
}

with_cpu! {
    /// Enciphers blocks of one chain from `plain` to `cipher`, as many as both have.
    encipher => encipher_inner(keys: &[Block; 11], chain: &mut Block, plain: &[Block], cipher: &mut [Block])
}

#[target_feature(enable = "aes,avx")]
fn encipher_inner(keys: &[Block; 11], chain: &mut Block, plain: &[Block], cipher: &mut [Block]) {
    let last = load(&keys[10]);
    let fold = _mm_xor_si128(last, load(&keys[0]));
    let mut state = before_last_round!(chain, last);
    for (plain, cipher) in plain.iter().zip(cipher) {
        state_begins!(state, fold, plain);
        nine_rounds!(state, keys);
        store(cipher, _mm_aesenclast_si128(state, last));
    }
    store(chain, _mm_aesenclast_si128(state, last));
}

with_cpu! {
    /// Enciphers blocks of one chain in place.
    encipher_in_place => encipher_in_place_inner(keys: &[Block; 11], chain: &mut Block, blocks: &mut [Block])
}

#[target_feature(enable = "aes,avx")]
fn encipher_in_place_inner(keys: &[Block; 11], chain: &mut Block, blocks: &mut [Block]) {
    let last = load(&keys[10]);
    let fold = _mm_xor_si128(last, load(&keys[0]));
    let mut state = before_last_round!(chain, last);
    for block in blocks {
        state_begins!(state, fold, block);
        nine_rounds!(state, keys);
        store(block, _mm_aesenclast_si128(state, last));
    }
    store(chain, _mm_aesenclast_si128(state, last));
}

with_cpu! {
    /// Deciphers blocks of one chain in place.
    decipher => decipher_inner(keys: &[Block; 11], chain: &mut Block, blocks: &mut [Block])
}

#[target_feature(enable = "aes,avx")]
fn decipher_inner(keys: &[Block; 11], chain: &mut Block, blocks: &mut [Block]) {
    let mut before = load(chain);
    for block in blocks {
        let cipher = load(block);
        let mut state = _mm_xor_si128(cipher, load(&keys[0]));
        for key in &keys[1..10] {
            state = _mm_aesdec_si128(state, load(key));
        }
        state = _mm_aesdeclast_si128(state, load(&keys[10]));
        store(block, _mm_xor_si128(state, before));
        before = cipher;
    }
    store(chain, before);
}

/// Chains that are enciphered side by side: as many as keep the processor's AES units busy.
pub(in crate::engine::x86) const LANES: usize = 8;

with_cpu! {
    /// Enciphers eight chains in place, as many blocks of each as the shortest has; tells how many.
    encipher_lanes => encipher_lanes_inner(
        keys: &[Block; 11], chains: &mut [Block; LANES], lanes: [&mut [Block]; LANES]
    ) -> usize
}

#[target_feature(enable = "aes,avx")]
fn encipher_lanes_inner(
    keys: &[Block; 11],
    chains: &mut [Block; LANES],
    lanes: [&mut [Block]; LANES],
) -> usize {
    let [l0, l1, l2, l3, l4, l5, l6, l7] = lanes;
    let [h0, h1, h2, h3, h4, h5, h6, h7] = chains;
    let (mut s0, mut s1, mut s2, mut s3) = (load(h0), load(h1), load(h2), load(h3));
    let (mut s4, mut s5, mut s6, mut s7) = (load(h4), load(h5), load(h6), load(h7));
    macro_rules! each {
        ($of:ident, $($with:expr),*) => {
            s0 = $of(s0, $($with),*);
            s1 = $of(s1, $($with),*);
            s2 = $of(s2, $($with),*);
            s3 = $of(s3, $($with),*);
            s4 = $of(s4, $($with),*);
            s5 = $of(s5, $($with),*);
            s6 = $of(s6, $($with),*);
            s7 = $of(s7, $($with),*);
        };
    }
    let mut count = 0;
    let blocks = l0.iter_mut().zip(l1).zip(l2).zip(l3).zip(l4).zip(l5).zip(l6).zip(l7);
    for (((((((b0, b1), b2), b3), b4), b5), b6), b7) in blocks {
        s0 = _mm_xor_si128(s0, load(b0));
        s1 = _mm_xor_si128(s1, load(b1));
        s2 = _mm_xor_si128(s2, load(b2));
        s3 = _mm_xor_si128(s3, load(b3));
        s4 = _mm_xor_si128(s4, load(b4));
        s5 = _mm_xor_si128(s5, load(b5));
        s6 = _mm_xor_si128(s6, load(b6));
        s7 = _mm_xor_si128(s7, load(b7));
        let key = load(&keys[0]);
        each!(_mm_xor_si128, key);
        for key in &keys[1..10] {
            let key = load(key);
            each!(_mm_aesenc_si128, key);
        }
        let key = load(&keys[10]);
        each!(_mm_aesenclast_si128, key);
        store(b0, s0);
        store(b1, s1);
        store(b2, s2);
        store(b3, s3);
        store(b4, s4);
        store(b5, s5);
        store(b6, s6);
        store(b7, s7);
        count += 1;
    }
    store(h0, s0);
    store(h1, s1);
    store(h2, s2);
    store(h3, s3);
    store(h4, s4);
    store(h5, s5);
    store(h6, s6);
    store(h7, s7);
    count
}
