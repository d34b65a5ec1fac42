use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use botwarden_crypto::SigningKey;
use proptest::prelude::*;

use super::*;
use crate::tree::{Hash, ProofError, leaf_hash, node_hash};

/// Source: golang.org/x/mod/sumdb/note, documentation of the package.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                       then you don't know what your problem is.\n";
const GO_LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn signer(name: &str, algorithm: Algorithm) -> NoteSigner {
    NoteSigner::new(name, algorithm, SigningKey::from_seed(&[7; 32])).unwrap()
}

#[test]
fn the_note_of_go_verifies_and_is_signed_alike() {
    let key = NoteKey::parse(GO_KEY).unwrap();
    assert_eq!(key.to_string(), GO_KEY);
    let bytes = format!("{GO_TEXT}\n{GO_LINE}");
    let note = Note::parse(bytes.as_bytes()).unwrap();
    assert_eq!((note.text(), note.verify(&key)), (GO_TEXT, Ok(())));
    let seed: [u8; 32] = STANDARD.decode(GO_SECRET).unwrap()[1..].try_into().unwrap();
    let go = NoteSigner::new("PeterNeumann", Algorithm::Ed25519, SigningKey::from_seed(&seed)).unwrap();
    assert_eq!((go.key(), go.note(GO_TEXT)), (&key, bytes));
}

#[test]
fn keys_that_are_none() {
    for (name, text, want) in [
        ("empty", "", KeyError::Format),
        ("no parts", "PeterNeumann", KeyError::Format),
        ("another id", &GO_KEY.replace("c74f20a3", "c74f20a4"), KeyError::Id),
        ("an id in capitals", &GO_KEY.replace("c74f20a3", "C74F20A3"), KeyError::Id),
        ("another name", &GO_KEY.replace("Peter", "Paul"), KeyError::Id),
        ("another kind", &GO_KEY.replace("+AR", "+AB"), KeyError::Algorithm(0)),
        ("a kind to come", &GO_KEY.replace("+AR", "+Bh"), KeyError::Algorithm(6)),
        ("cut", &GO_KEY[..GO_KEY.len() - 4], KeyError::Key),
        ("a space in the name", &GO_KEY.replace("rN", "r N"), KeyError::Name),
        ("no name", &GO_KEY["PeterNeumann".len()..], KeyError::Name),
    ] {
        assert_eq!(NoteKey::parse(text).map(drop), Err(want), "{name}");
    }
}

#[test]
fn notes_that_are_none() {
    let key = NoteKey::parse(GO_KEY).unwrap();
    let stranger = GO_LINE.replace("PeterNeumann", "Somebody");
    let forged = GO_LINE.replace("x08go/Z", "x08go/Y");
    for (name, bytes, want) in [
        ("empty", String::new(), Err(NoteError::Format)),
        ("no signature", format!("{GO_TEXT}\n"), Err(NoteError::Format)),
        ("no empty line", format!("{GO_TEXT}{GO_LINE}"), Err(NoteError::Format)),
        ("no text", format!("\n{GO_LINE}"), Err(NoteError::Format)),
        ("no last line feed", format!("{GO_TEXT}\n{}", GO_LINE.trim_end()), Err(NoteError::Format)),
        ("a line more", format!("{GO_TEXT}\n{GO_LINE}x\n"), Err(NoteError::Format)),
        ("a carriage return", format!("{GO_TEXT}\r\n{GO_LINE}"), Err(NoteError::Format)),
        ("a plain dash", format!("{GO_TEXT}\n{}", GO_LINE.replace('—', "-")), Err(NoteError::Format)),
        ("a short signature", format!("{GO_TEXT}\n— x AAAA\n"), Err(NoteError::Format)),
        ("too many", format!("{GO_TEXT}\n{}", GO_LINE.repeat(65)), Err(NoteError::Format)),
        ("too long", "x".repeat(200_000), Err(NoteError::TooLong { got: 200_000 })),
        ("a stranger's", format!("{GO_TEXT}\n{stranger}"), Err(NoteError::Unsigned)),
        ("forged", format!("{GO_TEXT}\n{forged}"), Err(NoteError::BadSignature)),
        ("forged beside a good one", format!("{GO_TEXT}\n{GO_LINE}{forged}"), Err(NoteError::BadSignature)),
        ("another text", format!("x{GO_TEXT}\n{GO_LINE}"), Err(NoteError::BadSignature)),
        ("a stranger's beside a good one", format!("{GO_TEXT}\n{stranger}{GO_LINE}"), Ok(())),
    ] {
        let got = Note::parse(bytes.as_bytes()).and_then(|note| note.verify(&key));
        assert_eq!(got, want, "{name}");
    }
}

