//! The kill switch, thrown beside a running server.

use botwarden_testkit::{Client, FakeUpstream, GatewayBuilder, TestDatabase, soon};

use crate::approvals::{ask_to_pay, store_of, without};
use crate::sessions::{end, open, shop_with_backend, turn};
use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, SESSIONS, Shop, anthropic, openai, pieces, well};

/// Runs a command that ends well.
async fn fine(shop: &Shop, arguments: &[&str]) -> String {
    let output = shop.gateway.command(arguments).await;
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out
}

const WHY: [&str; 2] = ["--reason", "incident 12"];
const STOPPED: (u16, &str) = (503, "quarantined");

async fn stop(shop: &Shop, target: &[&str]) -> String {
    fine(shop, &[&["quarantine", "add"], target, &WHY[..]].concat()).await
}

async fn lift(shop: &Shop, target: &[&str]) {
    fine(shop, &[&["quarantine", "lift"], target].concat()).await;
}

#[tokio::test]
async fn what_is_stopped_is_refused_until_it_is_lifted() {
    let mut shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    let alice = open(&mut backend, r#"{"user":"alice"}"#).await;
    let bob = open(&mut backend, r#"{"user":"bob"}"#).await;
    let asks = async |shop: &Shop, token: &str| {
        let reply = shop.client_with(token).await.post(CHAT, ASK).await;
        (reply.status, reply.verdict().to_owned())
    };
    let allowed = (200, "allowed".to_owned());
    let stopped = (503, "quarantined".to_owned());
    for (target, bobs_too) in [
        (vec!["everything"], true),
        (vec!["bot", "shop"], true),
        (vec!["user", "alice", "--bot", "shop"], false),
        (vec!["session", &alice.id], false),
    ] {
        let said = stop(&shop, &target).await;
        assert!(said.contains("the running server has put it in force"), "{said}");
        assert_eq!(asks(&shop, &alice.token).await, stopped, "{target:?}");
        assert_eq!(asks(&shop, &bob.token).await == stopped, bobs_too, "{target:?}");
        shop.gateway.kill_and_restart().await;
        assert_eq!(asks(&shop, &alice.token).await, stopped, "{target:?}: after a restart");
        lift(&shop, &target).await;
        assert_eq!(asks(&shop, &alice.token).await, allowed, "{target:?}: lifted");
        assert_eq!(asks(&shop, &bob.token).await, allowed, "{target:?}: lifted");
    }
    stop(&shop, &["tool", "orders__refund"]).await;
    assert_eq!(asks(&shop, &alice.token).await, allowed, "a tool is not the bot");
}

#[tokio::test]
async fn a_refusal_says_that_it_is_final_in_both_dialects() {
    for (setup, path) in [(openai(), CHAT), (anthropic(), "/v1/messages")] {
        let shop = setup.start().await;
        stop(&shop, &["everything"]).await;
        let body = if path == CHAT { ASK } else { crate::support::SAY };
        let reply = shop.client().await.post(path, body).await;
        assert_eq!(reply.decision(), STOPPED);
        assert_eq!(reply.header("x-should-retry"), "false");
        assert!(reply.text().contains("an operator has stopped this"), "{}", reply.text());
        assert!(!reply.text().contains("incident 12"), "why is for operators");
        assert_eq!(shop.gateway.ops("/readyz").await.0, 200, "the operations listener goes on");
    }
}

#[tokio::test]
async fn a_user_is_stopped_whichever_way_they_are_named() {
    let shop = openai().start().await;
    stop(&shop, &["user", "alice", "--bot", "shop"]).await;
    assert_eq!(shop.client_for("alice").await.post(CHAT, ASK).await.decision(), STOPPED);
    assert_eq!(shop.client_for("bob").await.post(CHAT, ASK).await.decision(), (200, "allowed"));
    let in_body = r#"{"model":"gpt-4o","messages":[],"user":"alice"}"#;
    assert_eq!(shop.client().await.post(CHAT, in_body).await.decision(), STOPPED);
    assert_eq!(shop.upstream.recorded().len(), 1, "nothing of hers was forwarded");
    let erased = shop.gateway.command(&["subject", "erase", "--bot", "shop", "alice", "--yes"]).await;
    let said = String::from_utf8(erased.stderr).unwrap();
    assert!(said.contains("lift it first"), "{said}");
}

#[tokio::test]
async fn of_what_is_stopped_a_backend_may_end_and_deny() {
    let shop = shop_with_backend().await;
    let approvals = store_of(&shop.gateway).await.approvals();
    let mut backend = shop.client().await;
    let alice = open(&mut backend, r#"{"user":"alice"}"#).await;
    let id = ask_to_pay(&*approvals, &alice, "DE1").await;
    let said = stop(&shop, &["everything"]).await;
    assert!(said.contains("1 approvals were withdrawn"), "{said}");
    assert_eq!(backend.post(SESSIONS, r#"{"user":"bob"}"#).await.decision(), STOPPED);
    let spoken = turn(&mut backend, &alice.id, Some("k"), r#"{"text":"go on"}"#).await;
    assert_eq!(spoken.decision(), STOPPED);
    let list = format!("/botwarden/v1/approvals?session={}", alice.id);
    assert_eq!(backend.get(&list).await.decision(), STOPPED);
    let answer = format!("/botwarden/v1/approvals/{id}?session={}", alice.id);
    assert_eq!(backend.post(&answer, r#"{"decision":"approve"}"#).await.decision(), STOPPED);
    let denied = backend.post(&answer, r#"{"decision":"deny"}"#).await;
    assert_eq!(denied.decision(), (409, "approval-over"), "it is withdrawn already");
    assert_eq!(end(&mut backend, &alice.id).await.status, 204);
    lift(&shop, &["everything"]).await;
    stop(&shop, &["user", "alice", "--bot", "shop"]).await;
    assert_eq!(backend.post(SESSIONS, r#"{"user":"alice"}"#).await.decision(), STOPPED);
    assert_eq!(backend.post(SESSIONS, r#"{"user":"bob"}"#).await.status, 201);
}

#[tokio::test]
async fn streams_under_way_are_cut() {
    for target in [&["session"][..], &["user", "alice", "--bot", "shop"], &["bot", "shop"], &["everything"]] {
        let (upstream, mut feeds) = FakeUpstream::fed().await;
        let shop = openai().rights(&[]).before(upstream).await;
        let alice = open(&mut shop.client().await, r#"{"user":"alice"}"#).await;
        let mut target = target.to_vec();
        if target == ["session"] {
            target.push(&alice.id);
        }
        let mut client = shop.client_with(&alice.token).await;
        let feeding = async {
            let feed = feeds.next().await;
            feed.send(pieces(&EVENTS[..1]).remove(0)).await.unwrap();
            feed
        };
        let (mut stream, _feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
        stream.until("On ").await;
        stop(&shop, &target).await;
        let reply = stream.rest().await;
        assert!(reply.text().contains(r#""code":"quarantined""#), "{target:?}: {reply:?}");
        assert!(!reply.text().contains("[DONE]"), "{target:?}");
        shop.upstream.answers_open(0).await;
    }
}

#[tokio::test]
async fn stops_are_listed_with_their_reasons() {
    let shop = shop_with_backend().await;
    for target in [&["user", "alice", "--bot", "shop"][..], &["tool", "orders__refund"], &["tool", "mail"]] {
        stop(&shop, target).await;
    }
    let again = stop(&shop, &["tool", "mail"]).await;
    assert!(again.contains("was stopped before"), "{again}");
    let table = fine(&shop, &["quarantine", "list"]).await;
    assert!(table.contains("user alice of bot shop") && table.contains("incident 12"), "{table}");
    let json = fine(&shop, &["quarantine", "list", "--format", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let hidden = ["/0/since", "/0/by", "/1/since", "/1/by", "/2/since", "/2/by"];
    insta::assert_json_snapshot!("quarantine_list_json", without(json, &hidden));
    let tail = fine(&shop, &["audit", "tail"]).await;
    assert!(tail.contains("quarantine.add") && tail.contains("tool:orders__refund"), "{tail}");
    assert!(!tail.contains("alice") && !tail.contains("incident 12"), "{tail}");
    for file in ["botwarden.db", "botwarden.db-wal"] {
        let bytes = std::fs::read(shop.gateway.folder().join("botwarden-data").join(file)).unwrap();
        for secret in [&b"alice"[..], b"incident 12"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{file}");
        }
    }
    for (arguments, want) in [
        (&["quarantine", "lift", "bot", "shop"][..], 3),
        (&["quarantine", "add", "bot", "shpo", "--reason", "r"], 3),
        (&["quarantine", "add", "bot", "shop"], 2),
        (&["quarantine", "add", "user", "alice", "--reason", "r"], 2),
        (&["quarantine", "add", "everything", "--reason", ""], 2),
    ] {
        assert_eq!(shop.gateway.command(arguments).await.status.code(), Some(want), "{arguments:?}");
    }
}

#[tokio::test]
async fn what_one_node_stops_is_refused_by_the_other() {
    let Some(database) = TestDatabase::create() else { return };
    let upstream = FakeUpstream::start(well).await;
    let node = || {
        GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
            .bot("shop", "openai", &upstream.url(), "")
            .toml(&format!("[store]\nurl = \"{}\"\n", database.url()))
    };
    let one = node().start().await;
    let two = node().root_key_of(&one).start().await;
    let key = two.key("shop", &["chat"]).await;
    let mut client = Client::connect(two.gateway, Some(&key)).await;
    assert_eq!(client.post(CHAT, ASK).await.decision(), (200, "allowed"));
    for (arguments, want) in [
        (&["quarantine", "add", "bot", "shop", "--reason", "r"][..], STOPPED),
        (&["quarantine", "lift", "bot", "shop"], (200, "allowed")),
    ] {
        let done = one.command(arguments).await;
        assert!(done.status.success(), "{done:?}");
        soon(want.1, async { while client.post(CHAT, ASK).await.decision() != want {} }).await;
    }
}
