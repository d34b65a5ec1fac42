//! Opening a log: finding its end, and mending an end that was not finished.

use std::io;
use std::sync::Arc;

use super::append::{Log, SEGMENT_BYTES_MAX, Segment};
use super::tiler::{Tiler, TilerError};
use super::tiles::{Edge, whole_bundles};
use super::{CHECKPOINT, CHECKPOINT_BYTES_MAX, FORMAT, TORN, draft, format_text};
use crate::c2sp::{
    Checkpoint, CheckpointError, Note, NoteError, NoteKey, NoteSigner, SignedCheckpoint, bundle,
};
use crate::journal::Frame;
use crate::journal::segments::{self, Cursor, Place, Step};
use crate::port::{Disk, read_whole};
use crate::tree::{Hash, Range, empty_root, leaf_hash};

/// Why a log cannot be used. Each says how to mend it; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The medium refused.
    #[error("reading or mending the audit log `{file}`")]
    Storage {
        /// Which file.
        file: String,
        /// What the medium said.
        source: io::Error,
    },
    /// Of another release, or no log.
    #[error("`{file}` is not an audit log that this release reads ({what}); start the release that wrote it")]
    Foreign {
        /// Which file.
        file: String,
        /// What was found.
        what: String,
    },
    /// Of another node, or of another root key.
    #[error(
        "the audit log was written with another key (`{found}`); bring back the root key it was written with, or move \
         the log aside to begin another"
    )]
    OtherKey {
        /// The key that `format` names.
        found: String,
    },
    /// Something other than an unfinished end.
    #[error(
        "the audit log is damaged: `{file}` at byte {byte}: {what}; verify the log, and restore this file from a copy, \
         or move the log aside to begin another"
    )]
    Damaged {
        /// Which file.
        file: String,
        /// Where in it.
        byte: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// What was found when a log was opened; for its [`Start`](crate::Start) entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Bytes of an unfinished write at the end, set aside in `torn/`. Nothing in them was acknowledged.
    pub torn_bytes: u64,
}

impl OpenError {
    fn storage(file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Storage { file, source }
    }

    fn damaged(place: Place, what: &'static str) -> Self {
        Self::Damaged { file: place.file, byte: place.byte, what }
    }
}

impl Log {
    /// Opens the log on `disk`, or begins one, for the key and the name of `signer`: its end, where entries are appended, and the tiler
    /// that follows behind.
    ///
    /// An unfinished write at the end is set aside: no entry of it was acknowledged. Everything else that does not fit is refused.
    pub fn open(disk: Arc<dyn Disk>, signer: NoteSigner) -> Result<(Self, Tiler, Opened), OpenError> {
        let published = match published(&*disk, signer.key())? {
            Some(published) => published,
            None => begin(&*disk, &signer)?,
        };
        let edge = Edge::load(&*disk, published.size())
            .map_err(|(id, error)| missing_tile(&id.to_string(), error))?;
        let mut replay = Replay::new(&*disk, signer.key(), published.clone(), edge.range());
        replay.run()?;
        let torn_bytes = replay.torn.take().map_or(Ok(0), |place| set_aside(&*disk, place))?;
        let checkpoint = replay.checkpoint()?;
        let (range, segment) = (replay.range, replay.segment);
        let tiler = Tiler::open(Arc::clone(&disk), signer.key().clone()).map_err(|error| match error {
            TilerError::Storage { file, source } => OpenError::Storage { file, source },
            TilerError::Damaged { file, what } => OpenError::Damaged { file, byte: 0, what },
        })?;
        let log = Self {
            disk,
            signer,
            range,
            checkpoint,
            segment,
            segment_bytes_max: SEGMENT_BYTES_MAX,
            broken: false,
            buffer: Vec::new(),
        };
        Ok((log, tiler, Opened { torn_bytes }))
    }
}

fn missing_tile(file: &str, source: io::Error) -> OpenError {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => {
            OpenError::Damaged { file: file.to_owned(), byte: 0, what: "the tile is missing or cut short" }
        }
        _ => OpenError::Storage { file: file.to_owned(), source },
    }
}

