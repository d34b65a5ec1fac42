//! `audit verify`, `prove`, `export`, `tail`, `key`.

use std::fs;

use serde_json::Value;

use super::Desk;

/// A desk whose log holds what issuing two keys leaves.
fn desk() -> Desk {
    let desk = Desk::with_shop();
    for _ in 0..2 {
        desk.run(&["key", "issue", "--bot", "shop"]).fine();
    }
    desk
}

fn exported(desk: &Desk, more: &[&str]) -> Vec<Value> {
    let lines = desk.run(&[&["audit", "export"][..], more].concat()).fine();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_operators_do_is_in_it() {
    let desk = desk();
    let entries = exported(&desk, &[]);
    let kinds: Vec<_> = entries.iter().map(|line| line["entry"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "operator", "stop", "start", "operator", "stop"]);
    let action = &entries[1]["entry"];
    assert_eq!((&action["action"], &action["target"]), (&"key.issue".into(), &"shop".into()));
    assert!(action["operator"].as_str().unwrap().starts_with("uid:"));
    assert_eq!(exported(&desk, &["--from", "2", "--to", "4"]).len(), 2);
    let last = desk.run(&["audit", "tail", "-n", "1"]).fine();
    assert_eq!(serde_json::from_str::<Value>(&last).unwrap(), entries[5]);
    let ocsf = desk.run(&["audit", "export", "--form", "ocsf"]).fine();
    assert!(ocsf.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["class_uid"].is_number()));
    assert!(
        desk.run(&["audit", "export", "--form", "cef"]).fine().lines().all(|line| line.starts_with("CEF:"))
    );
}

#[test]
fn it_is_checked_from_its_files_and_a_public_key_alone() {
    let desk = desk();
    let said = desk.run(&["audit", "verify"]).fine();
    assert!(said.starts_with("good\nentries      6 "), "{said}");
    let key = desk.run(&["audit", "key"]).fine();
    desk.write("audit.key", &key);
    fs::rename(desk.path().join("botwarden-data/audit"), desk.path().join("copy")).unwrap();
    fs::remove_dir_all(desk.path().join("botwarden-data")).unwrap();
    fs::remove_file(desk.path().join("botwarden.toml")).unwrap();
    for key in ["audit.key", key.trim()] {
        desk.run(&["audit", "verify", "--log", "copy", "--key", key]).fine();
    }
    let json =
        desk.run(&["audit", "verify", "--log", "copy", "--key", "audit.key", "--format", "json"]).fine();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["verdict"], "good");
    let said = desk.run(&["audit", "verify", "--log", "copy", "--key", "other+00000000+AAAA"]).failed(2);
    assert!(said.contains("`botwarden audit key` prints it"), "{said}");
    let empty = desk.run(&["audit", "verify", "--log", "nothing", "--key", "audit.key"]);
    assert_eq!(empty.code, Some(3), "{empty:?}");
}

#[test]
fn a_change_is_found_and_named() {
    let desk = desk();
    let checkpoint = fs::read(desk.path().join("botwarden-data/audit/checkpoint")).unwrap();
    fs::write(desk.path().join("kept"), &checkpoint).unwrap();
    desk.run(&["key", "issue", "--bot", "shop"]).fine();
    desk.run(&["audit", "verify", "--checkpoint", "kept"]).fine();
    // Somebody who owns the disk rewrites an entry wherever it lies.
    let mut changed = 0;
    let mut folders = vec![desk.path().join("botwarden-data/audit")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            if let Some(at) = bytes.windows(9).position(|window| window == b"key.issue") {
                bytes[at..at + 9].copy_from_slice(b"key.ISSUE");
                fs::write(&path, bytes).unwrap();
                changed += 1;
            }
        }
    }
    assert!(changed > 0);
    let ran = desk.run(&["audit", "verify"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.starts_with("TAMPERED: entry 1: bytes were changed"), "{}", ran.out);
}

#[test]
fn one_entry_is_proven_by_one_file() {
    let desk = desk();
    desk.run(&["audit", "prove", "1", "--out", "one.proof"]).fine();
    desk.write("audit.key", &desk.run(&["audit", "key"]).fine());
    let proven = desk.run(&["audit", "verify", "--proof", "one.proof", "--key", "audit.key"]);
    assert!(proven.err.starts_with("good: entry 1 of the log `botwarden/"), "{proven:?}");
    let entry: Value = serde_json::from_str(&proven.fine()).unwrap();
    assert_eq!(entry["action"], "key.issue");
    let proof = fs::read_to_string(desk.path().join("one.proof")).unwrap();
    desk.write("other.proof", &proof.replace("index 1", "index 2"));
    let ran = desk.run(&["audit", "verify", "--proof", "other.proof", "--key", "audit.key"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    let said = desk.run(&["audit", "prove", "99"]).failed(3);
    assert!(said.contains("entry 99 is not published"), "{said}");
}
