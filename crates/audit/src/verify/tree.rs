//! The tree as the verifier grows it.

use crate::tree::{Hash, empty_root, node_hash};

/// Complete subtrees, tallest first, as bits of the size.
#[derive(Default)]
pub(super) struct Frontier {
    pub(super) size: u64,
    stack: Vec<Hash>,
}

impl Frontier {
    /// Appends a leaf. `complete` sees each root of `256^level` entries that this completes, from level 1 on.
    pub(super) fn push(&mut self, leaf: Hash, mut complete: impl FnMut(u8, Hash)) {
        let mut hash = leaf;
        // As many subtrees end here as the size has ones at its end.
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.stack.pop() else { break };
            hash = node_hash(&left, &hash);
            if height % 8 == 0 {
                complete(u8::try_from(height / 8).unwrap_or(u8::MAX), hash);
            }
        }
        self.stack.push(hash);
        self.size += 1;
    }

    pub(super) fn root(&self) -> Hash {
        let mut from_right = self.stack.iter().rev();
        let Some(last) = from_right.next() else { return empty_root() };
        from_right.fold(*last, |right, left| node_hash(left, &right))
    }
}
