//! The verifier's own reading of notes, checkpoints, tiles, bundles and the heads of entries.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Stop;
use crate::c2sp::NoteKey;
use crate::port::Files;
use crate::tree::Hash;

/// Bytes of the longest note.
const NOTE_BYTES_MAX: usize = 128 << 10;
/// Bytes of the longest bundle of entries.
const BUNDLE_BYTES_MAX: u64 = 256 * (2 + 0xffff);
/// Bytes of a hash in a tile.
const HASH_BYTES: usize = 32;

/// What a checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) size: u64,
    pub(super) root: Hash,
}

/// Why a note claims nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoClaim {
    /// It is malformed, or of another log.
    Malformed,
    /// Nobody signed it whose key we have.
    Unsigned,
    /// The signature does not verify.
    Forged,
}

/// Reads a note and checks its signature.
pub(super) fn claim(note: &[u8], key: &NoteKey) -> Result<Claim, NoClaim> {
    let (signed, signatures) = split(note)?;
    check_signatures(signed, signatures, key)?;
    let mut lines = signed.split('\n');
    let (origin, size, root) = (lines.next(), lines.next(), lines.next());
    if origin != Some(key.name()) {
        return Err(NoClaim::Malformed);
    }
    let size = size.and_then(decimal).ok_or(NoClaim::Malformed)?;
    let root = root.and_then(|root| STANDARD.decode(root).ok());
    let root = root.and_then(|root| Hash::from_slice(&root)).ok_or(NoClaim::Malformed)?;
    Ok(Claim { size, root })
}

/// When `witness` cosigned a note (seconds since 1970; the latest, if more than once); none if it did not. Source: c2sp.org/tlog-cosignature.
pub(super) fn cosigned(note: &[u8], witness: &NoteKey) -> Result<Option<u64>, NoClaim> {
    let (signed, signatures) = split(note)?;
    let mut latest = None;
    for signature in signatures_of(signatures, witness)? {
        let (at, signature) = signature.split_first_chunk::<8>().ok_or(NoClaim::Forged)?;
        let at = u64::from_be_bytes(*at);
        let message = format!("cosignature/v1\ntime {at}\n{signed}");
        witness.verify(message.as_bytes(), signature).map_err(|_| NoClaim::Forged)?;
        latest = latest.max(Some(at));
    }
    Ok(latest)
}

/// What is signed, with its last line feed, and the lines of the signatures.
fn split(note: &[u8]) -> Result<(&str, &str), NoClaim> {
    let note = std::str::from_utf8(note).map_err(|_| NoClaim::Malformed)?;
    let parts = note.rsplit_once("\n\n").filter(|_| note.len() <= NOTE_BYTES_MAX);
    let (body, signatures) = parts.ok_or(NoClaim::Malformed)?;
    Ok((note.get(..=body.len()).ok_or(NoClaim::Malformed)?, signatures))
}

fn check_signatures(signed: &str, lines: &str, key: &NoteKey) -> Result<(), NoClaim> {
    let signatures = signatures_of(lines, key)?;
    for signature in &signatures {
        key.verify(signed.as_bytes(), signature).map_err(|_| NoClaim::Forged)?;
    }
    if signatures.is_empty() { Err(NoClaim::Unsigned) } else { Ok(()) }
}

/// The signatures that say they are of `key`. Every line has to be one of somebody's.
fn signatures_of(lines: &str, key: &NoteKey) -> Result<Vec<Vec<u8>>, NoClaim> {
    let mut found = Vec::new();
    for line in lines.lines() {
        let mut words = line.split(' ');
        let (Some("—"), Some(name), Some(encoded), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NoClaim::Malformed);
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| NoClaim::Malformed)?;
        let Some((id, signature)) = bytes.split_first_chunk::<4>() else { return Err(NoClaim::Malformed) };
        if name == key.name() && *id == key.id() {
            found.push(signature.to_vec());
        }
    }
    Ok(found)
}

fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The path of a file of a tree of 256-fold tiles.
pub(super) fn path(folder: &str, index: u64, width: u64) -> String {
    let mut groups = vec![format!("{:03}", index % 1000)];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    groups.reverse();
    let whole = format!("{folder}/{}", groups.join("/"));
    if width < 256 { format!("{whole}.p/{width}") } else { whole }
}

/// How often a file is read that others take the place of meanwhile.
const READS_MAX: usize = 3;

