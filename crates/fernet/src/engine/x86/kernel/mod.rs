//! AES-128-CBC and SHA-256 with AES-NI and SHA-NI, in one loop where one token is sealed or opened.
//!
//! CBC enciphers block after block, each waiting for the one before: 10 rounds of 4 cycles for 16 bytes on Zen. SHA-256
//! waits in the same way: 32 steps of 4 cycles for 64 bytes. The two chains do not wait for each other, so a loop that holds
//! both takes as long as the longer one. Deciphering waits for nothing and hides under the hash.
//!
//! # Why this is sound
//!
//! There are two kinds of `unsafe` here. *Loads and stores* ([`load`], [`store`]) go through references to arrays of 16
//! bytes, with instructions that want no alignment: what is read and written is what the reference covers. *Calls* of
//! functions compiled for AES-NI, SHA-NI and AVX take a [`Cpu`], which only [`Cpu::detect`] makes, after the processor said
//! that it has all of them. Everything else is safe: slices are walked by chunks, and no pointer outlives its expression. What
//! the functions compute is compared with the portable way at start-up (`engine/agree.rs`) and by tests.
//!
//! No branch and no address depends on a key or on content.
#![expect(unsafe_code, reason = "instructions that not every processor has; the proof is above")]

#[macro_use]
mod steps;
mod aes;
mod fused;
mod sha256;

use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};

use zeroize::Zeroize as _;

pub(super) use self::aes::{LANES, decipher, encipher, encipher_in_place, encipher_lanes, expand};
pub(super) use self::fused::{Place, open, seal};
pub(super) use self::sha256::{hash, hash_two, tag};

/// A block of AES.
pub(super) type Block = [u8; 16];
/// A block of SHA-256.
pub(super) type HashBlock = [u8; 64];

/// Proof that the processor has AES-NI, SHA-NI and what is used beside them.
#[derive(Clone, Copy)]
pub(super) struct Cpu(());

impl Cpu {
    pub(super) fn detect() -> Option<Self> {
        let there = std::arch::is_x86_feature_detected!("aes")
            && std::arch::is_x86_feature_detected!("sha")
            && std::arch::is_x86_feature_detected!("avx");
        there.then_some(Self(()))
    }
}

/// Round keys, for enciphering and for deciphering.
pub(super) struct Schedule {
    pub(super) encrypting: [Block; 11],
    pub(super) decrypting: [Block; 11],
    /// The last and the first key for enciphering, added: what stands between two blocks of a chain.
    folded: Block,
}

impl Schedule {
    pub(super) fn wipe(&mut self) {
        self.encrypting.zeroize();
        self.decrypting.zeroize();
        self.folded.zeroize();
    }
}

/// Where SHA-256 stands after whole blocks, as SHA-NI wants it: words F E B A, then H G D C (little-endian).
#[derive(Clone, Copy)]
pub(super) struct State([Block; 2]);

impl State {
    /// The first state. Source: FIPS 180-4 §5.3.3.
    pub(super) const START: Self = Self([
        block_of([0x9b05_688c, 0x510e_527f, 0xbb67_ae85, 0x6a09_e667]),
        block_of([0x5be0_cd19, 0x1f83_d9ab, 0xa54f_f53a, 0x3c6e_f372]),
    ]);

    /// The hash, words A to H in big-endian.
    pub(super) fn digest(&self) -> [u8; 32] {
        let [abef, cdgh] = self.0.map(|block| {
            let mut words = block;
            words.reverse();
            words
        });
        let (ab, ef) = abef.split_at(8);
        let (cd, gh) = cdgh.split_at(8);
        let mut digest = [0; 32];
        for (to, from) in digest.chunks_exact_mut(8).zip([ab, cd, ef, gh]) {
            to.copy_from_slice(from);
        }
        digest
    }

    pub(super) fn wipe(&mut self) {
        self.0.zeroize();
    }
}

const fn block_of(words: [u32; 4]) -> Block {
    let [a, b, c, d] =
        [words[0].to_le_bytes(), words[1].to_le_bytes(), words[2].to_le_bytes(), words[3].to_le_bytes()];
    [a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]]
}

#[inline(always)]
fn load(block: &Block) -> __m128i {
    // SAFETY: 16 bytes behind a reference are readable; the instruction wants no alignment.
    unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
}

#[inline(always)]
fn store(block: &mut Block, value: __m128i) {
    // SAFETY: 16 bytes behind an exclusive reference are writable; the instruction wants no alignment.
    unsafe { _mm_storeu_si128(block.as_mut_ptr().cast(), value) }
}

/// The four blocks of AES that make 64 bytes.
#[inline(always)]
fn quarters(bytes: &HashBlock) -> [&Block; 4] {
    match bytes.as_chunks() {
        ([a, b, c, d], []) => [a, b, c, d],
        _ => [&[0; 16]; 4],
    }
}

#[inline(always)]
fn quarters_mut(bytes: &mut HashBlock) -> Option<[&mut Block; 4]> {
    match bytes.as_chunks_mut() {
        ([a, b, c, d], []) => Some([a, b, c, d]),
        _ => None,
    }
}
