//! Replays the saved corpora, and feeds the same assertions with damaged ones.

use std::path::Path;

use proptest::prelude::*;

use super::*;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 6] = [
    ("audit_note", audit_note),
    ("audit_witness", audit_witness),
    ("audit_tile", audit_tile),
    ("audit_proof", audit_proof),
    ("audit_entry", audit_entry),
    ("audit_journal", audit_journal),
];

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/fuzz").join(name);
    std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn saved_corpora_pass() {
    for (name, target) in TARGETS {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "{name} has a corpus");
        inputs.iter().for_each(|input| target(input));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_pass(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        TARGETS.iter().for_each(|(_, target)| target(&bytes));
    }

    #[test]
    fn damaged_corpora_pass(
        which: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..4),
    ) {
        for (name, target) in TARGETS {
            let inputs = corpus(name);
            let mut bytes = inputs[which.index(inputs.len())].clone();
            for (at, what, how) in &damage {
                let at = at.index(bytes.len().max(1));
                match how {
                    0 if at < bytes.len() => bytes[at] = *what,
                    1 if at < bytes.len() => drop(bytes.remove(at)),
                    _ => bytes.insert(at, *what),
                }
            }
            target(&bytes);
        }
    }
}
