//! Tiles: the tree in files of 256 hashes. Source: c2sp.org/tlog-tiles.

use std::fmt;

use super::parse_decimal;

/// Hashes in a full tile, entries in a full bundle.
pub(crate) const TILE_WIDTH: u64 = 256;
/// Levels of the tree from one level of tiles to the next.
pub(crate) const TILE_HEIGHT: u8 = 8;
/// Levels of tiles: 256^8 entries are all there can be.
pub(crate) const TILE_LEVELS: u8 = 8;

/// What is in a tile's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Hashes of a level: of entries at level 0, of full tiles of the level below elsewhere.
    Hashes {
        /// The level, up to 63.
        level: u8,
    },
    /// The entries themselves.
    Entries,
}

/// Which tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileId {
    /// What is in it.
    pub kind: TileKind,
    /// Which of its level.
    pub index: u64,
    /// Hashes or entries, 1 to 256; fewer than 256 only at the right edge of a tree.
    pub width: u16,
}

/// The text is no path of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile")]
pub struct TilePathError;

impl TileId {
    /// A full tile of hashes.
    pub(crate) fn full(level: u8, index: u64) -> Self {
        Self { kind: TileKind::Hashes { level }, index, width: 256 }
    }

    /// A full bundle of entries.
    pub(crate) fn entries(index: u64) -> Self {
        Self { kind: TileKind::Entries, index, width: 256 }
    }

    /// The same tile, partial.
    pub(crate) fn cut(self, width: u16) -> Self {
        Self { width, ..self }
    }

    /// The folder in which the partial tiles of this one lie.
    pub(crate) fn partials(self) -> String {
        format!("{}.p", self.cut(256))
    }

    /// Reads a path: `tile/0/x001/234`, `tile/entries/000.p/17`.
    pub fn parse(path: &str) -> Result<Self, TilePathError> {
        let rest = path.strip_prefix("tile/").ok_or(TilePathError)?;
        let (kind, rest) = rest.split_once('/').ok_or(TilePathError)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => {
                let level = parse_decimal(level).filter(|level| *level <= 63).ok_or(TilePathError)?;
                TileKind::Hashes { level: u8::try_from(level).map_err(|_| TilePathError)? }
            }
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, 256),
            Some((index, width)) => {
                let width =
                    parse_decimal(width).filter(|width| (1..256).contains(width)).ok_or(TilePathError)?;
                (index, u16::try_from(width).map_err(|_| TilePathError)?)
            }
        };
        Ok(Self { kind, index: parse_index(index).ok_or(TilePathError)?, width })
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}/{}", index_path(self.index))?,
            TileKind::Entries => write!(f, "tile/entries/{}", index_path(self.index))?,
        }
        if self.width < 256 { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// An index as folders of three digits; all but the last begin with `x`.
pub(crate) fn index_path(index: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

fn parse_index(path: &str) -> Option<u64> {
    let mut index = 0u64;
    let mut groups = path.split('/').peekable();
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() { group.strip_prefix('x')? } else { group };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    // One index has one path: no groups of zeros in front.
    (index_path(index) == path).then_some(index)
}
