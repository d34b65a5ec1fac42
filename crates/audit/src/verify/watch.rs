//! Signed roots that the tree has to meet as it grows.

use std::collections::BTreeMap;

use super::read::Claim;
use super::tree::Frontier;
use super::{Finding, Stop, Wrong};
use crate::tree::Hash;

/// A signed root that the tree must have when it has grown to a size.
struct Watch {
    root: Hash,
    from: Source,
}

/// Who says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A checkpoint that somebody else kept.
    Kept,
    /// One that lies beside the log because a witness cosigned it.
    Cosigned,
    /// The one that is published.
    Published,
    /// A batch of the journal, from this entry on, in the segment that begins with that one.
    Batch { first: u64, segment: u64 },
    /// The head of a segment. It is not signed.
    Segment(u64),
}

impl Source {
    fn file(self) -> String {
        match self {
            Self::Kept => "a kept checkpoint".to_owned(),
            Self::Cosigned => "cosigned".to_owned(),
            Self::Published => "checkpoint".to_owned(),
            Self::Batch { segment, .. } | Self::Segment(segment) => format!("journal/{segment:020}"),
        }
    }
}

/// What is to come, by size: kept checkpoints, and batches that are in bundles already, as many as a segment holds.
pub(super) struct Watches {
    to_come: BTreeMap<u64, Vec<Watch>>,
    /// Size of the next of them.
    next: u64,
    /// Size at which everything was last known to be as this log's key signed it.
    good: u64,
    /// Size at which everything was last known to be as somebody else saw it.
    kept: u64,
    /// Signed ones that were met.
    pub(super) met: u64,
}

impl Default for Watches {
    fn default() -> Self {
        Self { to_come: BTreeMap::new(), next: u64::MAX, good: 0, kept: 0, met: 0 }
    }
}

impl Watches {
    /// Remembers a root to be met, unless the tree has passed it or it is known.
    pub(super) fn add(&mut self, tree: &Frontier, claim: Claim, from: Source) {
        let Claim { size, root } = claim;
        if size < tree.size {
            return;
        }
        let there = self.to_come.entry(size).or_default();
        if !there.iter().any(|watch| watch.from == from && watch.root == root) {
            there.push(Watch { root, from });
        }
        self.next = self.next.min(size);
    }

    /// Compares the root of the tree with what was signed at its size.
    pub(super) fn meet(&mut self, tree: &Frontier) -> Result<(), Stop> {
        if tree.size < self.next {
            return Ok(());
        }
        let (size, root) = (tree.size, tree.root());
        for watch in self.to_come.remove(&size).unwrap_or_default() {
            if watch.root != root {
                // Who holds the key can sign a second history; only what others kept bounds where it begins.
                let (wrong, from) = match watch.from {
                    Source::Kept | Source::Cosigned | Source::Published => (Wrong::Fork, self.kept),
                    Source::Batch { first, .. } => (Wrong::Flip, self.good.max(first)),
                    Source::Segment(_) => (Wrong::Flip, self.good),
                };
                let to = Some(size.max(from + 1));
                return Err(Stop::Wrong(Finding { wrong, from, to, file: watch.from.file() }));
            }
            match watch.from {
                Source::Segment(_) => continue,
                Source::Kept | Source::Cosigned => self.kept = size,
                Source::Published | Source::Batch { .. } => {}
            }
            self.good = size;
            self.met += 1;
        }
        self.next = self.to_come.keys().next().copied().unwrap_or(u64::MAX);
        Ok(())
    }

    /// A checkpoint over more entries than there are: the end is gone.
    pub(super) fn expect_nothing_more(&self, tree: &Frontier) -> Result<(), Stop> {
        let last = self.to_come.last_key_value().and_then(|(size, watches)| Some((size, watches.first()?)));
        match last {
            None => Ok(()),
            Some((size, watch)) => Err(Stop::Wrong(Finding {
                wrong: Wrong::Truncate,
                from: tree.size,
                to: Some(*size),
                file: watch.from.file(),
            })),
        }
    }
}