/// Reads a whole file into `into`; false if it is not there. Where another takes its place meanwhile, it is one of the two.
pub(super) fn file(files: &dyn Files, name: &str, max: u64, into: &mut Vec<u8>) -> Result<bool, Stop> {
    let length = || files.length(name).map_err(|error| unreadable(name, &error));
    for reading in 1.. {
        into.clear();
        let Some(bytes) = length()? else { return Ok(false) };
        if bytes > max {
            return Err(Stop::CannotTell(format!("`{name}` is longer than such a file can be")));
        }
        into.resize(usize::try_from(bytes).unwrap_or(usize::MAX), 0);
        let read = read_at(files, name, 0, into);
        if reading == READS_MAX || length()? == Some(bytes) {
            return read.map(|()| true);
        }
    }
    Ok(false)
}

pub(super) fn read_at(files: &dyn Files, name: &str, at: u64, into: &mut [u8]) -> Result<(), Stop> {
    files.read(name, at, into).map_err(|error| unreadable(name, &error))
}

pub(super) fn unreadable(name: &str, error: &io::Error) -> Stop {
    Stop::CannotTell(format!("reading `{name}`: {error}"))
}

/// The hashes of a tile; none if the file is not there. Bytes left over count as one more, so that they are noticed.
pub(super) fn tile(files: &dyn Files, name: &str) -> Result<Option<Vec<Hash>>, Stop> {
    let mut bytes = Vec::new();
    if !file(files, name, 257 * HASH_BYTES as u64, &mut bytes)? {
        return Ok(None);
    }
    let hashes = bytes.chunks(HASH_BYTES).map(|bytes| Hash::from_slice(bytes).unwrap_or_default());
    Ok(Some(hashes.collect()))
}

/// A bundle of entries; false if the file is not there.
pub(super) fn bundle(files: &dyn Files, name: &str, into: &mut Vec<u8>) -> Result<bool, Stop> {
    file(files, name, BUNDLE_BYTES_MAX, into)
}

/// Takes one entry off the front of a bundle; none at its end, or where it is cut short.
pub(super) fn next_entry<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let [high, low, after @ ..] = *rest else { return None };
    let (entry, after) = after.split_at_checked(usize::from(*high) << 8 | usize::from(*low))?;
    *rest = after;
    Some(entry)
}

/// What the verifier needs of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) id: [u8; 16],
    pub(super) at: u64,
    pub(super) content: Option<[u8; 32]>,
    /// The fields of an erasure.
    pub(super) erasure: Option<&'a [u8]>,
}

/// Reads the head of an entry; none if this release does not know its form.
pub(super) fn head(entry: &[u8]) -> Option<Head<'_>> {
    let rest = entry.strip_prefix(br#"{"v":1,"id":""#)?;
    let (id, rest) = hexadecimal(rest)?;
    let mut rest = rest.strip_prefix(br#"","at":"#)?;
    let mut at = 0u64;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        at = at.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = after;
    }
    let mut content = None;
    if let Some(after) = rest.strip_prefix(br#","content":""#) {
        let (hash, after) = hexadecimal(after)?;
        content = Some(hash);
        rest = after.strip_prefix(b"\"")?;
    }
    let rest = rest.strip_prefix(br#","kind":""#)?;
    Some(Head { id, at, content, erasure: rest.strip_prefix(br#"erasure""#) })
}

/// The ids that an erasure names; none if it is malformed.
pub(super) fn erased(fields: &[u8]) -> Option<Vec<[u8; 16]>> {
    const LIST: &[u8] = br#","entries":["#;
    // Words hold no quotes, so this stands where the list does and nowhere before.
    let at = fields.windows(LIST.len()).position(|window| window == LIST)?;
    let mut rest = fields.get(at + LIST.len()..)?;
    let mut ids = Vec::new();
    while let Some(after) = rest.strip_prefix(b"\"") {
        let (id, after) = hexadecimal(after)?;
        ids.push(id);
        let after = after.strip_prefix(b"\"")?;
        rest = after.strip_prefix(b",").unwrap_or(after);
    }
    (rest == b"]}").then_some(ids)
}

/// Takes `2 N` hexadecimal digits off the front.
fn hexadecimal<const N: usize>(text: &[u8]) -> Option<([u8; N], &[u8])> {
    let (digits, rest) = text.split_at_checked(2 * N)?;
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let half = |digit: u8| char::from(digit).to_digit(16).and_then(|half| u8::try_from(half).ok());
        *byte = half(*high)? << 4 | half(*low)?;
    }
    Some((bytes, rest))
}
