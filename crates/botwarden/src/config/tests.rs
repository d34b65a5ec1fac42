//! What people see of wrong configurations, and what right ones mean.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::errors::report;
use super::*;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/fuzz/config");
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide");

fn read(text: &str) -> Result<Config, Vec<Finding>> {
    parse(&Source::new(text), Path::new("/etc/botwarden"))
}

/// A file with one bot and `more`.
fn with(more: &str) -> String {
    let upstream = "{ dialect = \"openai\", url = \"https://api.openai.com/v1\", key = { env = \"KEY\" } }";
    format!("{more}\n[[bot]]\nname = \"shop\"\nupstream = {upstream}\nmodels = [\"gpt-*\"]\n")
}

#[test]
fn every_case_reads_as_promised() {
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    for case in cases {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let story = match read(&std::fs::read_to_string(&case).unwrap()) {
            Ok(config) => format!("accepted\n\n{}", report(Path::new("botwarden.toml"), &config.warnings)),
            Err(findings) => report(Path::new("botwarden.toml"), &findings),
        };
        insta::with_settings!({ description => "", omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, story);
        });
    }
}

#[test]
fn every_sample_of_the_guide_can_be_used() {
    let mut samples = 0;
    for entry in std::fs::read_dir(GUIDE).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "toml") {
            let config = Config::load(&path).unwrap_or_else(|error| panic!("{error}"));
            assert!(config.warnings.is_empty(), "{}: {:?}", path.display(), config.warnings);
            samples += 1;
        }
    }
    assert!(samples > 0, "there are samples");
}

#[test]
fn what_is_not_written_has_its_default() {
    let config = read(&with("")).unwrap();
    assert_eq!(config.data_dir, Path::new("/etc/botwarden/botwarden-data"));
    assert_eq!(config.listen.gateway.to_string(), "127.0.0.1:4000");
    assert_eq!(config.bounds, Bounds::default());
    assert_eq!(config.timeouts, Timeouts::default());
    assert_eq!(config.log, LogConfig { level: "info", format: logs::Format::Text });
    assert_eq!(config.limit_keys_max, 1_000_000);
    assert_eq!(config.bot("shop").unwrap().output_tokens_default, 1024);
    assert!(config.bot("other").is_none());
    assert!(config.warnings.is_empty());
}

#[test]
fn what_is_written_holds() {
    let config = read(&with(
        "data_dir = \"/var/lib/botwarden\"\n[timeouts]\nhead = \"250ms\"\n[log]\nlevel = \"trace\"",
    ))
    .unwrap();
    assert_eq!(config.data_dir, Path::new("/var/lib/botwarden"));
    assert_eq!(config.timeouts.head, Duration::from_millis(250));
    assert_eq!(config.log.level, "trace");
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("botwarden.toml");
    let why = |path: &Path| Config::load(path).unwrap_err().to_string();
    assert!(why(&path).contains("botwarden init"), "{}", why(&path));
    assert!(why(folder.path()).contains("could not be read"), "a folder");
    std::fs::write(&path, b"data_dir = \"\xff\"\n").unwrap();
    assert!(why(&path).contains("found bytes on line 1 that are no text, expected UTF-8"), "{}", why(&path));
    std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    assert!(matches!(Config::load(&path), Err(ConfigErrors::Unreadable { .. })), "too long");
}

#[test]
fn provider_keys_come_from_the_environment() {
    let config = read(&with("")).unwrap();
    let keys = config.provider_keys(|name| (name == "KEY").then(|| OsString::from("sk-1"))).unwrap();
    assert_eq!(keys[0].key.as_ref().unwrap().expose(), "sk-1");
    let error = config.provider_keys(|_| None).map(drop).unwrap_err().to_string();
    assert_eq!(error, "bot `shop` wants its provider's key in the variable `KEY`, which is not set");
}

/// The schema knows every key that serde knows: a table full of keys from the schema is accepted, and nothing has been forgotten
/// in [`super::raw`].
#[test]
fn the_schema_is_that_of_the_file() {
    let schema = schema();
    let properties = schema["properties"].as_object().unwrap();
    let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["audit", "bot", "bounds", "data_dir", "limits", "listen", "log", "root_key", "store", "timeouts"]
    );
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["bot"]));
    assert!(!schema.to_string().contains("null"), "TOML has no null");
}

/// Keys of a schema with their paths' last names, those below first-level tables included.
fn keys_of(schema: &serde_json::Value, found: &mut Vec<String>) {
    for (key, below) in schema.get("properties").and_then(|it| it.as_object()).into_iter().flatten() {
        found.push(key.clone());
        keys_of(below.get("items").unwrap_or(below), found);
    }
}

