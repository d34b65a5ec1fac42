//! Replays the saved corpora, and feeds the same assertions with made-up input.

use std::path::Path;

use botwarden_testkit::synthetic::sample;
use proptest::prelude::*;

use super::*;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 13] = [
    ("json", json),
    ("openai_request", openai_request),
    ("openai_embeddings", openai_embeddings),
    ("anthropic_request", anthropic_request),
    ("openai_stream", openai_stream),
    ("anthropic_stream", anthropic_stream),
    ("openai_answer", openai_answer),
    ("anthropic_answer", anthropic_answer),
    ("openai_error", openai_error),
    ("anthropic_error", anthropic_error),
    ("mcp_message", mcp_message),
    ("mcp_answer", mcp_answer),
    ("models", models),
];

#[test]
fn saved_corpora_pass() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/fuzz");
    for (name, target) in TARGETS {
        let mut inputs = 0;
        for entry in std::fs::read_dir(corpora.join(name)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            target(&std::fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has a corpus");
    }
}

/// A document with damage: bytes replaced, taken out, put in, or doubled.
fn damaged(bytes: &[u8], damage: &[(usize, u8, u8)]) -> Vec<u8> {
    const SPECIAL: &[u8] = b"{}[],:\"\\u0 \n-.eE1tfn\x00\x1F\x7F\x80\xC3\xED\xEF\xBB\xBF\xFF";
    let mut bytes = bytes.to_vec();
    for &(at, how, what) in damage {
        let at = at % (bytes.len() + 1);
        let what = SPECIAL[usize::from(what) % SPECIAL.len()];
        match how % 4 {
            0 => bytes.insert(at, what),
            1 if at < bytes.len() => bytes[at] = what,
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                let tail: Vec<u8> = bytes[at..].iter().copied().take(usize::from(what)).collect();
                bytes.splice(at..at, tail);
            }
        }
    }
    bytes
}

proptest! {
    #[test]
    fn any_bytes_pass(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        TARGETS.iter().for_each(|(_, target)| target(&bytes));
    }

    #[test]
    fn json_like_text_passes(text in r#"[\[\]{},:"\\ntfu0-9aeE.+ -]{0,40}"#) {
        TARGETS.iter().for_each(|(_, target)| target(text.as_bytes()));
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_exchanges_pass(
        seed in any::<u64>(),
        damage in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 0..4),
    ) {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            let sample = sample(dialect, seed);
            for bytes in [sample.request, sample.answer] {
                let bytes = damaged(&bytes, &damage);
                TARGETS.iter().for_each(|(_, target)| target(&bytes));
            }
        }
    }
}
