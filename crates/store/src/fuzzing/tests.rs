//! Replays the saved corpora, and feeds the same assertions with damaged ones.

use std::path::Path;

use proptest::prelude::*;

use super::*;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 5] = [
    ("store_archive", store_archive),
    ("store_backup", store_backup),
    ("store_cell", store_cell),
    ("store_journal", store_journal),
    ("store_line", store_line),
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

/// Were it otherwise, the targets would only see what is refused at the door.
#[test]
fn saved_corpora_hold_what_is_taken() {
    let some = |name: &str, taken: fn(&[u8]) -> bool| corpus(name).iter().any(|input| taken(input));
    assert!(some("store_archive", |file| archive::open(file).is_some_and(|kept| !kept.data.is_empty())));
    assert!(some("store_backup", |text| Manifest::read(text).is_ok()));
    assert!(some("store_line", |text| node_name(text).is_some()));
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
