//! Habits of every crate: the shared lints, and a `lib.rs` that tells its story and does nothing else.

use cargo_metadata::TargetKind;

#[test]
fn every_crate_takes_the_shared_lints() {
    let mut wrong = Vec::new();
    for package in super::metadata().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("a manifest");
        let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
        let shared = manifest.get("lints").and_then(|it| it.get("workspace")).and_then(toml::Value::as_bool);
        if shared != Some(true) {
            wrong.push(format!("{}: write `[lints] workspace = true`", package.name));
        }
    }
    super::none(&wrong);
}

#[test]
fn every_library_opens_with_its_story() {
    let mut wrong = Vec::new();
    for package in super::metadata().workspace_packages() {
        for target in package.targets.iter().filter(|it| it.kind.contains(&TargetKind::Lib)) {
            let text = std::fs::read_to_string(&target.src_path).expect("a lib.rs");
            wrong.extend(fault(&text).map(|it| format!("{} lib.rs: {it}", package.name)));
        }
    }
    super::none(&wrong);
}

/// What a `lib.rs` holds besides its story (`//!`), `mod` and `use` lines, if anything.
fn fault(text: &str) -> Option<String> {
    if !text.starts_with("//!") {
        return Some(
            "open with `//!`: what the crate is for, the types to know, what it promises".to_owned(),
        );
    }
    let mut goes_on_until = None;
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if let Some(end) = goes_on_until {
            goes_on_until = (!line.ends_with(end)).then_some(end);
            continue;
        }
        let item = without_visibility(line);
        if line.starts_with('#') {
            goes_on_until = (!line.ends_with(']')).then_some(']');
        } else if item.starts_with("use ") {
            goes_on_until = (!line.ends_with(';')).then_some(';');
        } else if !(line.is_empty()
            || line.starts_with("//")
            || item.starts_with("mod ") && line.ends_with(';'))
        {
            return Some(format!(
                "line {number} `{line}`: only documentation, `mod` and `use`; move it to a module"
            ));
        }
    }
    None
}

/// The item without `pub` or `pub(…)`.
fn without_visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else { return line };
    match rest.strip_prefix('(').and_then(|it| it.split_once(')')) {
        Some((_, rest)) => rest.trim_start(),
        None => rest.trim_start(),
    }
}

#[test]
fn a_library_that_does_something_itself_is_found() {
    for (name, text, right) in [
        (
            "a story",
            "//! Story.\n\n// why\n#[cfg(test)]\nmod a;\npub mod b;\npub(crate) mod c;\npub use a::A;\n",
            true,
        ),
        ("a long use", "//! Story.\npub use a::{\n    A,\n    B,\n};\n", true),
        (
            "a long attribute",
            "//! Story.\n#![expect(\n    missing_docs,\n    reason = \"a tool\"\n)]\nmod a;\n",
            true,
        ),
        ("no story", "mod a;\n", false),
        ("a function", "//! Story.\npub fn f() {}\n", false),
        ("an inline module", "//! Story.\nmod tests {\n", false),
        ("after a use", "//! Story.\npub use a::{\n    A,\n};\nconst X: u8 = 1;\n", false),
    ] {
        let fault = fault(text);
        assert_eq!(fault.is_none(), right, "{name}: {fault:?}");
    }
}