/// The published checkpoint; none where no log was begun.
fn published(disk: &dyn Disk, key: &NoteKey) -> Result<Option<SignedCheckpoint>, OpenError> {
    let format = read_whole(disk, FORMAT, 4096).map_err(OpenError::storage(FORMAT))?;
    let checkpoint =
        read_whole(disk, CHECKPOINT, CHECKPOINT_BYTES_MAX).map_err(OpenError::storage(CHECKPOINT))?;
    let damaged = |file: &str, what| OpenError::Damaged { file: file.to_owned(), byte: 0, what };
    let Some(format) = format else {
        let segments = segments::list(disk).map_err(OpenError::storage(segments::FOLDER))?;
        return if segments.is_empty() { Ok(None) } else { Err(damaged(FORMAT, "it is missing")) };
    };
    let text = String::from_utf8_lossy(&format).into_owned();
    if text != format_text(key) {
        let mut lines = text.lines();
        return match (lines.next(), lines.next()) {
            (Some("botwarden-audit/1"), Some(found)) => Err(OpenError::OtherKey { found: found.to_owned() }),
            (what, _) => {
                Err(OpenError::Foreign { file: FORMAT.to_owned(), what: what.unwrap_or("empty").to_owned() })
            }
        };
    }
    let note = checkpoint.ok_or_else(|| damaged(CHECKPOINT, "it is missing"))?;
    let checkpoint = SignedCheckpoint::parse(&note, key).map_err(|error| {
        damaged(
            CHECKPOINT,
            match error {
                CheckpointError::Note(NoteError::Unsigned | NoteError::BadSignature) => {
                    "its signature does not verify"
                }
                _ => "it is not the log's checkpoint",
            },
        )
    })?;
    Ok(Some(checkpoint))
}

/// Begins a log: an empty tree, signed.
fn begin(disk: &dyn Disk, signer: &NoteSigner) -> Result<SignedCheckpoint, OpenError> {
    let checkpoint = SignedCheckpoint::sign(0, empty_root(), signer);
    let texts = [(CHECKPOINT, checkpoint.note().to_owned()), (FORMAT, format_text(signer.key()))];
    // One after the other: where `format` is, there is a log.
    for (name, text) in texts {
        let promoted = disk.remove(&draft(name));
        let promoted = promoted.and_then(|()| disk.append(&draft(name), text.as_bytes()));
        let promoted = promoted.and_then(|()| disk.promote(&[(draft(name), name.to_owned())]));
        promoted.map_err(OpenError::storage(name))?;
    }
    Ok(checkpoint)
}

/// Moves what follows `place` out of the journal, and tells how many bytes that are.
fn set_aside(disk: &dyn Disk, place: Place) -> Result<u64, OpenError> {
    let Place { file, byte } = place;
    let move_out = || {
        let length = disk.length(&file)?.unwrap_or(0);
        let mut bytes = vec![0; usize::try_from(length.saturating_sub(byte)).unwrap_or(usize::MAX)];
        disk.read(&file, byte, &mut bytes)?;
        if !bytes.is_empty() {
            let earlier = disk.list(TORN)?.len();
            let name = format!("{TORN}/{}-{byte}-{earlier}", file.rsplit('/').next().unwrap_or_default());
            disk.remove(&draft(&name))?;
            disk.append(&draft(&name), &bytes)?;
            disk.promote(&[(draft(&name), name)])?;
        }
        if byte == 0 {
            disk.remove(&file)?;
        } else {
            disk.truncate(&file, byte)?;
            disk.sync(&file)?;
        }
        Ok(bytes.len() as u64)
    };
    move_out().map_err(OpenError::storage(&file))
}

/// Goes through the journal from the last whole bundle that is in tiles.
struct Replay<'a> {
    disk: &'a dyn Disk,
    key: &'a NoteKey,
    published: SignedCheckpoint,
    range: Range,
    /// Index of the next entry in the journal.
    next: u64,
    /// The note of the last frame.
    note: Vec<u8>,
    place: Place,
    segment: Option<Segment>,
    torn: Option<Place>,
}

impl<'a> Replay<'a> {
    fn new(disk: &'a dyn Disk, key: &'a NoteKey, published: SignedCheckpoint, range: Range) -> Self {
        let next = range.size();
        let place = Place { file: segments::FOLDER.to_owned(), byte: 0 };
        Self { disk, key, published, range, next, note: Vec::new(), place, segment: None, torn: None }
    }

