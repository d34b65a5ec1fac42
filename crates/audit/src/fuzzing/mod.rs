//! What the fuzz targets assert, one function a target. Their corpora lie in `testdata/fuzz/<target>` and are replayed
//! as an ordinary test.
#![expect(clippy::unwrap_used, reason = "a broken assertion ends the fuzzer's run")]

mod memory;
#[cfg(test)]
mod tests;

use botwarden_crypto::SigningKey;

use self::memory::Memory;
use crate::c2sp::{
    Algorithm, Checkpoint, Cosignature, Note, NoteKey, NoteSigner, ProofFile, SignedCheckpoint, TileId,
    bundle, cosign, cosigned_at, witnessed_size,
};
use crate::entry::Entry;
use crate::export::{Recorded, cef, json_line, ocsf};
use crate::journal::{Frame, frame, segments::Cursor};
use crate::tree::{Hash, check_inclusion, leaf_hash};
use crate::verify::{Conclusion, verify};

fn signer(algorithm: Algorithm) -> NoteSigner {
    NoteSigner::new("example.com/audit", algorithm, SigningKey::from_seed(&[7; 32])).unwrap()
}

/// Notes, checkpoints, cosignatures and keys: what is read is printed so again, and nothing verifies that was not signed.
pub fn audit_note(bytes: &[u8]) {
    let ours = signer(Algorithm::Ed25519);
    if let Ok(note) = Note::parse(bytes) {
        assert!(bytes.starts_with(note.text().as_bytes()));
        let witness = signer(Algorithm::CosignatureEd25519);
        assert!(cosigned_at(&note, ours.key()).is_err());
        let _ = cosigned_at(&note, witness.key());
        if note.verify(ours.key()).is_ok() {
            // The same text has one signature, which has to be in there.
            assert!(String::from_utf8_lossy(bytes).contains(ours.note(note.text()).lines().last().unwrap()));
        }
    }
    if let Ok(signed) = SignedCheckpoint::parse(bytes, ours.key()) {
        assert_eq!(signed.note().as_bytes(), bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(checkpoint) = Checkpoint::parse(&text) {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(key) = NoteKey::parse(&text) {
        assert_eq!(NoteKey::parse(&key.to_string()), Ok(key));
    }
}

/// What a witness answers: only what it cosigned counts, and a number is printed as it was read.
pub fn audit_witness(bytes: &[u8]) {
    let witness = signer(Algorithm::CosignatureEd25519);
    let signed = SignedCheckpoint::sign(3, Hash::of(b"x"), &signer(Algorithm::Ed25519));
    if let Some(size) = witnessed_size(bytes) {
        assert_eq!(format!("{size}\n").as_bytes(), bytes);
    }
    if let Ok(taken) = Cosignature::take(bytes, &signed, witness.key()) {
        // The same text at the same time has one cosignature, which has to be in there.
        let line = cosign(&signed.checkpoint().to_string(), taken.at_secs, &witness).unwrap();
        assert_eq!(line, taken.line());
        let note = signed.with(&taken);
        let parsed = Note::parse(note.note().as_bytes()).unwrap();
        assert_eq!(cosigned_at(&parsed, witness.key()), Ok(taken.at_secs));
    }
}

/// Paths of tiles, and bundles.
pub fn audit_tile(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(id) = TileId::parse(&text) {
        assert_eq!(id.to_string(), text);
    }
    let mut again = Vec::new();
    let whole = bundle::entries(bytes).all(|entry| entry.is_ok_and(|entry| bundle::push(entry, &mut again)));
    assert!(bytes.starts_with(&again));
    assert_eq!(whole, again.len() == bytes.len());
}

/// Proof files, and proofs made of the bytes.
pub fn audit_proof(bytes: &[u8]) {
    if let Ok(proof) = ProofFile::parse(bytes) {
        assert_eq!(ProofFile::parse(proof.to_string().as_bytes()), Ok(proof.clone()));
        let _ = proof.check(b"entry", signer(Algorithm::Ed25519).key());
    }
    let Some((index, rest)) = bytes.split_first_chunk() else { return };
    let Some((size, rest)) = rest.split_first_chunk() else { return };
    let hashes: Vec<Hash> = rest.chunks_exact(32).filter_map(Hash::from_slice).collect();
    // The root is a hash that nobody can aim at.
    let checked = check_inclusion(
        leaf_hash(b"a"),
        u64::from_be_bytes(*index),
        u64::from_be_bytes(*size),
        Hash::of(b"b"),
        &hashes,
    );
    assert!(checked.is_err());
}

/// Entries: what is read is written so again, and has a form for every export.
pub fn audit_entry(bytes: &[u8]) {
    let Ok(entry) = Entry::decode(bytes) else { return };
    assert_eq!(entry.encode().unwrap(), bytes);
    let json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    assert!(json.is_object());
    let recorded = Recorded::read("example.com/audit", 7, bytes).unwrap();
    for line in [json_line(&recorded), ocsf(&recorded)] {
        assert!(serde_json::from_str::<serde_json::Value>(&line).unwrap().is_object());
    }
    assert!(!cef(&recorded).contains('\n'));
}

/// Segments of the journal, read by the writer and by the verifier.
pub fn audit_journal(bytes: &[u8]) {
    if let Some(frame) = Frame::parse(bytes) {
        let mut again = Vec::new();
        if frame.write(&mut again) {
            assert!(again.get(frame::FRAME_HEAD..).unwrap().starts_with(bytes));
        }
        assert!(frame.contents().count() <= bytes.len());
    }
    let files = Memory::of(bytes, signer(Algorithm::Ed25519).key());
    let (mut cursor, mut body, mut at) = (Cursor::new(0), Vec::new(), 0);
    while let Ok((crate::journal::segments::Step::Frame(_), _)) = cursor.next(&files, &mut body) {
        assert!(cursor.at > at);
        at = cursor.at;
    }
    let report = verify(&files, signer(Algorithm::Ed25519).key(), &[]);
    if report.verdict == Conclusion::Good && report.entries > 0 {
        assert!(report.checkpoints > 1, "entries are signed");
    }
}
