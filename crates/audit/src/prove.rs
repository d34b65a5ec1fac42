//! Proofs from the files: that one entry is in the log, and that the log goes on from an older checkpoint.

use std::collections::HashMap;
use std::io;

use crate::c2sp::tile::{TILE_HEIGHT, TILE_WIDTH};
use crate::c2sp::{CheckpointError, NoteKey, ProofFile, SignedCheckpoint, TileId, bundle};
use crate::cosigned;
use crate::port::{Files, read_whole};
use crate::tree::{Hash, Nodes, ProofError, Range, check_inclusion, consistency, inclusion, leaf_hash};

/// Bytes of a published checkpoint, witnesses included.
pub(crate) const CHECKPOINT_BYTES_MAX: u64 = 128 << 10;
/// How often a proof is begun anew because tiles went, while the log is written, that it was about to read.
const ATTEMPTS: usize = 3;
/// Bytes of a full bundle.
pub(crate) const BUNDLE_BYTES_MAX: u64 = TILE_WIDTH * (2 + crate::entry::ENTRY_BYTES_MAX as u64);

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The medium refused, or a file is missing.
    #[error("reading the audit log `{file}`")]
    Storage {
        /// Which file.
        file: String,
        /// What the medium said.
        source: io::Error,
    },
    /// The published checkpoint cannot be relied on.
    #[error("the published checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// What is kept of a witness cannot be relied on.
    #[error(
        "what a witness cosigned, `{file}`: {source}; verify the log, and if that file alone is damaged remove it: the witness knows"
    )]
    Cosigned {
        /// Which file.
        file: String,
        /// Why not.
        source: CheckpointError,
    },
    /// Not in a published tree yet, or not at all.
    #[error("entry {index} is not published; the checkpoint covers {size} entries")]
    NotPublished {
        /// Which entry, or how many.
        index: u64,
        /// Entries that the checkpoint covers.
        size: u64,
    },
    /// The files do not prove what they should.
    #[error("the log is damaged: {0}; verify it")]
    Damaged(#[from] ProofError),
}

/// One entry, and the file that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Its bytes.
    pub entry: Vec<u8>,
    /// The proof, under the published checkpoint.
    pub proof: ProofFile,
}

/// Proves entry `index` under the published checkpoint, or under the one with the most cosignatures that covers it. What is returned was
/// checked; cosignatures are left to whoever has the witnesses' keys.
pub fn prove(files: &dyn Files, key: &NoteKey, index: u64) -> Result<Proven, ProveError> {
    patiently(|| prove_once(files, key, index))
}

fn prove_once(files: &dyn Files, key: &NoteKey, index: u64) -> Result<Proven, ProveError> {
    let published = published(files, key)?;
    let size = published.size();
    if index >= size {
        return Err(ProveError::NotPublished { index, size });
    }
    let entry = entry(files, index, size)?;
    let checkpoint = cosigned::best(files, key, published, index).map_err(storage(cosigned::FOLDER))?;
    // The nodes of a smaller tree are nodes of the published one.
    let hashes = inclusion(&mut Tiles::of(files, size), index, checkpoint.size())?;
    check_inclusion(leaf_hash(&entry), index, checkpoint.size(), checkpoint.root(), &hashes)?;
    let proof = ProofFile { extra: None, index, hashes, checkpoint: checkpoint.note().to_owned() };
    Ok(Proven { entry, proof })
}

/// Proves that the log of `to`, which was published, begins with its first `old` entries: what a witness asks for before it cosigns. The
/// log may go on meanwhile.
pub fn prove_consistency(
    files: &dyn Files,
    key: &NoteKey,
    old: u64,
    to: &SignedCheckpoint,
) -> Result<Vec<Hash>, ProveError> {
    patiently(|| {
        let size = published(files, key)?.size();
        if old.max(to.size()) > size {
            return Err(ProveError::NotPublished { index: old.max(to.size()), size });
        }
        // The nodes of a smaller tree are nodes of the published one.
        consistency(&mut Tiles::of(files, size), old, to.size())
    })
}

