//! Replays the saved corpora, and feeds the same assertions with damaged ones.

use std::path::Path;

use proptest::prelude::*;

use super::*;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 3] =
    [("crypto_cell", crypto_cell), ("crypto_key", crypto_key), ("crypto_root", crypto_root)];

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
fn saved_corpora_hold_what_opens() {
    let some = |name: &str, opens: fn(&[u8]) -> bool| corpus(name).iter().any(|input| opens(input));
    assert!(some("crypto_cell", |cell| CELLS.open(HERE, cell).is_ok()));
    assert!(some("crypto_cell", |cell| FORMAT_ONE.open(HERE, cell).is_ok()));
    assert!(some("crypto_key", |wrapped| WRAPPING.unwrap(name(), wrapped).is_ok()));
    assert!(some("crypto_key", |letter| Letter::open(name(), letter).is_ok()));
    assert!(some("crypto_root", |text| RootKey::parse(text).is_ok()));
    assert!(some("crypto_root", |text| std::str::from_utf8(text).unwrap().parse::<Stretch>().is_ok()));
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
        damage in prop::collection::vec((any::<u16>(), any::<u8>(), any::<u8>()), 1..4),
    ) {
        for (name, target) in TARGETS {
            let inputs = corpus(name);
            let mut bytes = inputs[which.index(inputs.len())].clone();
            for (at, how, what) in &damage {
                let damage = Damage { at: usize::from(*at), how: *how, what: *what };
                bytes = damage.to(&bytes).unwrap_or(bytes);
            }
            target(&bytes);
        }
    }
}
