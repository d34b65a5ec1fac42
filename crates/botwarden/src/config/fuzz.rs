//! Any bytes as a configuration file: accepted or refused with its reasons, never a panic.

use std::path::Path;

use super::raw::RawConfig;
use super::{Severity, Source, parse};

/// Reads `data` as a configuration and checks what the reader promises.
#[doc(hidden)]
pub fn fuzz(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = Source::new(text);
    match parse(&source, Path::new("/")) {
        Ok(config) => {
            assert!(!config.bots.is_empty(), "a configuration without bots was accepted");
            assert!(config.warnings.iter().all(|it| it.severity == Severity::Warning));
            let whole = toml::from_str::<RawConfig>(text);
            assert!(whole.is_ok(), "serde refuses the whole of what was accepted in parts: {whole:?}");
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
