//! Nodes that share a PostgreSQL database. Without a server (plain `cargo test`) each test says that it was skipped.

use botwarden_testkit::{Client, FakeUpstream, Gateway, GatewayBuilder, TestDatabase, soon};

use crate::sessions::{end, open, turn};
use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, pieces, well};

fn node(upstream: &FakeUpstream, database: &TestDatabase) -> GatewayBuilder {
    GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
        .bot("shop", "openai", &upstream.url(), "")
        .toml(&format!("[store]\nurl = \"{}\"\n", database.url()))
}

async fn as_(node: &Gateway, credential: &str) -> Client {
    Client::connect(node.gateway, Some(credential)).await
}

/// Asks until the answer is `want`: the news of another node is on its way.
async fn answers(node: &Gateway, credential: &str, want: (u16, &str)) {
    let mut client = as_(node, credential).await;
    soon(want.1, async { while client.post(CHAT, ASK).await.decision() != want {} }).await;
}

#[tokio::test]
async fn keys_sessions_and_erasure_on_postgresql() {
    let Some(database) = TestDatabase::create() else { return };
    let upstream = FakeUpstream::start(well).await;
    let mut node = node(&upstream, &database).start().await;
    let key = node.issue("shop", &[], &[]).await;
    let mut backend = as_(&node, &key.secret).await;
    let [alice, bob] = [r#"{"user":"alice"}"#, r#"{"user":"bob"}"#];
    let (alice, bob) = (open(&mut backend, alice).await, open(&mut backend, bob).await);
    for session in [&alice, &bob] {
        assert_eq!(turn(&mut backend, &session.id, Some("k"), r#"{"text":"hello"}"#).await.status, 201);
    }
    for moment in ["at once", "after a restart"] {
        for session in [&alice, &bob] {
            let reply = as_(&node, &session.token).await.post(CHAT, ASK).await;
            assert_eq!(reply.decision(), (200, "allowed"), "{moment}");
        }
        node.kill_and_restart().await;
    }
    assert!(!node.folder().join("botwarden-data/botwarden.db").exists(), "nothing lies beside");
    assert!(!node.folder().join("botwarden-data/keyring.db").exists());

    let erased = node.command(&["subject", "erase", "--bot", "shop", "alice", "--yes"]).await;
    let said = String::from_utf8(erased.stdout).unwrap();
    assert!(said.contains("deleted; the running server has forgotten it; other nodes are told"), "{said}");
    assert_eq!(as_(&node, &alice.token).await.post(CHAT, ASK).await.decision(), (401, "bad-credential"));
    assert_eq!(as_(&node, &bob.token).await.post(CHAT, ASK).await.decision(), (200, "allowed"));
    node.revoke(&key).await;
    assert_eq!(as_(&node, &bob.token).await.post(CHAT, ASK).await.decision(), (401, "bad-credential"));
    assert!(!database.dump("botwarden").contains("alice"));
    assert!(!node.log().contains(&database.url()), "addresses are not logged");
}

/// Whatever was said is kept, whichever core it came through, and after a stop in good order.
#[tokio::test]
async fn exchanges_are_kept_on_postgresql_over_a_stop() {
    let Some(database) = TestDatabase::create() else { return };
    let upstream = FakeUpstream::start(well).await;
    let recorded = "record = \"sealed\"\nretention = \"30d\"";
    let mut node = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
        .bot("shop", "openai", &upstream.url(), recorded)
        .toml(&format!("[store]\nurl = \"{}\"\n", database.url()))
        .start()
        .await;
    let key = node.key("shop", &[]).await;
    for round in 0..8 {
        // A connection of its own each, so that every core opens sessions.
        let session = open(&mut as_(&node, &key).await, r#"{"user":"alice"}"#).await;
        let reply = as_(&node, &session.token).await.post(CHAT, ASK).await;
        assert_eq!(reply.decision(), (200, "allowed"), "{round}");
    }
    node.signal("TERM").await;
    assert_eq!(node.ended().await, Some(0));
    assert!(!node.log().contains("ERROR"), "{}", node.log());
    let exported = node.command(&["subject", "export", "--bot", "shop", "alice"]).await;
    assert_eq!(String::from_utf8(exported.stdout).unwrap().lines().count(), 8);
    assert!(!database.dump("botwarden").contains("Where is my order"));
    let verified = node.command(&["audit", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
    let refused = node.command(&["backup", "create", "copy"]).await;
    assert!(String::from_utf8(refused.stderr).unwrap().contains("pg_dump"), "files are not all there is");
}

/// Each has a log of its own: none of them says what another says.
#[tokio::test]
async fn nodes_sign_their_audit_logs_under_keys_of_their_own() {
    let Some(database) = TestDatabase::create() else { return };
    let upstream = FakeUpstream::start(well).await;
    let one = node(&upstream, &database).start().await;
    let two = node(&upstream, &database).root_key_of(&one).start().await;
    let mut keys = Vec::new();
    for node in [&one, &two] {
        let verified = node.command(&["audit", "verify"]).await;
        assert!(verified.status.success(), "{verified:?}");
        keys.push(String::from_utf8(node.command(&["audit", "key"]).await.stdout).unwrap());
    }
    assert!(keys[0].starts_with("botwarden/") && keys[0] != keys[1], "{keys:?}");
}

#[tokio::test]
async fn nodes_share_what_one_of_them_is_told() {
    let Some(database) = TestDatabase::create() else { return };
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let answering = FakeUpstream::start(well).await;
    let one = node(&answering, &database).start().await;
    let two = node(&upstream, &database).root_key_of(&one).start().await;
    let key = one.issue("shop", &[], &[]).await;
    let chatting = two.issue("shop", &["chat"], &[]).await;
    answers(&one, &chatting.secret, (200, "allowed")).await;

    // A session that one opens is known to the other, whose stream is cut when the first ends it.
    let mut backend = as_(&one, &key.secret).await;
    let session = open(&mut backend, r#"{"user":"alice"}"#).await;
    let mut client = as_(&two, &session.token).await;
    let known = async { while client.get("/v1/").await.decision() != (200, "allowed") {} };
    soon("the session on the other node", known).await;
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(pieces(&EVENTS[..1]).remove(0)).await.unwrap();
        feed
    };
    let (mut stream, _feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
    stream.until("On ").await;
    assert_eq!(end(&mut backend, &session.id).await.status, 204);
    let rest = stream.rest().await;
    assert!(!rest.text().contains("[DONE]"), "{rest:?}");

    // Revoked on the node that did not issue it; connections that break do not matter.
    database.cut_connections();
    two.revoke(&chatting).await;
    answers(&one, &chatting.secret, (401, "bad-credential")).await;
}

#[tokio::test]
async fn a_node_with_a_root_key_of_its_own_does_not_start() {
    let Some(database) = TestDatabase::create() else { return };
    let upstream = FakeUpstream::start(well).await;
    let one = node(&upstream, &database).start().await;
    let data = one.folder().join("botwarden-data");
    std::fs::remove_file(data.join("root.key")).unwrap();
    let refused = one.command(&["key", "list"]).await;
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("put the root key that belongs to the schema `botwarden_keys` into `data_dir`"),
        "{said}"
    );
}
