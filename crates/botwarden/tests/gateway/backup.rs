//! Backups, taken while serving, and that erasures outlast them.

use std::path::{Path, PathBuf};
use std::process::Output;

use botwarden_testkit::{Client, FakeUpstream, Gateway, GatewayBuilder, TestDatabase};
use serde_json::Value;

use crate::support::{ASK, CHAT, Shop, openai, well};

/// Stands in what is asked.
const MARKER: &str = "MARKER-c0ffee";

async fn shop() -> Shop {
    openai().bot("record = \"sealed\"").start().await
}

async fn run(gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = gateway.command(arguments).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

async fn fine(gateway: &Gateway, arguments: &[&str]) -> String {
    let (code, out, err) = run(gateway, arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {out}{err}");
    out
}

/// What is kept of a person, once at least `wanted` exchanges are.
async fn kept(gateway: &Gateway, user: &str, wanted: usize) -> Vec<Value> {
    loop {
        let lines = fine(gateway, &["subject", "export", "--bot", "shop", user]).await;
        let exchanges: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if exchanges.len() >= wanted {
            return exchanges;
        }
    }
}

fn data(gateway: &Gateway) -> PathBuf {
    gateway.folder().join("botwarden-data")
}

/// Files below `folder` in which `needle` lies.
fn holders(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holders(&path, needle));
        } else if std::fs::read(&path)
            .unwrap_or_default()
            .windows(needle.len())
            .any(|part| part == needle.as_bytes())
        {
            found.push(path);
        }
    }
    found
}

async fn stop(shop: &mut Shop) {
    shop.gateway.signal("TERM").await;
    assert_eq!(shop.gateway.ended().await, Some(0));
}

#[tokio::test]
async fn who_was_erased_does_not_come_back_with_a_backup_from_before() {
    let mut shop = shop().await;
    let ask = ASK.replace("Where is my order?", MARKER);
    for user in ["alice", "bob"] {
        assert_eq!(shop.client_for(user).await.post(CHAT, ask.clone()).await.decision(), (200, "allowed"));
        kept(&shop.gateway, user, 1).await;
    }
    fine(&shop.gateway, &["backup", "create", "before", "--keys", "keys-before"]).await;
    let (code, _, said) = run(&shop.gateway, &["backup", "create", "before"]).await;
    assert!(code == Some(3) && said.contains("exists"), "{said}");
    fine(&shop.gateway, &["subject", "erase", "--bot", "shop", "alice", "--yes"]).await;
    fine(&shop.gateway, &["backup", "create", "after", "--keys", "keys-after"]).await;

    let (code, _, said) = run(&shop.gateway, &["backup", "restore", "before", "--replace"]).await;
    assert!(code == Some(3) && said.contains("stop it first"), "a server runs: {said}");
    stop(&mut shop).await;
    let (code, _, said) = run(&shop.gateway, &["backup", "restore", "before"]).await;
    assert!(code == Some(2) && said.contains("--replace"), "{said}");
    let said = fine(&shop.gateway, &["backup", "restore", "before", "--replace"]).await;
    assert!(said.contains("1 rows of people who were erased since were deleted"), "{said}");
    shop.gateway.restart().await;
    assert_eq!(kept(&shop.gateway, "alice", 0).await.len(), 0);
    assert_eq!(kept(&shop.gateway, "bob", 1).await[0]["question"]["text"], ask);
    assert_eq!(shop.client_for("bob").await.post(CHAT, ASK).await.decision(), (200, "allowed"));
    fine(&shop.gateway, &["audit", "verify"]).await;
    for folder in ["before", "after"] {
        assert_eq!(holders(&shop.gateway.folder().join(folder), MARKER), [] as [PathBuf; 0]);
    }

    // Another machine: the archive from before the erasure opens no more, the one from after does.
    stop(&mut shop).await;
    let (old, parts) = (data(&shop.gateway), ["root.key", "epoch.key"]);
    let aside = shop.gateway.folder().join("old-machine");
    std::fs::rename(&old, &aside).unwrap();
    for (keys, opens) in [("keys-before", false), ("keys-after", true)] {
        let _ = std::fs::remove_dir_all(&old);
        std::fs::create_dir(&old).unwrap();
        std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        for part in parts {
            std::fs::copy(aside.join(part), old.join(part)).unwrap();
        }
        let (code, out, said) = run(&shop.gateway, &["backup", "restore", "before", "--keys", keys]).await;
        assert_eq!(code == Some(0), opens, "{keys}: {out}{said}");
        if !opens {
            assert!(said.contains("from before somebody was erased"), "{said}");
        }
    }
    let exported = fine(&shop.gateway, &["audit", "export"]).await;
    let at = |action: &str| exported.find(action).unwrap();
    assert!(
        at("\"backup.create\"") < at("\"backup.restore\""),
        "in the log that came with the backup: {exported}"
    );
    shop.gateway.restart().await;
    assert_eq!(kept(&shop.gateway, "alice", 0).await.len(), 0);
    assert_eq!(kept(&shop.gateway, "bob", 1).await.len(), 1);
    fine(&shop.gateway, &["audit", "verify"]).await;
}