/// Source: c2sp.org/tlog-checkpoint, the example.
#[test]
fn checkpoints() {
    const EXAMPLE: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let checkpoint = Checkpoint::parse(EXAMPLE).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(checkpoint.to_string(), EXAMPLE);
    let extended = format!("{EXAMPLE}more\nand more\n");
    assert_eq!(Checkpoint::parse(&extended).unwrap().to_string(), extended);
    for (name, text) in [
        ("empty", String::new()),
        ("two lines", "a\n1\n".to_owned()),
        ("no last line feed", EXAMPLE.trim_end().to_owned()),
        ("no origin", EXAMPLE.replace("example.com/behind-the-sofa", "")),
        ("a leading zero", EXAMPLE.replace("20852163", "020852163")),
        ("a sign", EXAMPLE.replace("20852163", "+1")),
        ("no size", EXAMPLE.replace("20852163", "")),
        ("a size too large", EXAMPLE.replace("20852163", "18446744073709551616")),
        ("a short root", EXAMPLE.replace("CsUY", "")),
        ("unused bits in the root", EXAMPLE.replace("q2I=", "q2J=")),
        ("an unpadded root", EXAMPLE.replace("q2I=", "q2I")),
        ("an empty extension", format!("{EXAMPLE}\n")),
        ("an empty line", format!("{EXAMPLE}a\n\nb\n")),
        ("an unended extension", format!("{EXAMPLE}a")),
    ] {
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Format), "{name}");
    }
}

#[test]
fn a_checkpoint_is_of_the_log_of_its_key() {
    let ours = signer("example.com/log", Algorithm::Ed25519);
    let signed = SignedCheckpoint::sign(3, Hash::of(b"x"), &ours);
    let again = SignedCheckpoint::parse(signed.note().as_bytes(), ours.key()).unwrap();
    assert_eq!(again, signed);
    let text = signed.checkpoint().to_string().replace("example.com/log", "example.com/other");
    let other = ours.note(&text);
    assert_eq!(SignedCheckpoint::parse(other.as_bytes(), ours.key()), Err(CheckpointError::Origin));
    let note = ours.note("something else\n");
    assert_eq!(SignedCheckpoint::parse(note.as_bytes(), ours.key()), Err(CheckpointError::Format));
}

#[test]
fn a_witness_cosigns() {
    let ours = signer("example.com/log", Algorithm::Ed25519);
    let witness =
        NoteSigner::new("w.example", Algorithm::CosignatureEd25519, SigningKey::from_seed(&[9; 32])).unwrap();
    let signed = SignedCheckpoint::sign(3, Hash::of(b"x"), &ours);
    let text = signed.checkpoint().to_string();
    let line = cosign(&text, 1_679_315_147, &witness).unwrap();
    let both = format!("{}{line}", signed.note());
    let note = Note::parse(both.as_bytes()).unwrap();
    assert_eq!(cosigned_at(&note, witness.key()), Ok(1_679_315_147));
    assert!(SignedCheckpoint::parse(both.as_bytes(), ours.key()).is_ok(), "the log's own still counts");
    let later = format!("{both}{}", cosign(&text, 1_700_000_000, &witness).unwrap());
    assert_eq!(cosigned_at(&Note::parse(later.as_bytes()).unwrap(), witness.key()), Ok(1_700_000_000));
    for (name, note, key, want) in [
        ("nobody cosigned", signed.note().to_owned(), witness.key(), NoteError::Unsigned),
        ("the log's key is no witness's", both.clone(), ours.key(), NoteError::Unsigned),
        ("another text", both.replacen("\n3\n", "\n4\n", 1), witness.key(), NoteError::BadSignature),
        (
            "a plain signature in its place",
            format!("{}{}", signed.note(), witness.line(&witness.sign(text.as_bytes()))),
            witness.key(),
            NoteError::BadSignature,
        ),
    ] {
        assert_eq!(cosigned_at(&Note::parse(note.as_bytes()).unwrap(), key), Err(want), "{name}");
    }
    assert_eq!(cosign(&text, u64::MAX, &witness), None, "no time");
    assert_eq!(cosign(&text, 1, &ours), None, "no witness's key");
}

