//! Tiles behind the journal: what was committed becomes the files that auditors read, and old segments go.

use std::io;
use std::sync::Arc;

use super::tiles::{Edge, partials, tile_bytes, whole_bundles};
use super::{CHECKPOINT, CHECKPOINT_BYTES_MAX, DRAFTS, draft};
use crate::c2sp::tile::TILE_WIDTH;
use crate::c2sp::{NoteKey, SignedCheckpoint, TileId, TileKind, bundle};
use crate::content;
use crate::journal::Frame;
use crate::journal::segments::{self, Cursor, Step};
use crate::port::{Disk, read_whole};
use crate::tree::leaf_hash;

/// Bytes of entries and contents that one step turns into tiles.
const STEP_BYTES_MAX: usize = 32 << 20;

/// Why tiles were not written. What is committed is safe in the journal; the next step tries again.
#[derive(Debug, thiserror::Error)]
pub enum TilerError {
    /// The medium refused.
    #[error("writing tiles of the audit log: `{file}`")]
    Storage {
        /// Which file, or its folder.
        file: String,
        /// What the medium said.
        source: io::Error,
    },
    /// The journal is not what it was when the log was opened.
    #[error("the audit log is damaged: `{file}`: {what}; verify the log")]
    Damaged {
        /// Which file.
        file: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything is in tiles.
    CaughtUp,
    /// There is more.
    Behind,
}

/// Turns what is committed into tiles and publishes checkpoints. It reads the journal, so it runs beside [`Log`](crate::Log) on a
/// thread of its own.
pub struct Tiler {
    disk: Arc<dyn Disk>,
    key: NoteKey,
    published: SignedCheckpoint,
    edge: Edge,
    /// Entries of the bundle that is not full.
    bundle: Vec<u8>,
    /// Contents of that bundle that are not in its draft yet.
    contents: Vec<u8>,
    has_contents: bool,
    cursor: Option<Cursor>,
    /// Index of the next entry in the journal.
    next: u64,
    /// The note of the last frame.
    note: Vec<u8>,
    drafts: Vec<(String, String)>,
    body: Vec<u8>,
    /// A step failed half way: what is here means nothing any more.
    stale: bool,
}

impl Tiler {
    /// Finds what is in tiles. Nothing is written but that drafts of an earlier run go.
    pub fn open(disk: Arc<dyn Disk>, key: NoteKey) -> Result<Self, TilerError> {
        let note = read_whole(&*disk, CHECKPOINT, CHECKPOINT_BYTES_MAX).map_err(storage(CHECKPOINT))?;
        let published = note.and_then(|note| SignedCheckpoint::parse(&note, &key).ok());
        let published = published.ok_or_else(|| damaged(CHECKPOINT, "it is missing, or not the log's"))?;
        let edge = Edge::load(&*disk, published.size())
            .map_err(|(id, source)| TilerError::Storage { file: id.to_string(), source })?;
        for name in disk.list(DRAFTS).map_err(storage(DRAFTS))? {
            disk.remove(&format!("{DRAFTS}/{name}")).map_err(storage(DRAFTS))?;
        }
        let firsts = segments::list(&*disk).map_err(storage(segments::FOLDER))?;
        let start = firsts.iter().rfind(|first| **first <= edge.size()).copied();
        Ok(Self {
            disk,
            key,
            published,
            next: start.unwrap_or(edge.size()),
            cursor: start.map(Cursor::new),
            edge,
            bundle: Vec::new(),
            contents: Vec::new(),
            has_contents: false,
            note: Vec::new(),
            drafts: Vec::new(),
            body: Vec::new(),
            stale: false,
        })
    }

    /// The checkpoint that is published: everything it covers is in tiles, apart from contents of the last bundle, which stay in the
    /// journal.
    pub fn published(&self) -> &SignedCheckpoint {
        &self.published
    }

