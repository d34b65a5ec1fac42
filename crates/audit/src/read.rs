//! Reading entries in order, from what is published.

use std::io;
use std::ops::Range;

use crate::c2sp::tile::TILE_WIDTH;
use crate::c2sp::{NoteKey, SignedCheckpoint, TileId, bundle};
use crate::port::{Files, read_whole};
use crate::prove::{BUNDLE_BYTES_MAX, ProveError, cut, published, storage};

/// The entries of a published log, in order. It relies on the files: who doubts them verifies them first.
pub struct Entries<'f> {
    files: &'f dyn Files,
    key: NoteKey,
    checkpoint: SignedCheckpoint,
    next: u64,
    /// What was read ahead: a bundle, and where in it each entry lies.
    bundle: Vec<u8>,
    places: std::vec::IntoIter<Range<usize>>,
}

impl<'f> Entries<'f> {
    /// From the entry `first` on.
    pub fn from(files: &'f dyn Files, key: &NoteKey, first: u64) -> Result<Self, ProveError> {
        let checkpoint = published(files, key)?;
        let places = Vec::new().into_iter();
        Ok(Self { files, key: key.clone(), checkpoint, next: first, bundle: Vec::new(), places })
    }

    /// Entries that are published.
    pub fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// Looks whether more was published since.
    pub fn refresh(&mut self) -> Result<(), ProveError> {
        self.checkpoint = published(self.files, &self.key)?;
        Ok(())
    }

    /// The next entry and its index; none at the end of what is published.
    pub fn read_next(&mut self) -> Result<Option<(u64, &[u8])>, ProveError> {
        if self.next >= self.size() {
            return Ok(None);
        }
        let place = match self.places.next() {
            Some(place) => place,
            None => self.read_bundle()?,
        };
        let index = self.next;
        self.next += 1;
        Ok(self.bundle.get(place).map(|entry| (index, entry)))
    }

    /// Reads the bundle with the next entry; where that lies.
    fn read_bundle(&mut self) -> Result<Range<usize>, ProveError> {
        let id = cut(TileId::entries(self.next / TILE_WIDTH), self.size());
        let file = id.to_string();
        let broken = |kind: io::ErrorKind| storage(&file)(kind.into());
        let bytes = read_whole(self.files, &file, BUNDLE_BYTES_MAX).map_err(storage(&file))?;
        self.bundle = bytes.ok_or_else(|| broken(io::ErrorKind::NotFound))?;
        let mut places = Vec::new();
        let mut end = 0;
        for entry in bundle::entries(&self.bundle) {
            let entry = entry.map_err(|_| broken(io::ErrorKind::InvalidData))?;
            // Two bytes of length stand before each.
            let start = end + 2;
            end = start + entry.len();
            places.push(start..end);
        }
        let skipped = usize::try_from(self.next % TILE_WIDTH).unwrap_or(usize::MAX);
        self.places = places.into_iter();
        self.places.nth(skipped).ok_or_else(|| broken(io::ErrorKind::UnexpectedEof))
    }
}
