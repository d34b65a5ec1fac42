//! `key issue`, `key list`, `key revoke`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::{Desk, SHOP};

/// The keys as `key list --format json` gives them.
fn keys(desk: &Desk) -> Vec<serde_json::Value> {
    serde_json::from_str(&desk.run(&["key", "list", "--format", "json"]).fine()).unwrap()
}

fn id(key: &serde_json::Value) -> String {
    key["id"].as_str().unwrap().to_owned()
}

#[test]
fn from_a_fresh_folder_to_a_revoked_key() {
    let desk = Desk::new();
    desk.run(&["init"]).fine();
    desk.run(&["check"]).fine();
    let issued = desk.run(&["key", "issue", "--bot", "shop", "--label", "staging", "--expires", "30d"]);
    assert_eq!(issued.code, Some(0), "{issued:?}");
    let key = issued.out.strip_suffix('\n').unwrap();
    assert!(key.starts_with("bw_") && key.len() == 46, "the key alone is on standard output");
    assert!(issued.err.contains("may: session,approve,data; expires 20"), "{}", issued.err);
    assert!(!issued.err.contains(key));
    let listed = keys(&desk);
    assert_eq!(listed.len(), 1);
    assert!(issued.err.starts_with(&id(&listed[0])), "{}", issued.err);
    let mut shown = listed[0].clone();
    for (field, shape) in [("id", "[id]"), ("created", "[date]"), ("expires", "[date]")] {
        shown[field] = shape.into();
    }
    insta::assert_json_snapshot!("key_list_json", shown);
    let revoked = desk.run(&["key", "revoke", &id(&listed[0])]).fine();
    assert!(revoked.contains("was revoked at 20") && revoked.contains("no server is running"), "{revoked}");
    assert_eq!(keys(&desk)[0]["state"], "revoked");
    let again = desk.run(&["key", "revoke", &id(&listed[0])]).fine();
    assert_eq!(again, revoked, "the first revocation counts");
}

#[test]
fn the_table_has_a_line_for_each_key() {
    let desk = Desk::new();
    desk.write(
        "botwarden.toml",
        &format!("{SHOP}\n{}", &SHOP[SHOP.find("[[bot]]").unwrap()..].replace("shop", "desk")),
    );
    desk.run(&["key", "issue", "--bot", "shop", "--right", "assert-user", "--right", "chat"]).fine();
    desk.run(&["key", "issue", "--bot", "desk", "--label", "märz"]).fine();
    let table = desk.run(&["key", "list"]).fine();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ID", "BOT", "STATE", "RIGHTS", "CREATED", "EXPIRES", "LABEL"]);
    assert_eq!(lines[1][1..4], ["shop", "active", "chat,assert-user"]);
    assert_eq!((lines[2][1], lines[2][5], lines[2][6]), ("desk", "never", "märz"));
    assert_eq!(desk.run(&["key", "list", "--bot", "desk"]).fine().lines().count(), 2);
    assert_eq!(desk.run(&["key", "list", "--bot", "nobody"]).fine().lines().count(), 1);
}

#[test]
fn an_unknown_bot_is_refused_with_the_known_ones() {
    let desk = Desk::with_shop();
    let said = desk.run(&["key", "issue", "--bot", "support"]).failed(3);
    assert_eq!(said, "error: no bot is named `support` in `botwarden.toml`\n  mend: name `shop`\n");
    let said = desk.run(&["key", "issue", "--bot", "shpo"]).failed(3);
    assert!(said.ends_with("mend: did you mean `shop`?\n"), "{said}");
    assert!(!desk.path().join("botwarden-data").exists(), "nothing was made");
}

#[test]
fn rights_that_exclude_each_other_are_refused() {
    let desk = Desk::with_shop();
    let said = desk.run(&["key", "issue", "--bot", "shop", "--right", "chat", "--right", "data"]).failed(2);
    insta::assert_snapshot!("key_issue_mixed_rights", said);
}

#[test]
fn a_key_that_nobody_read_is_said_to_exist() {
    let desk = Desk::with_shop();
    let mut command = desk.command(&["key", "issue", "--bot", "shop"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains(&format!("mend: revoke it: botwarden key revoke {}", id(&keys(&desk)[0]))),
        "{said}"
    );
}

#[test]
fn a_key_on_the_command_line_is_not_repeated() {
    let desk = Desk::with_shop();
    let key = desk.run(&["key", "issue", "--bot", "shop"]).fine();
    let said = desk.run(&["key", "revoke", key.trim()]).failed(2);
    assert!(said.contains("give its id") && !said.contains(key.trim()), "{said}");
}

#[test]
fn what_is_not_there_is_not_revoked() {
    let desk = Desk::with_shop();
    let said = desk.run(&["key", "list"]).failed(3);
    assert!(said.contains("does not exist"), "no data yet: {said}");
    desk.run(&["key", "issue", "--bot", "shop"]).fine();
    let said = desk.run(&["key", "revoke", "key_a"]).failed(3);
    assert_eq!(said, "error: there is no key `key_a`\n  mend: `botwarden key list` shows them\n");
}

#[test]
fn a_root_key_that_others_may_read_is_refused() {
    let desk = Desk::with_shop();
    desk.run(&["key", "issue", "--bot", "shop"]).fine();
    let root = desk.path().join("botwarden-data/root.key");
    std::fs::set_permissions(&root, Permissions::from_mode(0o644)).unwrap();
    for arguments in
        [&["key", "issue", "--bot", "shop"][..], &["key", "list"], &["key", "revoke", "key_a"], &["serve"]]
    {
        let said = desk.run(arguments).failed(3);
        assert!(said.contains("mode 644") && said.contains("chmod 600"), "{arguments:?}: {said}");
    }
    std::fs::set_permissions(&root, Permissions::from_mode(0o600)).unwrap();
    desk.run(&["key", "list"]).fine();
}
