//! Proofs: that an entry is in a tree, and that a tree goes on from an older one.

use super::{Hash, empty_root, node_hash};

/// Hashes of a proof: a tree of 2^63 entries needs 64.
const PROOF_HASHES_MAX: usize = 64;

/// A proof does not show what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// No such entry, or no such older tree.
    #[error("{at} lies outside the tree of {size} entries")]
    Outside {
        /// The index, or the size of the older tree.
        at: u64,
        /// Size of the tree.
        size: u64,
    },
    /// Not as many hashes as the path has nodes.
    #[error("the proof has {got} hashes, which does not fit")]
    Length {
        /// Hashes there are.
        got: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Where the nodes of a tree come from: memory, or tiles.
pub(crate) trait Nodes {
    type Error;

    /// Root of the complete subtree over the leaves `index · 2^height` to `(index + 1) · 2^height`.
    fn node(&mut self, height: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// Root over the leaves from `start` to `end`, of which the first subtree is complete. Source: RFC 6962 §2.1.
fn root_between<N: Nodes>(nodes: &mut N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let mut parts = Vec::new();
    let mut at = start;
    while at < end {
        let height = (end - at).ilog2();
        parts.push(nodes.node(u8::try_from(height).unwrap_or(u8::MAX), at >> height)?);
        at += 1 << height;
    }
    let mut parts = parts.into_iter().rev();
    let Some(last) = parts.next() else { return Ok(empty_root()) };
    Ok(parts.fold(last, |right, left| node_hash(&left, &right)))
}

/// Largest power of two below `n`, which is at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The path from entry `index` to the root of the tree of `size` entries, nearest sibling first. Source: RFC 6962 §2.1.1.
/// An index outside the tree has no path.
pub(crate) fn inclusion<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 && index < size {
        let middle = start + split(end - start);
        if index < middle {
            path.push(root_between(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(root_between(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `size` entries begins with the tree of `old`. Source: RFC 6962 §2.1.2. Empty where nothing needs
/// proof: an old tree that is empty, or the same.
pub(crate) fn consistency<N: Nodes>(nodes: &mut N, old: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if old == 0 || old >= size {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, size);
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(root_between(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(root_between(nodes, start, middle)?);
            start = middle;
        }
    }
    // The verifier knows the old root; where that is not the node reached, it needs the node.
    if start > 0 {
        proof.push(root_between(nodes, start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that `leaf` is entry `index` of the tree of `size` entries with `root`. Source: RFC 9162 §2.1.3.2.
pub fn check_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { at: index, size });
    }
    let wrong_length = ProofError::Length { got: proof.len() };
    if proof.len() > PROOF_HASHES_MAX {
        return Err(wrong_length);
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A node at the right edge without a sibling on its level moves up alone.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    match last {
        0 if hash == root => Ok(()),
        0 => Err(ProofError::Root),
        _ => Err(wrong_length),
    }
}

/// Checks that the tree of `size` entries with `root` begins with the tree of `old` entries with `old_root`.
/// Source: RFC 9162 §2.1.4.2.
pub fn check_consistency(
    old: u64,
    old_root: Hash,
    size: u64,
    root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    let wrong_length = ProofError::Length { got: proof.len() };
    if old > size {
        return Err(ProofError::Outside { at: old, size });
    }
    if old == size || old == 0 {
        let wanted = if old == 0 { empty_root() } else { root };
        return match proof {
            [] if old_root == wanted => Ok(()),
            [] => Err(ProofError::Root),
            _ => Err(wrong_length),
        };
    }
    // A complete old tree is a node of the new one; the proof leaves it out.
    let (first, rest) = match proof.split_first() {
        _ if proof.len() > PROOF_HASHES_MAX => return Err(wrong_length),
        _ if old.is_power_of_two() => (old_root, proof),
        Some((first, rest)) => (*first, rest),
        None => return Err(wrong_length),
    };
    let skipped = (old - 1).trailing_ones();
    let (mut node, mut last) = ((old - 1) >> skipped, (size - 1) >> skipped);
    let (mut of_old, mut of_new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            of_old = node_hash(sibling, &of_old);
            of_new = node_hash(sibling, &of_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            of_new = node_hash(&of_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    match last {
        0 if of_old == old_root && of_new == root => Ok(()),
        0 => Err(ProofError::Root),
        _ => Err(wrong_length),
    }
}