    /// Brings a part of the first `size` entries into tiles, publishes the checkpoint over them, and removes what of the journal is not
    /// needed any more. `size` is what [`Log::size`](crate::Log::size) said: what is beyond may be half written.
    ///
    /// To be called every second or so, and until it has caught up before the end. It writes at most some 48 MiB.
    pub fn advance(&mut self, size: u64) -> Result<Progress, TilerError> {
        if self.stale {
            *self = Self::open(Arc::clone(&self.disk), self.key.clone())?;
        }
        if size <= self.published.size() {
            return Ok(Progress::CaughtUp);
        }
        self.stale = true;
        let mut bytes = 0;
        while self.next < size && bytes < STEP_BYTES_MAX {
            bytes += self.take_frame()?;
        }
        self.publish()?;
        self.stale = false;
        Ok(if self.next < size { Progress::Behind } else { Progress::CaughtUp })
    }

    /// Takes the next frame of the journal in; tells its bytes.
    fn take_frame(&mut self) -> Result<usize, TilerError> {
        loop {
            let mut cursor = self.cursor.clone().unwrap_or_else(|| Cursor::new(self.next));
            let place = cursor.place();
            let mut body = std::mem::take(&mut self.body);
            let (step, _) = cursor.next(&*self.disk, &mut body).map_err(storage(&place.file))?;
            let taken = match step {
                Step::Frame(_) => self.take_entries(&body, &place.file)?,
                Step::End if cursor.first != self.next => 0,
                _ => return Err(damaged(&place.file, "what was committed cannot be read again")),
            };
            self.cursor = Some(if taken > 0 { cursor } else { Cursor::new(self.next) });
            self.body = body;
            if taken > 0 {
                return Ok(taken);
            }
        }
    }

    fn take_entries(&mut self, body: &[u8], file: &str) -> Result<usize, TilerError> {
        let malformed = || damaged(file, "a frame is malformed");
        let frame = Frame::parse(body).filter(|frame| frame.first == self.next).ok_or_else(malformed)?;
        let mut contents = frame.contents().peekable();
        for (which, entry) in (0..).zip(bundle::entries(frame.entries)) {
            let entry = entry.map_err(|_| malformed())?;
            let content = contents.next_if(|it| it.is_none_or(|(of, _)| of == which));
            let content = content.map(|it| it.ok_or_else(malformed)).transpose()?;
            if self.next == self.edge.size() {
                self.take_entry(entry, content.map(|(_, content)| content))?;
            }
            self.next += 1;
        }
        if self.next != frame.end() || contents.next().is_some() {
            return Err(malformed());
        }
        self.note = frame.note.to_vec();
        self.flush_contents()?;
        Ok(body.len())
    }

    fn take_entry(&mut self, entry: &[u8], content: Option<&[u8]>) -> Result<(), TilerError> {
        let index = self.edge.size();
        bundle::push(entry, &mut self.bundle);
        if let Some(content) = content {
            content::push((index % TILE_WIDTH) as u8, content, &mut self.contents);
            self.has_contents = true;
        }
        let (disk, drafts) = (&self.disk, &mut self.drafts);
        let mut full =
            |id: TileId, hashes: &[_]| write_draft(&**disk, drafts, id.to_string(), &tile_bytes(hashes));
        self.edge.push(leaf_hash(entry), &mut full).map_err(storage(DRAFTS))?;
        if self.edge.size().is_multiple_of(TILE_WIDTH) {
            self.finish_bundle(index / TILE_WIDTH)
        } else {
            Ok(())
        }
    }

    fn finish_bundle(&mut self, index: u64) -> Result<(), TilerError> {
        // The entry is counted already, so that contents are written under the name of the bundle that ends here.
        self.write_contents(index)?;
        if std::mem::take(&mut self.has_contents) {
            let name = content::name(index);
            self.drafts.push((draft(&name), name));
        }
        let name = TileId::entries(index).to_string();
        write_draft(&*self.disk, &mut self.drafts, name, &self.bundle).map_err(storage(DRAFTS))?;
        self.bundle.clear();
        Ok(())
    }

