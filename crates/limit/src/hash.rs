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
    pub(crate) fn hash(self, bytes: &[u8]) -> u64 {
        let mut state = State::new(self);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            state.absorb(u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(words.remainder()) {
            *to = *from;
        }
        // The top byte holds the length, so that a trailing zero counts.
        state.absorb(u64::from_le_bytes(last) | (bytes.len() as u64) << 56);
        state.finish()
    }

    /// The hash of eight bytes: the same as [`hash`](Self::hash) of the number's little-endian form.
    #[inline]
    pub(crate) fn hash_u64(self, number: u64) -> u64 {
        let mut state = State::new(self);
        state.absorb(number);
        state.absorb(8 << 56);
        state.finish()
    }
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

    #[test]
    fn a_number_hashes_as_its_bytes() {
        let key = HashKey::of_secret(&[7; 32], 1);
        for number in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(key.hash_u64(number), key.hash(&number.to_le_bytes()));
        }
    }

    #[test]
    fn labels_give_keys_of_their_own() {
        let key = HashKey::of_secret(&[7; 32], 0);
        let hashes = [key.hash(b"x"), key.derive(b"user").hash(b"x"), key.derive(b"key").hash(b"x")];
        assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
    }
}
