//! The steps of both functions, as macros: they unfold into the loops that hold them.

/// Makes a function of the module callable from everywhere: with a [`Cpu`].
macro_rules! with_cpu {
    ($(#[$doc:meta])* $name:ident => $inner:ident ($($arg:ident: $type:ty),*) $(-> $out:ty)?) => {
        $(#[$doc])*
        pub(in crate::engine::x86) fn $name(_: Cpu, $($arg: $type),*) $(-> $out)? {
            // SAFETY: a `Cpu` is made only where AES-NI, SHA-NI and AVX (which implies SSSE3 and SSE4.1) were detected.
            unsafe { $inner($($arg),*) }
        }
    };
}

/// Puts the bytes of big-endian words into the processor's order.
macro_rules! words {
    ($quarter:expr) => {
        _mm_shuffle_epi8(load($quarter), _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203))
    };
}

/// Four rounds of SHA-256.
macro_rules! rounds {
    ($at:literal, $abef:ident, $cdgh:ident, $w:ident) => {
        let [a, b, c, d] = K[$at];
        let sum = _mm_add_epi32($w, _mm_set_epi32(d as i32, c as i32, b as i32, a as i32));
        $cdgh = _mm_sha256rnds2_epu32($cdgh, $abef, sum);
        $abef = _mm_sha256rnds2_epu32($abef, $cdgh, _mm_shuffle_epi32::<0x0e>(sum));
    };
}

/// Four words of the message schedule, over the four of sixteen rounds before.
macro_rules! schedule {
    ($w0:ident, $w1:ident, $w2:ident, $w3:ident) => {
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32($w0, $w1), _mm_alignr_epi8::<4>($w3, $w2));
        $w0 = _mm_sha256msg2_epu32(sum, $w3);
    };
}

/// The 64 rounds of SHA-256 over words `w0` to `w3`, with sixteen pieces of other work in between.
macro_rules! interleaved {
    ($abef:ident, $cdgh:ident, $w0:ident, $w1:ident, $w2:ident, $w3:ident,
     $p0:block, $p1:block, $p2:block, $p3:block, $p4:block, $p5:block, $p6:block, $p7:block,
     $p8:block, $p9:block, $p10:block, $p11:block, $p12:block, $p13:block, $p14:block, $p15:block $(,)?) => {
        rounds!(0, $abef, $cdgh, $w0);
        schedule!($w0, $w1, $w2, $w3);
        $p0
        rounds!(1, $abef, $cdgh, $w1);
        schedule!($w1, $w2, $w3, $w0);
        $p1
        rounds!(2, $abef, $cdgh, $w2);
        schedule!($w2, $w3, $w0, $w1);
        $p2
        rounds!(3, $abef, $cdgh, $w3);
        schedule!($w3, $w0, $w1, $w2);
        $p3
        rounds!(4, $abef, $cdgh, $w0);
        schedule!($w0, $w1, $w2, $w3);
        $p4
        rounds!(5, $abef, $cdgh, $w1);
        schedule!($w1, $w2, $w3, $w0);
        $p5
        rounds!(6, $abef, $cdgh, $w2);
        schedule!($w2, $w3, $w0, $w1);
        $p6
        rounds!(7, $abef, $cdgh, $w3);
        schedule!($w3, $w0, $w1, $w2);
        $p7
        rounds!(8, $abef, $cdgh, $w0);
        schedule!($w0, $w1, $w2, $w3);
        $p8
        rounds!(9, $abef, $cdgh, $w1);
        schedule!($w1, $w2, $w3, $w0);
        $p9
        rounds!(10, $abef, $cdgh, $w2);
        schedule!($w2, $w3, $w0, $w1);
        $p10
        rounds!(11, $abef, $cdgh, $w3);
        schedule!($w3, $w0, $w1, $w2);
        $p11
        rounds!(12, $abef, $cdgh, $w0);
        $p12
        rounds!(13, $abef, $cdgh, $w1);
        $p13
        rounds!(14, $abef, $cdgh, $w2);
        $p14
        rounds!(15, $abef, $cdgh, $w3);
        $p15
    };
}

/// The state of a CBC chain before the last round of the block before. `aesenclast` of it under the last key is that block's
/// ciphertext; under the last key with the next block's plaintext and the first key added, it is the next block after its
/// first addition: so the XOR of CBC costs no time.
macro_rules! before_last_round {
    ($chain:expr, $last_key:expr) => {
        _mm_aesdeclast_si128(_mm_xor_si128(load($chain), $last_key), _mm_setzero_si128())
    };
}

/// A chain goes from before the last round of one block to after the first addition of the next.
macro_rules! state_begins {
    ($state:ident, $fold:expr, $plain:expr) => {
        $state = _mm_aesenclast_si128($state, _mm_xor_si128($fold, load($plain)))
    };
}

/// The rounds of AES between the first addition of a key and the last round.
macro_rules! nine_rounds {
    ($state:ident, $keys:ident) => {
        for key in &$keys[1..10] {
            $state = _mm_aesenc_si128($state, load(key));
        }
    };
}