    fn run(&mut self) -> Result<(), OpenError> {
        let firsts = segments::list(self.disk).map_err(OpenError::storage(segments::FOLDER))?;
        // Segments before this one are in tiles, and only wait to be removed.
        let start = firsts.partition_point(|first| *first <= self.next).saturating_sub(1);
        let firsts = firsts.get(start..).unwrap_or_default();
        self.next = firsts.first().copied().unwrap_or(self.next).min(self.next);
        for first in firsts {
            if self.torn.is_some() {
                return Err(self.damaged("an unfinished write that something follows"));
            }
            self.segment(*first)?;
        }
        if self.range.size() < self.published.size() {
            return Err(self.damaged("entries that the checkpoint promises are missing"));
        }
        Ok(())
    }

    fn segment(&mut self, first: u64) -> Result<(), OpenError> {
        let mut cursor = Cursor::new(first);
        let mut body = Vec::new();
        loop {
            self.place = cursor.place();
            let (step, head) =
                cursor.next(self.disk, &mut body).map_err(OpenError::storage(&self.place.file))?;
            if first != self.next && self.place.byte == 0 {
                return Err(self.damaged("the entries before it are missing"));
            }
            if let Some(head) = head
                && self.next >= self.range.size()
                && head.root != self.range.root()
            {
                return Err(self.damaged("it does not go on from the entries before"));
            }
            match step {
                Step::Frame(_) => self.frame(&body)?,
                Step::End => break,
                Step::Torn => {
                    self.torn = Some(Place { byte: cursor.at, ..cursor.place() });
                    break;
                }
                Step::Damaged => return Err(self.damaged("the checksum does not fit")),
                Step::Version(version) => {
                    return Err(OpenError::Foreign {
                        file: self.place.file.clone(),
                        what: format!("version {version}"),
                    });
                }
            }
        }
        // A segment without a whole frame is none.
        if cursor.at > 0 && self.torn.as_ref().is_none_or(|torn| torn.byte > 0) {
            self.segment = Some(Segment { first, length: cursor.at });
        }
        Ok(())
    }

    fn frame(&mut self, body: &[u8]) -> Result<(), OpenError> {
        let frame = Frame::parse(body).ok_or_else(|| self.damaged("the frame is malformed"))?;
        if frame.first != self.next {
            return Err(self.damaged("the entries before it are missing"));
        }
        let mut index = frame.first;
        for entry in bundle::entries(frame.entries) {
            let entry = entry.map_err(|_| self.damaged("the frame is malformed"))?;
            if index >= self.range.size() {
                self.range.push(leaf_hash(entry));
            }
            index += 1;
            if index == self.published.size() && self.range.size() == index {
                self.compare(self.published.root(), "the entries are not those that the checkpoint covers")?;
            }
        }
        if index != frame.end() {
            return Err(self.damaged("the frame is malformed"));
        }
        self.next = index;
        if self.range.size() == index {
            let checkpoint =
                Note::parse(frame.note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
            let checkpoint = checkpoint.filter(|it| it.size == index && it.origin == self.key.name());
            let checkpoint = checkpoint.ok_or_else(|| self.damaged("the checkpoint is malformed"))?;
            self.compare(checkpoint.root, "the entries are not those that were signed")?;
            self.note = frame.note.to_vec();
        }
        Ok(())
    }

    fn compare(&self, root: Hash, what: &'static str) -> Result<(), OpenError> {
        if self.range.root() == root { Ok(()) } else { Err(self.damaged(what)) }
    }

    /// The checkpoint over everything there is. Of the journal's signatures only the last is checked here; the verifier checks all.
    fn checkpoint(&self) -> Result<SignedCheckpoint, OpenError> {
        if self.range.size() == self.published.size() {
            if whole_bundles(self.published.size()) == self.published.size() {
                self.compare(self.published.root(), "the tiles are not those that the checkpoint covers")?;
            }
            return Ok(self.published.clone());
        }
        let signed = SignedCheckpoint::parse(&self.note, self.key);
        signed.map_err(|_| self.damaged("the signature of the last checkpoint does not verify"))
    }

    fn damaged(&self, what: &'static str) -> OpenError {
        OpenError::damaged(self.place.clone(), what)
    }
}
