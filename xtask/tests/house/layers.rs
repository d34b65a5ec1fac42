//! Dependencies point one way: `botwarden → gateway | admin | store | reach → domain → crypto | fernet → types`.
//!
//! A crate knows lower layers only; crates of one layer do not know each other. The tests' kit is for tests only, and
//! nothing knows the tools. Some crates of others are fenced: primitives belong to `crypto`, SQL to `store`, and the
//! domain has no sockets, files or clock of its own, neither from a crate nor from the standard library.

use cargo_metadata::DependencyKind;

/// Height of each crate; the tools and the tests' kit stand outside. A new crate gets its line here.
const LAYERS: &[(&str, u8)] = &[
    ("botwarden-types", BASE),
    ("botwarden-crypto", BASE + 1),
    ("botwarden-fernet", BASE + 1),
    ("botwarden-protocol", DOMAIN),
    ("botwarden-guard", DOMAIN),
    ("botwarden-watch", DOMAIN),
    ("botwarden-policy", DOMAIN),
    ("botwarden-limit", DOMAIN),
    ("botwarden-identity", DOMAIN),
    ("botwarden-audit", DOMAIN),
    ("botwarden-disclose", DOMAIN),
    ("botwarden-assess", DOMAIN),
    ("botwarden-drill", DOMAIN),
    ("botwarden-gateway", DOMAIN + 1),
    ("botwarden-admin", DOMAIN + 1),
    ("botwarden-store", DOMAIN + 1),
    ("botwarden-reach", DOMAIN + 1),
    ("botwarden", DOMAIN + 2),
];
const BASE: u8 = 0;
const DOMAIN: u8 = 2;

/// Only in tests.
const KIT: &str = "botwarden-testkit";
/// Programs around the product; they may know everything, nothing knows them.
const TOOLS: &[&str] = &["botwarden-bench", "xtask"];

/// Crates of others that only the named crates of ours may use outside tests. (The binary uses SQL for the shop of its
/// demo, which keeps its orders like any application would.)
const FENCES: &[(&[&str], &[&str])] = &[
    (&["botwarden-crypto", "botwarden-fernet"], PRIMITIVES),
    (&["botwarden-store", "botwarden"], &["sqlx", "rusqlite", "libsqlite3-sys", "redis", "object_store"]),
];

/// Ciphers, hashes, signatures and randomness. TLS (`rustls`) is no primitive: it brings its own, by name.
const PRIMITIVES: &[&str] = &[
    "aes",
    "aes-gcm",
    "aes-gcm-siv",
    "argon2",
    "aws-lc-rs",
    "aws-lc-sys",
    "bcrypt",
    "blake2",
    "blake3",
    "cbc",
    "chacha20",
    "chacha20poly1305",
    "constant_time_eq",
    "curve25519-dalek",
    "ed25519-dalek",
    "fernet",
    "getrandom",
    "hkdf",
    "hmac",
    "k256",
    "md-5",
    "ml-dsa",
    "ml-kem",
    "openssl",
    "p256",
    "p384",
    "pbkdf2",
    "poly1305",
    "rand",
    "ring",
    "rsa",
    "scrypt",
    "sha1",
    "sha2",
    "sha3",
    "subtle",
    "x25519-dalek",
    "xaes-256-gcm",
];

/// What does I/O: not in the domain, nor below it. Of tokio the domain may use `sync`; [`WORLD`] keeps out the rest.
const IO: &[&str] = &[
    "async-std",
    "axum",
    "hyper",
    "hyper-util",
    "mio",
    "notify",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "tempfile",
    "tokio-rustls",
    "tokio-util",
    "tonic",
    "tower",
    "ureq",
    "walkdir",
];

/// What brings the world in without a dependency of its own: not in the sources of the domain, tests aside.
const WORLD: &[&str] = &[
    "std::fs",
    "std::process",
    "std::net::Tcp",
    "std::net::Udp",
    "std::thread",
    "Instant::now",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
    "tokio::spawn",
    "tokio::task",
    "tokio::time",
];