    /// Contents go to a draft as they come: a bundle of them may be large.
    fn flush_contents(&mut self) -> Result<(), TilerError> {
        self.write_contents(self.edge.size() / TILE_WIDTH)
    }

    fn write_contents(&mut self, bundle: u64) -> Result<(), TilerError> {
        if !self.contents.is_empty() {
            let name = draft(&content::name(bundle));
            self.disk.append(&name, &self.contents).map_err(storage(&name))?;
            self.contents.clear();
        }
        Ok(())
    }

    /// Gives the tiles their names, then publishes the checkpoint over them.
    fn publish(&mut self) -> Result<(), TilerError> {
        let next = SignedCheckpoint::parse(&self.note, &self.key).ok();
        let next = next.filter(|it| it.size() == self.edge.size() && it.root() == self.edge.range().root());
        let next =
            next.ok_or_else(|| damaged(segments::FOLDER, "the entries are not those that were signed"))?;
        let (disk, drafts) = (&*self.disk, &mut self.drafts);
        let mut write = || {
            for (id, hashes) in self.edge.partial_tiles() {
                write_draft(disk, drafts, id.to_string(), &tile_bytes(hashes))?;
            }
            let width = u16::try_from(self.edge.size() % TILE_WIDTH).unwrap_or(0);
            if width > 0 {
                let id = TileId::entries(self.edge.size() / TILE_WIDTH).cut(width);
                write_draft(disk, drafts, id.to_string(), &self.bundle)?;
            }
            disk.promote(drafts)?;
            drafts.clear();
            write_draft(disk, drafts, CHECKPOINT.to_owned(), next.note().as_bytes())?;
            disk.promote(drafts)?;
            drafts.clear();
            Ok(())
        };
        write().map_err(storage(DRAFTS))?;
        let before = std::mem::replace(&mut self.published, next);
        self.remove_partials(before.size()).map_err(storage("tile"))?;
        self.remove_segments().map_err(storage(segments::FOLDER))
    }

    /// Partial tiles go when the tile is full.
    fn remove_partials(&self, before: u64) -> io::Result<()> {
        let bundle = partials(before).find(|id| id.kind == TileKind::Hashes { level: 0 });
        let bundle = bundle.map(|id| TileId { kind: TileKind::Entries, ..id });
        for id in partials(before).chain(bundle) {
            let level = match id.kind {
                TileKind::Hashes { level } => level,
                TileKind::Entries => 0,
            };
            if self.edge.full_tiles(level) > id.index {
                let folder = id.partials();
                for name in self.disk.list(&folder)? {
                    self.disk.remove(&format!("{folder}/{name}"))?;
                }
            }
        }
        Ok(())
    }

    /// A segment goes when all of it is in full bundles.
    fn remove_segments(&self) -> io::Result<()> {
        let firsts = segments::list(&*self.disk)?;
        let kept_from = whole_bundles(self.published.size());
        for (first, next) in firsts.iter().zip(firsts.iter().skip(1)) {
            if *next <= kept_from {
                self.disk.remove(&segments::name(*first))?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Tiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tiler({} published)", self.published.size())
    }
}

fn write_draft(
    disk: &dyn Disk,
    drafts: &mut Vec<(String, String)>,
    name: String,
    bytes: &[u8],
) -> io::Result<()> {
    disk.append(&draft(&name), bytes)?;
    drafts.push((draft(&name), name));
    Ok(())
}

fn storage(file: &str) -> impl FnOnce(io::Error) -> TilerError {
    let file = file.to_owned();
    move |source| TilerError::Storage { file, source }
}

fn damaged(file: &str, what: &'static str) -> TilerError {
    TilerError::Damaged { file: file.to_owned(), what }
}