/// Begins anew where a file is not there any more: partial tiles go when the log is published anew.
fn patiently<T>(attempt: impl Fn() -> Result<T, ProveError>) -> Result<T, ProveError> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(ProveError::Storage { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
    }
    attempt()
}

/// The published checkpoint, checked.
pub fn published(files: &dyn Files, key: &NoteKey) -> Result<SignedCheckpoint, ProveError> {
    let file = "checkpoint";
    let note = read_whole(files, file, CHECKPOINT_BYTES_MAX).map_err(storage(file))?;
    let note = note.ok_or_else(|| storage(file)(io::ErrorKind::NotFound.into()))?;
    Ok(SignedCheckpoint::parse(&note, key)?)
}

/// The bytes of an entry of a tree of `size` entries.
fn entry(files: &dyn Files, index: u64, size: u64) -> Result<Vec<u8>, ProveError> {
    let id = cut(TileId::entries(index / TILE_WIDTH), size);
    let file = id.to_string();
    let bytes = read_whole(files, &file, BUNDLE_BYTES_MAX).map_err(storage(&file))?;
    let bytes = bytes.ok_or_else(|| storage(&file)(io::ErrorKind::NotFound.into()))?;
    let place = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
    let entry = bundle::entries(&bytes).nth(place).and_then(Result::ok);
    entry.map(<[u8]>::to_vec).ok_or_else(|| storage(&file)(io::ErrorKind::UnexpectedEof.into()))
}

/// The tile as it is in a tree with `count` hashes, or entries, on its level.
pub(crate) fn cut(id: TileId, count: u64) -> TileId {
    let width = count.saturating_sub(id.index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH);
    id.cut(u16::try_from(width).unwrap_or(256))
}

pub(crate) fn storage(file: &str) -> impl FnOnce(io::Error) -> ProveError {
    let file = file.to_owned();
    move |source| ProveError::Storage { file, source }
}

/// Nodes of a tree, from the tiles of its size.
struct Tiles<'a> {
    files: &'a dyn Files,
    size: u64,
    read: HashMap<TileId, Vec<Hash>>,
}

impl<'a> Tiles<'a> {
    fn of(files: &'a dyn Files, size: u64) -> Self {
        Self { files, size, read: HashMap::new() }
    }
}

