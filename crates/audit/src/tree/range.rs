//! A tree of which only the right edge is remembered: enough to grow and to tell the root.

use super::{Hash, empty_root, node_hash};

/// The roots of the complete subtrees that make up a tree, tallest first: one for each bit that is set in its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    size: u64,
    /// Height and root of each.
    subtrees: Vec<(u8, Hash)>,
}

impl Range {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends one leaf.
    pub(crate) fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Appends a complete subtree of `2^height` leaves. The size so far is a multiple of that, or the result means nothing.
    pub(crate) fn push_subtree(&mut self, height: u8, root: Hash) {
        let (mut height, mut root) = (height, root);
        self.size = self.size.saturating_add(1u64.checked_shl(u32::from(height)).unwrap_or(u64::MAX));
        while let Some((_, left)) = self.subtrees.pop_if(|(of, _)| *of == height) {
            root = node_hash(&left, &root);
            height = height.saturating_add(1);
        }
        self.subtrees.push((height, root));
    }

    /// Root of the whole tree. Source: RFC 6962 §2.1.
    pub(crate) fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev().map(|(_, root)| *root);
        let Some(last) = subtrees.next() else { return empty_root() };
        subtrees.fold(last, |right, left| node_hash(&left, &right))
    }
}