/// One arrow of the graph: `from` names `to` in its manifest.
#[derive(Clone, Copy)]
struct Arrow<'a> {
    from: &'a str,
    to: &'a str,
    kind: DependencyKind,
}

fn is_ours(name: &str) -> bool {
    name == KIT || TOOLS.contains(&name) || layer(name).is_some()
}

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(it, _)| *it == name).map(|(_, layer)| *layer)
}

/// What is wrong with an arrow, and the mend.
fn fault(Arrow { from, to, kind }: Arrow<'_>) -> Option<String> {
    let in_tests = kind == DependencyKind::Development;
    if TOOLS.contains(&from) {
        return None;
    }
    if to == KIT {
        return (!in_tests).then(|| format!("{from} → {to}: the tests' kit is for [dev-dependencies] only"));
    }
    if from == KIT {
        return None;
    }
    if TOOLS.contains(&to) {
        return Some(format!("{from} → {to}: nothing knows the tools"));
    }
    let height = layer(from)?;
    if let Some(below) = layer(to) {
        return (height <= below).then(|| {
            format!("{from} → {to}: arrows point down; let {from} own a port (a trait) and the binary introduce them")
        });
    }
    if in_tests {
        return None;
    }
    if height <= DOMAIN && IO.contains(&to) {
        return Some(format!(
            "{from} → {to}: the domain does no I/O; take the value or a port as an argument"
        ));
    }
    let (owners, _) =
        FENCES.iter().find(|(owners, fenced)| fenced.contains(&to) && !owners.contains(&from))?;
    Some(format!(
        "{from} → {to}: only {} may use it; ask there for the verb that is missing",
        owners.join(" and ")
    ))
}

#[test]
fn dependencies_point_one_way() {
    let metadata = super::metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        if !is_ours(&package.name) {
            wrong.push(format!("{} has no layer: give it a line in LAYERS", package.name));
        }
        for dependency in &package.dependencies {
            let arrow = Arrow { from: &package.name, to: &dependency.name, kind: dependency.kind };
            wrong.extend(fault(arrow));
        }
    }
    super::none(&wrong);
}

#[test]
fn wrong_arrows_are_found_and_right_ones_are_not() {
    use DependencyKind::{Build, Development, Normal};
    for (from, to, kind, right) in [
        ("botwarden", "botwarden-gateway", Normal, true),
        ("botwarden", "botwarden-types", Normal, true),
        ("botwarden-store", "botwarden-identity", Normal, true),
        ("botwarden-limit", "botwarden-crypto", Normal, true),
        ("botwarden-crypto", "botwarden-types", Normal, true),
        ("botwarden-limit", "botwarden-identity", Normal, false),
        ("botwarden-limit", "botwarden-identity", Development, false),
        ("botwarden-gateway", "botwarden-store", Normal, false),
        ("botwarden-gateway", "botwarden-admin", Normal, false),
        ("botwarden-identity", "botwarden-store", Normal, false),
        ("botwarden-types", "botwarden-crypto", Normal, false),
        ("botwarden-types", "botwarden-crypto", Build, false),
        ("botwarden-gateway", "botwarden", Normal, false),
        ("botwarden-gateway", "botwarden-testkit", Development, true),
        ("botwarden-gateway", "botwarden-testkit", Normal, false),
        ("botwarden", "botwarden-testkit", Build, false),
        ("botwarden-testkit", "botwarden-types", Normal, true),
        ("botwarden-bench", "botwarden-gateway", Normal, true),
        ("botwarden", "botwarden-bench", Normal, false),
        ("botwarden-testkit", "tokio", Normal, true),
        ("botwarden-crypto", "aws-lc-rs", Normal, true),
        ("botwarden-identity", "aws-lc-rs", Normal, false),
        ("botwarden-identity", "sha2", Development, true),
        ("botwarden", "rand", Normal, false),
        ("botwarden-gateway", "rustls", Normal, true),
        ("botwarden-store", "sqlx", Normal, true),
        ("botwarden-gateway", "sqlx", Normal, false),
        ("botwarden-limit", "hyper", Normal, false),
        ("botwarden-limit", "hyper", Development, true),
        ("botwarden-gateway", "hyper", Normal, true),
    ] {
        let fault = fault(Arrow { from, to, kind });
        assert_eq!(fault.is_none(), right, "{from} → {to} ({kind}): {fault:?}");
    }
}

