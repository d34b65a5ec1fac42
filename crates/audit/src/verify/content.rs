//! Contents: there and unchanged, or named by an erasure.

use std::collections::HashMap;

use botwarden_crypto::Sha256;

use super::read::{read_at, unreadable};
use super::{Finding, Stop, Wrong};
use crate::port::Files;
use crate::tree::Hash;

/// Contents that may be gone at one time and not yet named by an erasure further on: some 100 MB of memory.
const GONE_MAX: usize = 1 << 20;
/// Bytes hashed at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Content that is not there as it should be.
struct Gone {
    index: u64,
    wrong: Wrong,
    bundle: u64,
}

/// Keeps account of what is there and what is gone.
#[derive(Default)]
pub(super) struct Account {
    gone: HashMap<[u8; 16], Gone>,
    pub(super) present: u64,
    pub(super) erased: u64,
}

impl Account {
    pub(super) fn present(&mut self) {
        self.present += 1;
    }

    pub(super) fn gone(&mut self, id: [u8; 16], index: u64, wrong: Wrong) -> Result<(), Stop> {
        if self.gone.len() >= GONE_MAX {
            return Err(Stop::CannotTell(format!(
                "more than {GONE_MAX} contents are gone before an erasure names them"
            )));
        }
        self.gone.insert(id, Gone { index, wrong, bundle: index / 256 });
        Ok(())
    }

    /// An erasure names an entry.
    pub(super) fn erase(&mut self, id: &[u8; 16]) {
        self.erased += u64::from(self.gone.remove(id).is_some());
    }

    /// The first content that is gone although no erasure names it.
    pub(super) fn finish(&self) -> Option<Finding> {
        let first = self.gone.values().min_by_key(|gone| gone.index)?;
        Some(Finding {
            wrong: first.wrong,
            from: first.index,
            to: Some(first.index + 1),
            file: super::read::path("content", first.bundle, 256),
        })
    }
}

/// Goes through a bundle of contents beside the entries.
pub(super) struct Bundle<'a> {
    files: &'a dyn Files,
    file: String,
    length: u64,
    at: u64,
    first: u64,
    /// The content at hand: which entry, and bytes.
    current: Option<(u8, u64)>,
}

impl<'a> Bundle<'a> {
    /// The contents of the bundle that begins with entry `first`.
    pub(super) fn open(files: &'a dyn Files, first: u64) -> Result<Self, Stop> {
        let file = super::read::path("content", first / 256, 256);
        let length = files.length(&file).map_err(|error| unreadable(&file, &error))?.unwrap_or(0);
        let mut bundle = Self { files, file, length, at: 0, first, current: None };
        bundle.advance()?;
        Ok(bundle)
    }

    /// Whether the content of an entry is there with this hash; `None` is an entry without content.
    pub(super) fn check(&mut self, which: u8, hash: Option<[u8; 32]>) -> Result<Option<Wrong>, Stop> {
        let Some(hash) = hash else { return Ok(None) };
        let (bytes, end) = match self.current {
            Some((of, _)) if of < which => return Err(self.stray(of)),
            Some((of, bytes)) if of == which => (bytes, self.at + bytes),
            _ => return Ok(Some(Wrong::ContentMissing)),
        };
        let mut sum = Sha256::default();
        let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(bytes).unwrap_or(PIECE_BYTES))];
        while self.at < end {
            let take = usize::try_from(end - self.at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let Some(piece) = piece.get_mut(..take) else { break };
            read_at(self.files, &self.file, self.at, piece)?;
            sum.update(piece);
            self.at += take as u64;
        }
        self.advance()?;
        Ok((sum.finish() != hash).then_some(Wrong::ContentChanged))
    }

    /// Whether nothing is left over.
    pub(super) fn finish(self) -> Result<(), Stop> {
        self.current.map_or(Ok(()), |(of, _)| Err(self.stray(of)))
    }

    /// Reads the head of the next content.
    fn advance(&mut self) -> Result<(), Stop> {
        let before = self.current.map(|(of, _)| of);
        self.current = None;
        if self.at == self.length {
            return Ok(());
        }
        let mut head = [0; 5];
        if self.length - self.at < 5 {
            return Err(self.stray(before.unwrap_or(0)));
        }
        read_at(self.files, &self.file, self.at, &mut head)?;
        let [of, a, b, c, d] = head;
        let bytes = u64::from(u32::from_be_bytes([a, b, c, d]));
        self.at += 5;
        if bytes > self.length - self.at || before.is_some_and(|before| before >= of) {
            return Err(self.stray(before.unwrap_or(0)));
        }
        self.current = Some((of, bytes));
        Ok(())
    }

    /// Bytes that belong to no entry.
    fn stray(&self, of: u8) -> Stop {
        let from = self.first + u64::from(of);
        Stop::Wrong(Finding {
            wrong: Wrong::ContentChanged,
            from,
            to: Some(self.first + 256),
            file: self.file.clone(),
        })
    }
}

/// Whether content of the journal has its hash.
pub(super) fn check(content: Option<&[u8]>, hash: [u8; 32]) -> Option<Wrong> {
    match content {
        None => Some(Wrong::ContentMissing),
        Some(content) => (Hash::of(content).0 != hash).then_some(Wrong::ContentChanged),
    }
}