/// Source: c2sp.org/tlog-witness, the example of a question.
#[test]
fn a_witness_is_asked() {
    let ours = signer("example.com/behind-the-sofa", Algorithm::Ed25519);
    let signed = SignedCheckpoint::sign(3, Hash::of(b"x"), &ours);
    let hash = Hash([1; 32]);
    let body = add_checkpoint(2, &[hash, hash], &signed);
    let base64 = hash.base64();
    assert_eq!(body, format!("old 2\n{base64}\n{base64}\n\n{}", signed.note()));
    assert_eq!(add_checkpoint(0, &[], &signed), format!("old 0\n\n{}", signed.note()));
    for (answer, want) in [
        ("20852014\n", Some(20_852_014)),
        ("0\n", Some(0)),
        ("20852014", None),
        ("020852014\n", None),
        ("20852014\n\n", None),
        ("20852014\r\n", None),
        ("-1\n", None),
        ("18446744073709551616\n", None),
        ("", None),
    ] {
        assert_eq!(witnessed_size(answer.as_bytes()), want, "{answer:?}");
    }
}

#[test]
fn a_witnesss_answer_is_checked() {
    let ours = signer("example.com/log", Algorithm::Ed25519);
    let signer_of = |name: &str, seed: u8| {
        NoteSigner::new(name, Algorithm::CosignatureEd25519, SigningKey::from_seed(&[seed; 32])).unwrap()
    };
    let (witness, other) = (signer_of("w.example", 9), signer_of("v.example", 8));
    let signed = SignedCheckpoint::sign(3, Hash::of(b"x"), &ours);
    let text = signed.checkpoint().to_string();
    let line = |witness: &NoteSigner, at| cosign(&text, at, witness).unwrap();
    let (first, last, others) = (line(&witness, 5), line(&witness, 7), line(&other, 9));
    let another = cosign(&text.replace("\n3\n", "\n4\n"), 7, &witness).unwrap();
    let plain = witness.line(&witness.sign(text.as_bytes()));
    for (name, answer, want) in [
        ("one", first.clone(), Ok(5)),
        ("the latest", format!("{last}{first}"), Ok(7)),
        ("beside those of others", format!("{others}{first}{others}"), Ok(5)),
        ("others alone", others, Err(NoteError::Unsigned)),
        ("another tree", another.clone(), Err(NoteError::BadSignature)),
        ("another tree beside it", format!("{first}{another}"), Err(NoteError::BadSignature)),
        ("a plain signature", plain, Err(NoteError::BadSignature)),
        ("nothing", String::new(), Err(NoteError::Format)),
        ("an empty line", "\n".to_owned(), Err(NoteError::Format)),
        ("an empty line more", format!("{first}\n"), Err(NoteError::Format)),
        ("no line feed", first.trim_end().to_owned(), Err(NoteError::Format)),
        ("windows line breaks", first.replace('\n', "\r\n"), Err(NoteError::Format)),
        ("a whole note", signed.note().to_owned(), Err(NoteError::Format)),
        ("too many", first.repeat(65), Err(NoteError::Format)),
        ("a page", "<html>\n".to_owned(), Err(NoteError::Format)),
    ] {
        let taken = Cosignature::take(answer.as_bytes(), &signed, witness.key());
        assert_eq!(taken.as_ref().map(|it| it.at_secs).map_err(|error| *error), want, "{name}");
        let Ok(taken) = taken else { continue };
        let both = signed.clone().with(&taken).with(&taken);
        assert_eq!(both.note(), format!("{}{}", signed.note(), taken.line()), "{name}");
        assert_eq!(SignedCheckpoint::parse(both.note().as_bytes(), ours.key()), Ok(both));
    }
    let a_log = Cosignature::take(first.as_bytes(), &signed, ours.key());
    assert_eq!(a_log, Err(NoteError::Unsigned), "a log's key is no witness's");
}