impl Nodes for Tiles<'_> {
    type Error = ProveError;

    fn node(&mut self, height: u8, index: u64) -> Result<Hash, ProveError> {
        let level = height / TILE_HEIGHT;
        let within = height % TILE_HEIGHT;
        let start = index << within;
        let hashes_of_level = self.size >> (u32::from(level) * u32::from(TILE_HEIGHT));
        let id = cut(TileId::full(level, start / TILE_WIDTH), hashes_of_level);
        if !self.read.contains_key(&id) {
            let hashes = crate::log::read_tile(self.files, id).map_err(storage(&id.to_string()))?;
            self.read.insert(id, hashes);
        }
        let place = usize::try_from(start % TILE_WIDTH).unwrap_or(usize::MAX);
        let hashes = self.read.get(&id).and_then(|hashes| hashes.get(place..place + (1 << within)));
        let hashes = hashes.ok_or_else(|| storage(&id.to_string())(io::ErrorKind::UnexpectedEof.into()))?;
        let mut subtree = Range::default();
        hashes.iter().for_each(|hash| subtree.push(*hash));
        Ok(subtree.root())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use botwarden_crypto::SigningKey;

    use super::*;
    use crate::c2sp::{Algorithm, Note, NoteSigner, cosign, cosigned_at};
    use crate::cosigned::Cosigned;
    use crate::log::power::PowerDisk;
    use crate::log::tests::{signer, written};
    use crate::tree::check_consistency;

    #[test]
    fn every_kind_of_place_is_proved() {
        for size in [1, 2, 255, 256, 257, 700, 1300] {
            let disk = Arc::new(PowerDisk::default());
            drop(written(&disk, size));
            for index in (0..size).step_by(61).chain([size - 1]) {
                let proven = prove(&*disk, signer().key(), index).unwrap();
                let again = ProofFile::parse(proven.proof.to_string().as_bytes()).unwrap();
                let checkpoint = again.check(&proven.entry, signer().key()).unwrap();
                assert_eq!(checkpoint.size(), size);
                assert!(again.check(b"another entry", signer().key()).is_err());
            }
            let missing = prove(&*disk, signer().key(), size);
            assert!(matches!(missing, Err(ProveError::NotPublished { .. })), "{missing:?}");
        }
    }

    #[test]
    fn a_grown_log_is_shown_to_go_on() {
        let disk = Arc::new(PowerDisk::default());
        let olds: Vec<SignedCheckpoint> = [100, 256, 300, 900]
            .map(|size| {
                drop(written(&disk, size));
                published(&*disk, signer().key()).unwrap()
            })
            .into();
        for old in &olds {
            for new in olds.iter().filter(|new| new.size() >= old.size()) {
                let proof = prove_consistency(&*disk, signer().key(), old.size(), new).unwrap();
                assert_eq!(check_consistency(old.size(), old.root(), new.size(), new.root(), &proof), Ok(()));
            }
        }
        let last = olds.last().unwrap();
        let none = prove_consistency(&*disk, signer().key(), last.size() + 1, last);
        assert!(matches!(none, Err(ProveError::NotPublished { .. })), "{none:?}");
    }

    #[test]
    fn an_entry_is_proved_under_what_most_witnesses_cosigned() {
        let disk = Arc::new(PowerDisk::default());
        let witnesses = [1, 2, 3].map(|seed| {
            let secret = SigningKey::from_seed(&[seed; 32]);
            NoteSigner::new(&format!("w{seed}.example"), Algorithm::CosignatureEd25519, secret).unwrap()
        });
        let cosigned = |witness: &NoteSigner| {
            let note = published(&*disk, signer().key()).unwrap();
            let line = cosign(&note.checkpoint().to_string(), 7, witness).unwrap();
            disk.put(&Cosigned::file(witness.key()), format!("{}{line}", note.note()).into_bytes());
        };
        drop(written(&disk, 300));
        cosigned(&witnesses[0]);
        cosigned(&witnesses[1]);
        drop(written(&disk, 400));
        cosigned(&witnesses[2]);
        drop(written(&disk, 900));
        for (index, size, count) in [(0, 300, 2), (299, 300, 2), (300, 400, 1), (399, 400, 1), (400, 900, 0)]
        {
            let proven = prove(&*disk, signer().key(), index).unwrap();
            let checkpoint = proven.proof.check(&proven.entry, signer().key()).unwrap();
            let note = Note::parse(checkpoint.note().as_bytes()).unwrap();
            let by = witnesses.iter().filter(|witness| cosigned_at(&note, witness.key()) == Ok(7)).count();
            assert_eq!((checkpoint.size(), by), (size, count), "{index}");
        }
        disk.put(&Cosigned::file(witnesses[0].key()), b"damaged".to_vec());
        disk.put(&Cosigned::file(witnesses[1].key()), b"damaged".to_vec());
        let proven = prove(&*disk, signer().key(), 0).unwrap();
        assert_eq!(proven.proof.check(&proven.entry, signer().key()).unwrap().size(), 400);
    }

    #[test]
    fn a_changed_entry_is_not_proved() {
        let disk = Arc::new(PowerDisk::default());
        drop(written(&disk, 300));
        let mut bytes = disk.bytes("tile/entries/000");
        bytes[40] ^= 1;
        disk.put("tile/entries/000", bytes);
        assert!(matches!(prove(&*disk, signer().key(), 0), Err(ProveError::Damaged(ProofError::Root))));
    }
}
