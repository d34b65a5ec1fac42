//! A person's key is destroyed, and everything of theirs with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use botwarden_testkit::{Client, FakeUpstream};

use crate::sessions::{open, shop_with_backend, turn};
use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, openai, pieces};

#[tokio::test]
async fn an_erased_persons_sessions_are_over_and_unreadable() {
    let mut shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    let alice = open(&mut backend, r#"{"user":"alice"}"#).await;
    let bob = open(&mut backend, r#"{"user":"bob"}"#).await;
    for session in [&alice, &bob] {
        assert_eq!(turn(&mut backend, &session.id, Some("k"), r#"{"text":"hello"}"#).await.status, 201);
    }
    let keys = |output: std::process::Output| {
        let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        listed.as_array().unwrap().iter().filter(|key| key["for"] == "subject").count()
    };
    let list = ["keyring", "list", "--people", "--format", "json"];
    assert_eq!(keys(shop.gateway.command(&list).await), 2);

    let output = shop.gateway.command(&["subject", "erase", "--bot", "shop", "alice", "--yes"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("1 sessions and 0 exchanges were deleted; the running server has forgotten it"),
        "{said}"
    );
    assert_eq!(keys(shop.gateway.command(&list).await), 1);
    let mut erased = shop.client_with(&alice.token).await;
    assert_eq!(erased.post(CHAT, ASK).await.decision(), (401, "bad-credential"));
    assert_eq!(turn(&mut backend, &alice.id, Some("l"), r#"{"text":"again"}"#).await.status, 404);
    for moment in ["at once", "after a restart"] {
        let mut other = shop.client_with(&bob.token).await;
        assert_eq!(other.post(CHAT, ASK).await.decision(), (200, "allowed"), "{moment}");
        shop.gateway.kill_and_restart().await;
    }
}

#[tokio::test]
async fn an_erased_persons_stream_is_cut() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().rights(&[]).before(upstream).await;
    let alice = open(&mut shop.client().await, r#"{"user":"alice"}"#).await;
    let mut client = shop.client_with(&alice.token).await;
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(pieces(&EVENTS[..1]).remove(0)).await.unwrap();
        feed
    };
    let (mut stream, _feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
    stream.until("On ").await;
    shop.gateway.command(&["subject", "erase", "--bot", "shop", "alice", "--yes"]).await;
    let reply = stream.rest().await;
    assert!(!reply.text().contains("[DONE]"), "{reply:?}");
    shop.upstream.answers_open(0).await;
}

/// Keys are rotated beside a server that goes on opening sessions.
#[tokio::test]
async fn keys_are_rotated_while_sessions_are_opened() {
    let mut shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    let mut sessions = Vec::new();
    for round in 0..3 {
        for person in 0..5 {
            let body = format!(r#"{{"user":"person {round} {person}"}}"#);
            sessions.push(open(&mut backend, &body).await);
        }
        let arguments: &[&str] =
            if round == 1 { &["keyring", "rotate", "--root"] } else { &["keyring", "rotate"] };
        let output = shop.gateway.command(arguments).await;
        assert!(output.status.success(), "{output:?}");
    }
    shop.gateway.kill_and_restart().await;
    for session in &sessions {
        let mut client = shop.client_with(&session.token).await;
        assert_eq!(client.post(CHAT, ASK).await.decision(), (200, "allowed"));
    }
}

/// Four clients go on writing while keys are rotated by processes that are killed at any moment: nothing becomes unreadable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_that_are_killed_leave_everything_readable() {
    let shop = openai().bot("record = \"sealed\"").start().await;
    let (written, stopping) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..4)
        .map(|number| {
            let (address, key) = (shop.gateway.gateway, shop.key.clone());
            let (written, stopping) = (written.clone(), stopping.clone());
            tokio::spawn(async move {
                let mut people = 0;
                while !stopping.load(Ordering::SeqCst) {
                    let mut client = Client::connect(address, Some(&key))
                        .await
                        .with("x-botwarden-user", &format!("{number} {people}"));
                    assert_eq!(client.post(CHAT, ASK).await.decision(), (200, "allowed"));
                    people += 1;
                    written.fetch_add(1, Ordering::SeqCst);
                }
                people
            })
        })
        .collect();
    for round in 0..if cfg!(feature = "prove") { 100 } else { 8 } {
        let known = written.load(Ordering::SeqCst);
        let arguments: &[&str] =
            if round % 2 == 0 { &["keyring", "rotate"] } else { &["keyring", "rotate", "--root"] };
        let mut rotation = shop.gateway.begin(arguments);
        while written.load(Ordering::SeqCst) < known + 1 + round % 5 {
            tokio::task::yield_now().await;
        }
        rotation.kill().await.unwrap();
    }
    stopping.store(true, Ordering::SeqCst);
    let mut people = Vec::new();
    for (number, client) in clients.into_iter().enumerate() {
        let count: usize = client.await.unwrap();
        people.extend((0..count).map(|person| format!("{number} {person}")));
    }
    // What was cut short is finished, and then nothing is left behind.
    for arguments in [&["keyring", "rotate"][..], &["keyring", "rotate", "--root"], &["keyring", "rotate"]] {
        let output = shop.gateway.command(arguments).await;
        assert!(output.status.success(), "{output:?}");
    }
    let output = shop.gateway.command(&["keyring", "list", "--people", "--format", "json"]).await;
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(listed.iter().all(|key| key["outdated"] == false), "{listed:?}");
    for person in people.iter().step_by((people.len() / 20).max(1)) {
        loop {
            let output = shop.gateway.command(&["subject", "export", "--bot", "shop", person]).await;
            let lines = String::from_utf8(output.stdout).unwrap();
            if lines.lines().count() == 1 {
                assert!(lines.contains("Where is my order?"), "{person}: {lines}");
                break;
            }
        }
    }
    println!("{} chats of as many people while keys were rotated, all readable", people.len());
}