#[test]
fn the_domain_leaves_the_world_outside() {
    let mut wrong = Vec::new();
    for package in super::metadata().workspace_packages() {
        if layer(&package.name) != Some(DOMAIN) {
            continue;
        }
        let sources = package.manifest_path.parent().expect("a folder").join("src");
        let files = super::tree::rust_files(sources.as_std_path());
        let tests: Vec<String> = files.iter().flat_map(|(name, text)| test_files(name, text)).collect();
        for (name, text) in files.iter().filter(|(name, _)| !tests.contains(name)) {
            wrong.extend(reached(text).map(|it| {
                format!(
                    "{} {name}: `{it}`: the domain does no I/O; take it as an argument or a port",
                    package.name
                )
            }));
        }
    }
    super::none(&wrong);
}

/// Whether what follows this line is compiled for tests alone.
fn begins_tests(line: &str) -> bool {
    matches!(line.trim(), "#[cfg(test)]") || line.trim().starts_with("#[cfg(all(test,")
}

/// The files of the modules that `file` declares for tests alone.
fn test_files(file: &str, text: &str) -> Vec<String> {
    let folder = match file.strip_suffix("mod.rs").or_else(|| file.strip_suffix("lib.rs")) {
        Some(folder) => folder.to_owned(),
        None => format!("{}/", file.trim_end_matches(".rs")),
    };
    let modules = text.lines().zip(text.lines().skip(1)).filter(|(line, _)| begins_tests(line));
    let names = modules.filter_map(|(_, next)| next.trim().strip_prefix("mod ")?.strip_suffix(';'));
    names.map(|name| format!("{folder}{name}.rs")).collect()
}

/// The first way into the world in a source file, its comments and its tests (from `#[cfg(test)]` on) aside.
fn reached(text: &str) -> Option<&'static str> {
    let code = text.lines().take_while(|line| !begins_tests(line));
    let code: Vec<&str> = code.filter(|line| !line.trim_start().starts_with("//")).collect();
    WORLD.iter().find(|world| code.iter().any(|line| line.contains(**world))).copied()
}

#[test]
fn ways_into_the_world_are_found_outside_tests_and_comments() {
    for (text, want) in [
        ("use std::fs;\n", Some("std::fs")),
        ("use std::net::IpAddr;\n", None),
        ("let now = Instant::now();\n", Some("Instant::now")),
        ("// not std::fs, because\n#[cfg(test)]\nmod tests { use std::fs; }\n", None),
        ("#[cfg(all(test, not(feature = \"x\")))]\nmod tests { use std::fs; }\n", None),
    ] {
        assert_eq!(reached(text), want, "{text}");
    }
    for (file, text, want) in [
        ("lib.rs", "#[cfg(test)]\nmod a;\nmod b;\n", &["a.rs"][..]),
        ("log/mod.rs", "#[cfg(all(test, unix))]\nmod a;\n", &["log/a.rs"]),
        ("log.rs", "#[cfg(test)]\nmod a;\n", &["log/a.rs"]),
        ("lib.rs", "#[cfg(unix)]\nmod a;\n", &[]),
    ] {
        assert_eq!(test_files(file, text), want, "{file} {text}");
    }
}

#[test]
fn a_crate_without_a_layer_is_a_stranger() {
    assert!(!is_ours("botwarden-helpers"));
}