#[test]
fn the_guide_explains_every_key() {
    let guide = std::fs::read_to_string(Path::new(GUIDE).join("configuration.md")).unwrap();
    let mut keys = Vec::new();
    keys_of(&schema::unfolded(), &mut keys);
    assert!(keys.len() > 30, "{keys:?}");
    let explained =
        |key: &String| guide.contains(&format!("| `{key}` |")) || guide.contains(&format!("`{{ {key} ="));
    let silent: Vec<_> =
        keys.iter().filter(|key| !explained(key) && !guide.contains(&format!("## `[{key}]`"))).collect();
    let silent: Vec<_> = silent.into_iter().filter(|key| !guide.contains(&format!("`[[{key}]]`"))).collect();
    assert!(silent.is_empty(), "the guide says nothing of {silent:?}");
}

/// Long files with many mistakes of each kind: refused, with a bounded number of findings.
#[test]
fn a_file_full_of_mistakes_is_refused_briefly() {
    let bytes = usize::try_from(source::CONFIG_BYTES_MAX / 8).unwrap();
    let unknown: String = (0..bytes / 8).map(|number| format!("k{number:05x}=1\n")).collect();
    let bots = "[[bot]]\nname='a'\nupstream={dialect='openai',url='https://x'}\n";
    let limits = format!("{}{}", with(""), "[[bot.limit]]\nper='ip'\nopen=0\n".repeat(bytes / 40));
    for (name, text, at_most) in [
        ("unknown keys", unknown, 101),
        ("no TOML on one line", "=".repeat(bytes), 5),
        ("no TOML on many lines", "=\n".repeat(bytes / 2), 5),
        ("bots that are one", with(&bots.repeat(998)), 200),
        ("too many bots", with(&bots.repeat(1000)), 1),
        ("limits", limits, 100),
    ] {
        let findings = read(&text).unwrap_err();
        assert!((1..=at_most).contains(&findings.len()), "{name}: {}", findings.len());
    }
}

fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("data_dir"),
        Just("listen"),
        Just("listen.gateway"),
        Just("bounds.body"),
        Just("timeouts"),
        Just("log.level"),
        Just("bot"),
        Just("name"),
        Just("upstream"),
        Just("upstream.url"),
        Just("models"),
        Just("limit"),
        Just("per"),
        Just("requests"),
        Just("window"),
        Just("key.env"),
        Just("wat"),
    ];
    let value = prop_oneof![
        Just("1"),
        Just("-1"),
        Just("0x7fffffffffffffff"),
        Just("1.5"),
        Just("true"),
        Just("1979-05-27"),
        Just("[]"),
        Just("[[]]"),
        Just("{}"),
        Just("\"\""),
        Just("\"60s\""),
        Just("\"user\""),
        Just("[{}]"),
        Just("[\"a\"]"),
        Just("{ env = 3 }"),
        Just("\"\\u0000\""),
        Just("\"é\""),
        Just("{ dialect = \"openai\", url = \"https://x\" }"),
    ];
    let header = prop_oneof![
        Just("[[bot]]"),
        Just("[[bot.limit]]"),
        Just("[bot]"),
        Just("[listen]"),
        Just("[bounds]"),
        Just("[bot.upstream]"),
        Just("[log]"),
        Just("[[log]]"),
    ];
    prop_oneof![3 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")), 1 => header.prop_map(str::to_owned)]
}

fn corpus() -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(CASES).unwrap();
    entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// Bytes that TOML, or what is shown of it, treats in their own way, and any others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![prop::sample::select(&b"\"'[]{}=.,#\n\r\t\\_-0\x1b\x7f\xc3\xa9"[..]), any::<u8>()]
}

proptest! {
    #[test]
    fn any_lines_are_accepted_or_refused_with_reasons(lines in prop::collection::vec(line(), 0..12)) {
        crate::fuzzing::config(lines.join("\n").as_bytes());
    }

    #[test]
    fn damaged_files_are_accepted_or_refused_with_reasons(
        file in prop::sample::select(corpus()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, prop::collection::vec(byte(), 0..4)), 1..8),
    ) {
        let mut file = file;
        for (at, removed, inserted) in damage {
            let at = at.index(file.len() + 1);
            let end = (at + removed).min(file.len());
            file.splice(at..end, inserted);
        }
        crate::fuzzing::config(&file);
    }
}
