//! Keyed hashing of whom a rule counts, so that nobody outside can choose two names that share a window.
//!
//! SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; one compression and three finalisation
//! rounds). Written out because its values reach the journal: they must not change with a compiler or a library.

/// A key of the hash.
#[derive(Clone, Copy)]
pub(crate) struct HashKey(u64, u64);

impl HashKey {
    /// Key number `n` (0 or 1) of a 32-byte secret.
    pub(crate) fn of_secret(secret: &[u8; 32], n: usize) -> Self {
        let word = |at: usize| {
            let bytes = secret.get(at * 8..at * 8 + 8).and_then(|s| s.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        Self(word(2 * n), word(2 * n + 1))
    }

    /// A key of its own for each `label`.
    pub(crate) fn derive(self, label: &[u8]) -> Self {
        Self(self.hash(&[label, b"/0"].concat()), self.hash(&[label, b"/1"].concat()))
    }

    /// The hash of any bytes.
    #[inline]
    pub(crate) fn hash(self, bytes: &[u8]) -> u64 {
        let mut state = State::new(self);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            state.absorb(u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        // The top byte holds the length, so that a trailing zero counts.
        state.absorb(last_word(words.remainder()) | (bytes.len() as u64) << 56);
        state.finish()
    }

    /// The hash of a number: two multiplications by parts of the key, each folded to 64 bits. Not SipHash: it takes a tenth
    /// of the instructions, which is what lets the waits of several decisions overlap. The key must have been derived, so that
    /// its words are random. Who does not know it cannot choose numbers that collide, nor see that they do.
    #[inline]
    pub(crate) fn hash_number(self, number: u64) -> u64 {
        folded_product(folded_product(number ^ self.0, self.1 | 1) ^ self.1, self.0 | 1)
    }
}

/// Up to seven bytes, the first lowest. In two halves that overlap, or byte by byte where there are fewer than four: names are
/// short, and a loop over their last bytes would take as long as the hash.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
        return first | last << (8 * (bytes.len() - 4));
    }
    match *bytes {
        [a, b, c] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
        [a, b] => u64::from(a) | u64::from(b) << 8,
        [a] => u64::from(a),
        _ => 0,
    }
}

#[inline]
fn folded_product(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

struct State {
    a: u64,
    b: u64,
    c: u64,
    d: u64,
}

impl State {
    #[inline]
    fn new(key: HashKey) -> Self {
        // "somepseudorandomlygeneratedbytes", as the paper has it.
        Self {
            a: key.0 ^ 0x736f_6d65_7073_6575,
            b: key.1 ^ 0x646f_7261_6e64_6f6d,
            c: key.0 ^ 0x6c79_6765_6e65_7261,
            d: key.1 ^ 0x7465_6462_7974_6573,
        }
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        self.d ^= word;
        self.round();
        self.a ^= word;
    }

    #[inline]
    fn finish(mut self) -> u64 {
        self.c ^= 0xff;
        for _ in 0..3 {
            self.round();
        }
        self.a ^ self.b ^ self.c ^ self.d
    }

    #[inline]
    fn round(&mut self) {
        self.a = self.a.wrapping_add(self.b);
        self.b = self.b.rotate_left(13) ^ self.a;
        self.a = self.a.rotate_left(32);
        self.c = self.c.wrapping_add(self.d);
        self.d = self.d.rotate_left(16) ^ self.c;
        self.a = self.a.wrapping_add(self.d);
        self.d = self.d.rotate_left(21) ^ self.a;
        self.c = self.c.wrapping_add(self.b);
        self.b = self.b.rotate_left(17) ^ self.c;
        self.c = self.c.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The standard library's own SipHash-1-3 is an independent implementation to agree with.
    #[test]
    fn agrees_with_the_standard_library() {
        use std::hash::Hasher as _;
        let text: Vec<u8> = (0..64).collect();
        for len in 0..text.len() {
            let mut std = std::hash::DefaultHasher::new(); // SipHash-1-3 with the key (0, 0)
            std.write(&text[..len]);
            assert_eq!(HashKey(0, 0).hash(&text[..len]), std.finish(), "{len} bytes");
        }
    }

    /// Neighbouring numbers fall evenly over the 256 shards: the chi-squared statistic of 255 degrees of freedom stays below 400
    /// (chance of more: one in a hundred million).
    #[test]
    fn numbers_spread() {
        for secret in 0..20 {
            let key = HashKey::of_secret(&[secret; 32], 0).derive(b"address");
            for stride in [1, 256, 1 << 32, 0x0100_0000_0001] {
                let mut counts = [0f64; 256];
                for n in 0..25_600u64 {
                    counts[usize::from(key.hash_number(n.wrapping_mul(stride)).to_be_bytes()[0])] += 1.0;
                }
                let chi: f64 = counts.iter().map(|count| (count - 100.0).powi(2) / 100.0).sum();
                assert!(chi < 400.0, "stride {stride}: {chi}");
            }
        }
    }

    #[test]
    fn labels_give_keys_of_their_own() {
        let key = HashKey::of_secret(&[7; 32], 0);
        let hashes = [key.hash(b"x"), key.derive(b"user").hash(b"x"), key.derive(b"key").hash(b"x")];
        assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
    }
}
