//! Sealed contents beside the entries: bundle `N` holds those of entries `256 N` to `256 N + 255` that have some.
//!
//! ```text
//! u8 which entry of the bundle | u32 bytes, big-endian | content
//! ```
//!
//! Ascending, and nothing where an entry has none. A content that is gone must be named by an erasure entry.

use std::io;

use crate::c2sp::tile::{TILE_WIDTH, index_path};
use crate::journal::Frame;
use crate::journal::segments::{self, Cursor, Step};
use crate::log::CONTENT_BYTES_MAX;
use crate::port::{Disk, Files};

/// Bytes before a content.
pub(crate) const HEAD_BYTES: usize = 5;
/// Bytes that are copied at a time.
const PIECE_BYTES: usize = 256 << 10;

/// The file of a bundle of contents.
pub(crate) fn name(bundle: u64) -> String {
    format!("content/{}", index_path(bundle))
}

/// Appends a content.
pub(crate) fn push(which: u8, content: &[u8], to: &mut Vec<u8>) {
    to.push(which);
    to.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend_from_slice(content);
}

/// Reads the head of a content: which entry of the bundle, and bytes.
fn parse_head(head: [u8; HEAD_BYTES]) -> (u8, u64) {
    let [which, length @ ..] = head;
    (which, u64::from(u32::from_be_bytes(length)))
}

/// Removes the sealed contents of entries from the bundle they share (`index / 256`): after an erasure, whose entry is in the log
/// already and without which this is tampering. Tells how many were there. Contents that are still in the journal (those of the last
/// entries) are not: their key is gone, and they can be removed when their bundle is full.
pub fn remove_contents(disk: &dyn Disk, bundle: u64, which: &dyn Fn(u64) -> bool) -> io::Result<u64> {
    let (file, draft) = (name(bundle), format!("draft/without-{bundle}"));
    let Some(length) = disk.length(&file)? else { return Ok(0) };
    disk.remove(&draft)?;
    let (mut at, mut removed, mut kept) = (0, 0, 0);
    while at < length {
        let (of, bytes) = head_at(disk, &file, at, length)?;
        let end = at + HEAD_BYTES as u64 + bytes;
        if which(bundle * TILE_WIDTH + u64::from(of)) {
            removed += 1;
        } else {
            copy(disk, &file, at..end, &draft)?;
            kept += 1;
        }
        at = end;
    }
    match (removed, kept) {
        (0, _) => disk.remove(&draft)?,
        (_, 0) => disk.remove(&file)?,
        _ => disk.promote(&[(draft, file)])?,
    }
    Ok(removed)
}

/// The sealed content of an entry, from its bundle or, as long as that is not full, from the journal; none if neither holds it.
pub fn read_content(files: &dyn Files, index: u64) -> io::Result<Option<Vec<u8>>> {
    let file = name(index / TILE_WIDTH);
    let Some(length) = files.length(&file)? else { return in_journal(files, index) };
    let mut at = 0;
    while at < length {
        let (of, bytes) = head_at(files, &file, at, length)?;
        at += HEAD_BYTES as u64;
        if u64::from(of) == index % TILE_WIDTH {
            let mut content = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
            files.read(&file, at, &mut content)?;
            return Ok(Some(content));
        }
        at += bytes;
    }
    Ok(None)
}

/// The content of an entry of the last segments.
fn in_journal(files: &dyn Files, index: u64) -> io::Result<Option<Vec<u8>>> {
    let firsts = segments::list(files)?;
    let Some(first) = firsts.iter().rfind(|first| **first <= index) else { return Ok(None) };
    let (mut cursor, mut body) = (Cursor::new(*first), Vec::new());
    while let (Step::Frame(_), _) = cursor.next(files, &mut body)? {
        let frame = Frame::parse(&body).filter(|frame| (frame.first..frame.end()).contains(&index));
        if let Some(frame) = frame {
            let which = index - frame.first;
            let mut contents = frame.contents().flatten();
            return Ok(contents.find(|(of, _)| u64::from(*of) == which).map(|(_, content)| content.to_vec()));
        }
    }
    Ok(None)
}

fn head_at(files: &dyn Files, file: &str, at: u64, length: u64) -> io::Result<(u8, u64)> {
    let mut head = [0; HEAD_BYTES];
    files.read(file, at, &mut head)?;
    let (of, bytes) = parse_head(head);
    let fits = bytes <= CONTENT_BYTES_MAX as u64 && at + HEAD_BYTES as u64 + bytes <= length;
    if fits {
        Ok((of, bytes))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("`{file}` is damaged at byte {at}")))
    }
}

fn copy(disk: &dyn Disk, file: &str, range: std::ops::Range<u64>, to: &str) -> io::Result<()> {
    let mut at = range.start;
    while at < range.end {
        let bytes = (range.end - at).min(PIECE_BYTES as u64);
        let mut piece = vec![0; usize::try_from(bytes).unwrap_or(0)];
        disk.read(file, at, &mut piece)?;
        disk.append(to, &piece)?;
        at += bytes;
    }
    Ok(())
}
