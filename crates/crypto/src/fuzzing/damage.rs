//! What happens to something sealed on its way, as the fuzzer's first bytes have it.

/// A change of one byte or of the length.
pub(super) struct Damage {
    pub(super) at: usize,
    pub(super) how: u8,
    pub(super) what: u8,
}

impl Damage {
    /// Takes it from the front of `bytes`, and gives the rest.
    pub(super) fn take(bytes: &[u8]) -> (Self, &[u8]) {
        match bytes {
            [high, low, how, what, rest @ ..] => {
                (Self { at: usize::from(u16::from_be_bytes([*high, *low])), how: *how, what: *what }, rest)
            }
            _ => (Self { at: 0, how: 0, what: 1 }, bytes),
        }
    }

    /// A place among so many.
    pub(super) fn place(&self, among: usize) -> usize {
        self.at % among.max(1)
    }

    /// The bytes, damaged; `None` if that changes nothing.
    pub(super) fn to(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut changed = bytes.to_vec();
        let at = self.place(bytes.len());
        match self.how % 5 {
            0 => *changed.get_mut(at)? ^= self.what,
            1 if !changed.is_empty() => drop(changed.remove(at)),
            2 => changed.insert(at, self.what),
            3 => changed.truncate(at),
            _ => changed.push(self.what),
        }
        (changed != bytes).then_some(changed)
    }
}
