//! The tiles at the right edge of the tree, as they grow.

use std::io;

use crate::c2sp::TileId;
use crate::c2sp::tile::{TILE_HEIGHT, TILE_LEVELS, TILE_WIDTH};
use crate::port::Files;
use crate::tree::{HASH_BYTES, Hash, Range};

/// One level: how many full tiles there are, and the hashes of the one that is not full.
#[derive(Clone, Debug, Default)]
struct Level {
    full: u64,
    hashes: Vec<Hash>,
}

/// The unfinished tile of each level.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Level>,
}

/// The last multiple of a bundle that is not over `size`.
pub(crate) fn whole_bundles(size: u64) -> u64 {
    size - size % TILE_WIDTH
}

/// The partial tiles of hashes of a tree, lowest level first.
pub(super) fn partials(size: u64) -> impl Iterator<Item = TileId> {
    (0..TILE_LEVELS).filter_map(move |level| {
        let hashes = size >> (u32::from(level) * u32::from(TILE_HEIGHT));
        let width = u16::try_from(hashes % TILE_WIDTH).unwrap_or(0);
        (width > 0).then(|| TileId::full(level, hashes / TILE_WIDTH).cut(width))
    })
}

impl Edge {
    /// The edge of the tree of all whole bundles of a tree of `size` entries, from its partial tiles; or the tile that is not there as
    /// it should be.
    pub(crate) fn load(files: &dyn Files, size: u64) -> Result<Self, (TileId, io::Error)> {
        let level = |level: u8| Level {
            full: size.checked_shr(u32::from(level + 1) * u32::from(TILE_HEIGHT)).unwrap_or(0),
            hashes: Vec::new(),
        };
        let mut levels: Vec<Level> = (0..TILE_LEVELS).map(level).collect();
        for id in partials(size) {
            let crate::c2sp::TileKind::Hashes { level: level @ 1.. } = id.kind else { continue };
            let hashes = read_tile(files, id).map_err(|error| (id, error))?;
            if let Some(level) = levels.get_mut(usize::from(level)) {
                level.hashes = hashes;
            }
        }
        Ok(Self { size: whole_bundles(size), levels })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The tree as a range.
    pub(crate) fn range(&self) -> Range {
        let mut range = Range::default();
        for (height, level) in (0..TILE_LEVELS).map(|level| level * TILE_HEIGHT).zip(&self.levels).rev() {
            level.hashes.iter().for_each(|hash| range.push_subtree(height, *hash));
        }
        range
    }

    /// Adds the hash of an entry; the tiles that it fills are handed to `full`.
    pub(crate) fn push(
        &mut self,
        leaf: Hash,
        full: &mut dyn FnMut(TileId, &[Hash]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.size += 1;
        let mut hash = leaf;
        for (number, level) in (0..).zip(&mut self.levels) {
            level.hashes.push(hash);
            if (level.hashes.len() as u64) < TILE_WIDTH {
                break;
            }
            full(TileId::full(number, level.full), &level.hashes)?;
            let mut subtree = Range::default();
            level.hashes.drain(..).for_each(|hash| subtree.push(hash));
            level.full += 1;
            hash = subtree.root();
        }
        Ok(())
    }

    /// The tiles that are not full.
    pub(crate) fn partial_tiles(&self) -> impl Iterator<Item = (TileId, &[Hash])> {
        partials(self.size).filter_map(|id| {
            let crate::c2sp::TileKind::Hashes { level } = id.kind else { return None };
            self.levels.get(usize::from(level)).map(|it| (id, it.hashes.as_slice()))
        })
    }

    /// Full tiles of a level.
    pub(super) fn full_tiles(&self, level: u8) -> u64 {
        self.levels.get(usize::from(level)).map_or(0, |level| level.full)
    }
}

/// The hashes of a tile.
pub(crate) fn read_tile(files: &dyn Files, id: TileId) -> io::Result<Vec<Hash>> {
    let mut bytes = vec![0; usize::from(id.width) * HASH_BYTES];
    files.read(&id.to_string(), 0, &mut bytes)?;
    Ok(bytes.chunks_exact(HASH_BYTES).filter_map(Hash::from_slice).collect())
}

/// The bytes of a tile.
pub(super) fn tile_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}