/// What is about to be done stands in the log that is there, whatever becomes of it.
#[tokio::test]
async fn a_restore_is_written_down_before_it_is_begun() {
    let mut shop = shop().await;
    fine(&shop.gateway, &["backup", "create", "copy"]).await;
    stop(&mut shop).await;
    // Where what is restored is made ready, something is in the way.
    std::fs::write(data(&shop.gateway).join("restored.draft"), "").unwrap();
    let (code, _, said) = run(&shop.gateway, &["backup", "restore", "copy", "--replace"]).await;
    assert!(code != Some(0) && said.contains("restored.draft"), "{code:?} {said}");
    let exported = fine(&shop.gateway, &["audit", "export"]).await;
    assert_eq!(exported.matches("\"backup.restore\"").count(), 1, "{exported}");
    shop.gateway.restart().await;
    assert_eq!(shop.client_for("bob").await.post(CHAT, ASK).await.decision(), (200, "allowed"));
}

#[tokio::test]
async fn a_backup_that_was_changed_is_refused() {
    let mut shop = shop().await;
    fine(&shop.gateway, &["backup", "create", "copy"]).await;
    stop(&mut shop).await;
    let database = shop.gateway.folder().join("copy/botwarden.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(&database, bytes).unwrap();
    let (code, _, said) = run(&shop.gateway, &["backup", "restore", "copy", "--replace"]).await;
    assert!(code == Some(3) && said.contains("`botwarden.db` is not what was backed up"), "{said}");
    let manifest = shop.gateway.folder().join("copy/manifest.json");
    let text =
        std::fs::read_to_string(&manifest).unwrap().replace("\"botwarden.db\"", "\"../botwarden.toml\"");
    std::fs::write(&manifest, text).unwrap();
    let (code, _, said) = run(&shop.gateway, &["backup", "restore", "copy", "--replace"]).await;
    assert_eq!(code, Some(3), "{said}");
    shop.gateway.restart().await;
    fine(&shop.gateway, &["audit", "verify"]).await;
}

/// How many chats.
fn chats() -> usize {
    if cfg!(feature = "prove") { 10_000 } else { 300 }
}

/// Has many chats with the marker in what is asked and in who asks, and waits until all of them are kept.
async fn chat_much(gateway: &Gateway, key: &str) {
    let ask = ASK.replace("Where is my order?", MARKER);
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let (address, key, ask) = (gateway.gateway, key.to_owned(), ask.clone());
            tokio::spawn(async move {
                for chat in (0..chats()).skip(client).step_by(8) {
                    let mut client = Client::connect(address, Some(&key))
                        .await
                        .with("x-botwarden-user", &format!("{MARKER} {}", chat % 50));
                    assert_eq!(client.post(CHAT, ask.clone()).await.decision(), (200, "allowed"));
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    for user in 0..50 {
        kept(gateway, &format!("{MARKER} {user}"), chats() / 50).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_said_lies_in_the_clear_after_many_chats() {
    let mut shop = shop().await;
    chat_much(&shop.gateway, &shop.key).await;
    assert_eq!(
        holders(&data(&shop.gateway), MARKER),
        [] as [PathBuf; 0],
        "while serving, write-ahead logs included"
    );
    stop(&mut shop).await;
    assert_eq!(holders(&data(&shop.gateway), MARKER), [] as [PathBuf; 0], "after the end");
    println!("{} chats, the marker is nowhere", chats());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_said_lies_in_the_clear_after_many_chats_on_postgresql() {
    let Some(database) = TestDatabase::create() else { return };
    let upstream = FakeUpstream::start(well).await;
    let node = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
        .bot("shop", "openai", &upstream.url(), "record = \"sealed\"")
        .toml(&format!("[store]\nurl = \"{}\"\n", database.url()))
        .start()
        .await;
    let key = node.key("shop", &["chat", "assert-user"]).await;
    chat_much(&node, &key).await;
    let dump = database.dump("botwarden");
    // Bytes are dumped as digits.
    let digits: String = MARKER.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!dump.contains(MARKER) && !dump.contains(&digits));
    assert!(dump.len() > 300 * chats(), "it is all there");
    assert_eq!(holders(&node.folder().join("botwarden-data"), MARKER), [] as [PathBuf; 0]);
    println!("{} chats on PostgreSQL, the marker is nowhere", chats());
}
