//! `keyring init`, `list`, `rotate`, `destroy`; `subject erase`.

use std::fs;

use serde_json::Value;

use super::Desk;

fn listed(desk: &Desk, more: &[&str]) -> Vec<Value> {
    let arguments = [&["keyring", "list", "--format", "json"][..], more].concat();
    serde_json::from_str(&desk.run(&arguments).fine()).unwrap()
}

fn root_key(desk: &Desk) -> String {
    fs::read_to_string(desk.path().join("botwarden-data/root.key")).unwrap()
}

#[test]
fn keys_are_made_once_and_never_printed() {
    let desk = Desk::with_shop();
    let made = desk.run(&["keyring", "init"]);
    assert!(made.err.contains("back up `root.key`"), "{made:?}");
    let root = made.fine();
    assert_eq!(desk.run(&["keyring", "init"]).fine(), root, "the second changes nothing");
    let table = desk.run(&["keyring", "list"]).fine();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("KEY"), "{table}");
    assert!(
        lines[1].contains("tenant, version 1")
            && lines[1].contains(root.trim_start_matches("root key ").trim())
    );
    assert!(
        lines[2..].iter().all(|line| line.contains("tenant, version 1") && line.ends_with("current")),
        "{table}"
    );
    assert!(!table.contains(root_key(&desk).trim().trim_start_matches("bwroot1_")));
    let purposes: Vec<_> =
        listed(&desk, &[]).iter().map(|key| key["for"].as_str().unwrap().to_owned()).collect();
    assert_eq!(purposes, ["tenant", "audit-signing", "index", "limit-hash", "pepper", "system"]);
}

#[test]
fn keys_are_rotated_and_what_they_sealed_stays_readable() {
    let desk = Desk::with_shop();
    desk.run(&["key", "issue", "--bot", "shop", "--label", "till"]).fine();
    let before = root_key(&desk);
    let said = desk.run(&["keyring", "rotate"]).fine();
    assert_eq!(said, "rotated: 5 keys wrapped anew under version 2\n");
    let said = desk.run(&["keyring", "rotate", "--root"]);
    assert!(said.err.contains("destroy the copies of the old one"), "{said:?}");
    assert!(said.fine().starts_with("rotated: 1 keys wrapped anew under local:"));
    assert_ne!(root_key(&desk), before);
    assert!(desk.run(&["key", "list"]).fine().contains("till"));
    assert!(listed(&desk, &[]).iter().all(|key| key["version"] == 2 && key["outdated"] == false));
    // The old root key opens nothing any more.
    fs::write(desk.path().join("botwarden-data/root.key"), before).unwrap();
    let said = desk.run(&["key", "list"]).failed(3);
    assert!(said.contains("put the root key that belongs to `keyring.db` into `data_dir`"), "{said}");
}

#[test]
fn the_tenants_own_keys_are_not_destroyed() {
    let desk = Desk::with_shop();
    desk.run(&["keyring", "init"]).fine();
    for key in listed(&desk, &[]) {
        let said = desk.run(&["keyring", "destroy", key["key"].as_str().unwrap(), "--yes"]).failed(3);
        assert!(said.contains("without it nothing could be read"), "{said}");
    }
    let said = desk.run(&["keyring", "destroy", "00000000000000ff", "--yes"]).failed(3);
    assert_eq!(
        said,
        "error: there is no key `00000000000000ff`\n  mend: `botwarden keyring list --people` shows them\n"
    );
    for arguments in [
        &["keyring", "destroy", "00000000000000ff"][..],
        &["keyring", "destroy", "ff", "--yes"],
        &["keyring", "destroy", "+0000000000000ff", "--yes"],
        &["subject", "erase", "--bot", "shop", "alice"],
        &["subject", "erase", "alice", "--yes"],
        &["subject", "erase", "--bot", "shop", "", "--yes"],
    ] {
        desk.run(arguments).failed(2);
    }
}

#[test]
fn nobody_is_erased_who_is_not_there() {
    let desk = Desk::with_shop();
    desk.run(&["keyring", "init"]).fine();
    let said = desk.run(&["subject", "erase", "--bot", "shop", "alice", "--yes"]).fine();
    assert_eq!(said, "nothing was kept of that person\n");
}
