//! Archives of keys, as files, and as what is sealed in them.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use botwarden_crypto::RootKey;

use crate::keyring::archive::{SealedArchive, open_archive, read_rows, write_rows};
use crate::keyring::shelf::Restored;

/// Of a made-up epoch.
pub(super) static EPOCH: LazyLock<RootKey> =
    LazyLock::new(|| RootKey::parse(b"bwroot1_AAEECRAZJDFAUWR5kKnE4QAhRGmQueQRQHGk2RBJhME").unwrap());

/// The bytes as a file; as frames that were sealed, one on each line; and that archive with damage: what is sealed is read back, and
/// nothing opens of which a byte or a frame was changed.
pub(super) fn check(bytes: &[u8]) {
    if open(bytes).is_some() {
        assert!(open(bytes.split_last().map_or(&[], |(_, cut)| cut)).is_none());
        assert!(open(&[bytes, &[0]].concat()).is_none());
    }
    let (at, frames) = bytes.split_first_chunk().unwrap_or((&[0, 0, 1], bytes));
    let frames: Vec<&[u8]> = frames.split(|byte| *byte == b'\n').take(4).collect();
    let archive = sealed(&frames);
    let mut kept = Restored::default();
    let reads = frames.iter().all(|frame| read_rows(frame, &mut kept).is_some());
    let opened = open(&archive);
    assert_eq!(opened.is_some(), reads);
    if let Some(opened) = opened {
        let rows = write_rows(opened).unwrap();
        assert_eq!(rows, write_rows(kept).unwrap());
        assert_eq!(write_rows(open(&sealed(&[&rows])).unwrap()).unwrap(), rows);
    }
    let [high, low, what] = *at;
    assert!(open(&changed(&archive, usize::from(u16::from_be_bytes([high, low])), what)).is_none());
    assert!(open(&without_last_frame(&archive, &frames)).is_none());
}

pub(super) fn open(bytes: &[u8]) -> Option<Restored> {
    at_once(open_archive(&EPOCH, Path::new("keys.archive"), bytes)).ok()
}

/// Seals frames as they are.
pub(super) fn sealed(frames: &[&[u8]]) -> Vec<u8> {
    let mut archive = at_once(SealedArchive::begin(&EPOCH)).unwrap();
    for (number, frame) in frames.iter().enumerate() {
        archive.frame(frame, number + 1 == frames.len()).unwrap();
    }
    archive.bytes
}

/// One byte of it another.
fn changed(archive: &[u8], at: usize, what: u8) -> Vec<u8> {
    let mut archive = archive.to_vec();
    let at = at % archive.len();
    if let Some(byte) = archive.get_mut(at) {
        *byte ^= what.max(1);
    }
    archive
}

fn without_last_frame(archive: &[u8], frames: &[&[u8]]) -> Vec<u8> {
    /// Its length and what sealing adds.
    const AROUND: usize = 4 + 38;
    let last = frames.last().map_or(0, |frame| frame.len());
    archive.get(..archive.len() - AROUND - last).unwrap().to_vec()
}

/// What a root key at hand does needs no waiting.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing to wait for"),
    }
}
