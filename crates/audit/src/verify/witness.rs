//! What witnesses cosigned, as the verifier reads it.

use botwarden_types::UnixMs;

use super::read::{self, Claim, NoClaim};
use super::{Finding, Quorum, Stop, Witnessed, Wrong};
use crate::c2sp::NoteKey;
use crate::port::Files;

/// The folder beside the log.
const FOLDER: &str = "cosigned";
/// Files in it: more than a log has witnesses.
const FILES_MAX: usize = 64;
/// Bytes of one.
const FILE_BYTES_MAX: u64 = 128 << 10;

/// Every note in the folder, with its file. Drafts and the lock have other names.
pub(super) fn read_cosigned(files: &dyn Files) -> Result<Vec<(String, Vec<u8>)>, Stop> {
    let mut names = files.list(FOLDER).map_err(|error| read::unreadable(FOLDER, &error))?;
    names.retain(|name| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if names.len() > FILES_MAX {
        return Err(Stop::CannotTell(format!("`{FOLDER}` holds more than {FILES_MAX} files")));
    }
    names.sort();
    let mut notes = Vec::new();
    for name in names {
        let (file, mut note) = (format!("{FOLDER}/{name}"), Vec::new());
        if read::file(files, &file, FILE_BYTES_MAX, &mut note)? {
            notes.push((file, note));
        }
    }
    Ok(notes)
}

/// What a note in the folder says of the tree.
pub(super) fn claim(file: &str, note: &[u8], key: &NoteKey) -> Result<Claim, Stop> {
    read::claim(note, key).map_err(|error| match error {
        NoClaim::Unsigned => Stop::CannotTell(format!("`{file}` is not a checkpoint of this log's key")),
        NoClaim::Forged => wrong(Wrong::Signature, file),
        NoClaim::Malformed => wrong(Wrong::Flip, file),
    })
}

/// Counts the witnesses that cosigned a note, each with the largest checkpoint.
pub(super) fn count(
    note: &[u8],
    claim: Claim,
    file: &str,
    quorum: &Quorum,
    witnesses: &mut Vec<Witnessed>,
) -> Result<(), Stop> {
    for witness in &quorum.witnesses {
        let at = read::cosigned(note, witness).map_err(|_| wrong(Wrong::Signature, file))?;
        let Some(at) = at else { continue };
        let (name, at) = (witness.name().to_owned(), UnixMs(at.saturating_mul(1000)));
        match witnesses.iter_mut().find(|known| known.name == name) {
            Some(known) if (known.size, known.at) < (claim.size, at) => {
                (known.size, known.at) = (claim.size, at)
            }
            Some(_) => {}
            None => witnesses.push(Witnessed { name, size: claim.size, at }),
        }
    }
    Ok(())
}

/// Puts them in the order in which their keys were given, which is not that of the files.
pub(super) fn sort(witnesses: &mut [Witnessed], quorum: &Quorum) {
    witnesses.sort_by_key(|it| quorum.witnesses.iter().position(|key| key.name() == it.name));
}

/// Why too few cosigned it, if they did.
pub(super) fn missed(witnesses: &[Witnessed], quorum: &Quorum) -> Option<String> {
    let (have, demanded) = (witnesses.len(), quorum.demanded);
    (have < demanded).then(|| format!("{have} of the {demanded} witnesses that are demanded cosigned it"))
}

fn wrong(wrong: Wrong, file: &str) -> Stop {
    Stop::Wrong(Finding { wrong, from: 0, to: None, file: file.to_owned() })
}
