//! Which of eight words equal another, all compared at once.
//!
//! This decides what a decision on cold keys costs: the fewer instructions, the more decisions wait for memory at once. The
//! compiler makes some thirty instructions of the portable variant, and of every other safe one that was tried; these are ten.
//! It is the crate's only unsafe code; tests compare it with the portable variant.

/// Words of a cache line's tags.
pub(super) const LINE: usize = 4;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable as equal;

/// One bit for each of the words that is `sought`, those of `one` lowest.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions; the proof stands beside them")]
#[inline]
pub(super) fn equal(one: &[u32; LINE], other: &[u32; LINE], sought: u32) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi32, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set_epi32, _mm_set1_epi32,
    };
    let ([a, b, c, d], [e, f, g, h]) = (one.map(u32::cast_signed), other.map(u32::cast_signed));
    // SAFETY: these ask one thing of their caller, that the processor has SSE2, which is part of every x86-64. They take and
    // return values; none reads or writes memory through a pointer.
    unsafe {
        let all = _mm_set1_epi32(sought.cast_signed());
        let low = _mm_cmpeq_epi32(_mm_set_epi32(d, c, b, a), all);
        let high = _mm_cmpeq_epi32(_mm_set_epi32(h, g, f, e), all);
        // Words are 0 or -1, which stay so when they are narrowed.
        let both = _mm_packs_epi32(low, high);
        _mm_movemask_epi8(_mm_packs_epi16(both, both)).cast_unsigned() & 0xff
    }
}

/// The same, for any processor.
#[cfg_attr(all(target_arch = "x86_64", not(test)), expect(dead_code, reason = "the twin to compare with"))]
#[inline]
pub(super) fn portable(one: &[u32; LINE], other: &[u32; LINE], sought: u32) -> u32 {
    (0..).zip(one.iter().chain(other)).fold(0, |hits, (at, word)| hits | u32::from(*word == sought) << at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Words that meet often, and those at the edges of what a signed comparison or a saturating narrowing would confuse.
    fn word() -> impl Strategy<Value = u32> {
        prop_oneof![
            0..4u32,
            prop::sample::select(vec![
                0x7fff,
                0x8000,
                0xffff,
                0x1_0000,
                0x7fff_ffff,
                0x8000_0000,
                0xffff_ffff
            ]),
            any::<u32>(),
        ]
    }

    #[test]
    fn each_place_has_its_bit() {
        for at in 0..2 * LINE {
            let mut words = [5; 2 * LINE];
            words[at] = u32::MAX;
            let (one, other) = words.split_at(LINE);
            let (one, other) = (one.try_into().unwrap(), other.try_into().unwrap());
            assert_eq!(equal(one, other, u32::MAX), 1 << at);
            assert_eq!(equal(one, other, 5), 0xff ^ 1 << at);
            assert_eq!(equal(one, other, 6), 0);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_its_portable_twin(one in [word(), word(), word(), word()], other in [word(), word(), word(), word()], sought in word()) {
            prop_assert_eq!(equal(&one, &other, sought), portable(&one, &other, sought));
            prop_assert_eq!(equal(&one, &other, other[2]), portable(&one, &other, other[2]));
        }
    }
}