/// Source: c2sp.org/tlog-tiles (index 1234067; a tree of 70,000).
#[test]
fn tile_paths() {
    let hashes = |level| TileKind::Hashes { level };
    for (path, kind, index, width) in [
        ("tile/0/x001/x234/067", hashes(0), 1_234_067, 256),
        ("tile/0/000", hashes(0), 0, 256),
        ("tile/0/273.p/112", hashes(0), 273, 112),
        ("tile/1/001.p/17", hashes(1), 1, 17),
        ("tile/2/000.p/1", hashes(2), 0, 1),
        ("tile/63/999", hashes(63), 999, 256),
        ("tile/entries/x001/000.p/255", TileKind::Entries, 1000, 255),
        ("tile/entries/x018/x446/x744/x073/x709/x551/615", TileKind::Entries, u64::MAX, 256),
    ] {
        let id = TileId { kind, index, width };
        assert_eq!(TileId::parse(path), Ok(id), "{path}");
        assert_eq!(id.to_string(), path);
    }
    for path in [
        "",
        "tile/",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001",
        "tile/64/000",
        "tile/00/000",
        "tile/-1/000",
        "tile/x/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1.p/1",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/entry/000",
        "tile/0/+01",
        "tile/0/../000",
    ] {
        assert_eq!(TileId::parse(path), Err(TilePathError), "{path}");
    }
}

#[test]
fn bundles() {
    let read =
        |bytes: &[u8]| bundle::entries(bytes).map(|it| it.map(<[u8]>::to_vec)).collect::<Result<Vec<_>, _>>();
    for (name, bytes, want) in [
        ("none", &[][..], Ok(vec![])),
        ("an empty entry", &[0, 0], Ok(vec![vec![]])),
        ("two", &[0, 1, 7, 0, 2, 8, 9], Ok(vec![vec![7], vec![8, 9]])),
        ("half a length", &[0], Err(bundle::Cut)),
        ("an entry cut short", &[0, 2, 1], Err(bundle::Cut)),
        ("a second one cut short", &[0, 0, 1, 0], Err(bundle::Cut)),
    ] {
        assert_eq!(read(bytes), want, "{name}");
    }
    let mut bytes = Vec::new();
    assert!(!bundle::push(&[0; 65_536], &mut bytes) && bytes.is_empty());
    assert!(bundle::push(&[0; 65_535], &mut bytes));
}

#[test]
fn proof_files() {
    let ours = signer("example.com/log", Algorithm::Ed25519);
    let (left, right) = (leaf_hash(b"a"), leaf_hash(b"b"));
    let signed = SignedCheckpoint::sign(2, node_hash(&left, &right), &ours);
    let proof = ProofFile { extra: None, index: 1, hashes: vec![left], checkpoint: signed.note().to_owned() };
    let text = proof.to_string();
    assert_eq!(ProofFile::parse(text.as_bytes()), Ok(proof.clone()));
    assert_eq!(proof.check(b"b", ours.key()), Ok(signed));
    assert_eq!(proof.check(b"a", ours.key()), Err(ProofFileError::Proof(ProofError::Root)));
    for (name, text) in [
        ("empty", String::new()),
        ("another version", text.replace("@v1", "@v2")),
        ("no index", text.replace("index 1\n", "")),
        ("a leading zero", text.replace("index 1", "index 01")),
        ("extra after the index", text.replace("index 1\n", "index 1\nextra AAAA\n")),
        ("extra that is none", text.replace("index 1\n", "extra A\nindex 1\n")),
        ("a hash cut short", text.replace("=\n\n", "\n\n")),
        ("windows line breaks", text.replace('\n', "\r\n")),
        ("no checkpoint", text.split("\n\n").next().unwrap().to_owned()),
    ] {
        assert_eq!(ProofFile::parse(text.as_bytes()), Err(ProofFileError::Format), "{name}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_what_was_parsed(
        index: u64, level in 0u8..64, width in 1u16..=256, extra: Option<Vec<u8>>, hashes: Vec<[u8; 32]>,
    ) {
        let id = TileId { kind: TileKind::Hashes { level }, index, width };
        prop_assert_eq!(TileId::parse(&id.to_string()), Ok(id));
        let hashes: Vec<Hash> = hashes.into_iter().map(Hash).take(64).collect();
        let proof = ProofFile { extra, index, hashes, checkpoint: "x\n".to_owned() };
        prop_assert_eq!(ProofFile::parse(proof.to_string().as_bytes()), Ok(proof));
    }

    #[test]
    fn one_flipped_bit_and_a_checkpoint_does_not_verify(size: u64, at: prop::sample::Index, bit in 0..8u8) {
        let ours = signer("example.com/log", Algorithm::Ed25519);
        let mut note = SignedCheckpoint::sign(size, Hash::of(b"x"), &ours).note().as_bytes().to_vec();
        let at = at.index(note.len());
        note[at] ^= 1 << bit;
        prop_assert!(SignedCheckpoint::parse(&note, ours.key()).is_err());
    }
}
