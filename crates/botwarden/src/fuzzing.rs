//! What the fuzz target asserts. Its corpus lies in `testdata/fuzz/config` and is replayed as an ordinary test.

use std::path::Path;

use crate::config::{RawConfig, Severity, Source, parse};

/// Any text as a configuration file: accepted, or refused with reasons that may be shown.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(&Source::new(text), Path::new("folder")) {
        Ok(config) => {
            assert!(!config.bots.is_empty(), "a configuration without bots was accepted");
            assert!(config.warnings.iter().all(|it| it.severity == Severity::Warning));
            let whole = toml::from_str::<RawConfig>(text);
            assert!(whole.is_ok(), "serde refuses as a whole what was accepted in parts: {whole:?}");
        }
        Err(findings) => {
            assert!(findings.iter().any(|it| it.severity == Severity::Error), "refused without a reason");
            for finding in &findings {
                let story = finding.story("botwarden.toml");
                assert!(
                    story.chars().all(|c| c == '\n' || !c.is_control()),
                    "steers the terminal: {story:?}"
                );
                let lines = text.matches('\n').count() + 1;
                assert!(finding.place.as_ref().is_none_or(|place| (1..=lines).contains(&place.line)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_saved_corpus_replays() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/fuzz/config");
        for entry in std::fs::read_dir(corpus).unwrap() {
            super::config(&std::fs::read(entry.unwrap().path()).unwrap());
        }
    }
}
