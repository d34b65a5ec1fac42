//! What is kept of exchanges: as much as the bot's configuration says, sealed, and not for ever.

use std::path::Path;

use botwarden_testkit::{Answer, FakeUpstream, Gateway};
use serde_json::Value;

use crate::support::{ANSWER, ASK, ASK_STREAM, CHAT, EVENTS, Shop, openai, pieces};

/// Stands in what is asked.
const MARKER: &str = "MARKER-77e1";

async fn shop(record: &str) -> Shop {
    openai().bot(&format!("record = \"{record}\"")).start().await
}

/// What is kept of a person, once at least `wanted` exchanges are.
async fn kept(gateway: &Gateway, user: &str, wanted: usize) -> Vec<Value> {
    loop {
        let output = gateway.command(&["subject", "export", "--bot", "shop", user]).await;
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        let exchanges: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if exchanges.len() >= wanted {
            return exchanges;
        }
    }
}

fn lies_in(folder: &Path, needle: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return lies_in(&path, needle);
        }
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[tokio::test]
async fn what_was_said_is_kept_sealed_and_erased_with_its_person() {
    let mut shop = shop("sealed").await;
    let ask = ASK.replace("Where is my order?", MARKER);
    for user in ["alice", "bob"] {
        let mut client = shop.client_for(user).await;
        assert_eq!(client.post(CHAT, ask.clone()).await.decision(), (200, "allowed"));
        assert_eq!(client.post(CHAT, ASK_STREAM).await.decision(), (200, "allowed"));
    }
    let exchanges = kept(&shop.gateway, "alice", 2).await;
    assert_eq!(exchanges.len(), 2);
    let (asked, streamed) = (&exchanges[0], &exchanges[1]);
    assert_eq!(asked["question"]["text"], ask);
    assert_eq!(asked["answer"]["text"], ANSWER);
    assert_eq!(streamed["answer"]["text"], EVENTS.concat());
    assert_eq!((&asked["model"], &asked["input_tokens"]), (&"gpt-4o-mini".into(), &9.into()));
    assert_eq!(
        (&asked["status"], &asked["verdict"], &asked["complete"]),
        (&200.into(), &"allowed".into(), &true.into())
    );
    let folder = shop.gateway.folder().join("botwarden-data");
    for what in [MARKER, "On its way", "alice"] {
        assert!(!lies_in(&folder, what), "`{what}` lies in the clear");
    }

    let erased = shop.gateway.command(&["subject", "erase", "--bot", "shop", "alice", "--yes"]).await;
    let said = String::from_utf8(erased.stdout).unwrap();
    assert!(said.contains("0 sessions and 2 exchanges were deleted"), "{said}");
    shop.gateway.kill_and_restart().await;
    assert_eq!(kept(&shop.gateway, "alice", 0).await, [] as [Value; 0]);
    assert_eq!(kept(&shop.gateway, "bob", 2).await.len(), 2);
    // Whoever comes back begins anew.
    assert_eq!(shop.client_for("alice").await.post(CHAT, ASK).await.decision(), (200, "allowed"));
    assert_eq!(kept(&shop.gateway, "alice", 1).await.len(), 1);
}

#[tokio::test]
async fn as_much_is_kept_as_the_bot_says() {
    for (record, exchanges, content) in [("none", 0, false), ("metadata", 1, false), ("sealed", 1, true)] {
        let shop = shop(record).await;
        assert_eq!(shop.client_for("alice").await.post(CHAT, ASK).await.decision(), (200, "allowed"));
        let exchanges_kept = kept(&shop.gateway, "alice", exchanges).await;
        assert_eq!(exchanges_kept.len(), exchanges, "{record}");
        for exchange in exchanges_kept {
            assert_eq!(exchange["question"].is_null(), !content, "{record}");
            assert_eq!(exchange["model"], "gpt-4o-mini", "{record}");
        }
    }
}

#[tokio::test]
async fn what_went_wrong_is_kept_too() {
    let shop =
        openai().bot("record = \"sealed\"").answering(|_| Answer::json("{\"error\":1}").status(500)).await;
    let mut client = shop.client_for("alice").await;
    client.post(CHAT, ASK).await;
    // Refused before anything is forwarded: nothing was said to a model.
    client.post(CHAT, ASK.replace("gpt-4o-mini", "gpt-5")).await;
    let exchanges = kept(&shop.gateway, "alice", 1).await;
    assert_eq!(exchanges[0]["status"], 500);
    assert_eq!(exchanges[0]["answer"]["text"], "{\"error\":1}");
}

#[tokio::test]
async fn what_is_longer_than_is_kept_is_cut_and_says_so() {
    let shop = shop("sealed").await;
    let ask = ASK.replace("Where is my order?", &"x".repeat(300 << 10));
    assert_eq!(shop.client_for("alice").await.post(CHAT, ask.clone()).await.decision(), (200, "allowed"));
    let exchanges = kept(&shop.gateway, "alice", 1).await;
    assert_eq!(exchanges[0]["question"]["cut"], true);
    assert_eq!(exchanges[0]["question"]["text"], ask[..256 << 10]);
    assert_eq!(shop.forwarded().body.len(), ask.len(), "what is forwarded is whole");
}

#[tokio::test]
async fn what_is_to_be_kept_is_refused_while_it_cannot_be() {
    let shop = shop("metadata").await;
    let mut client = shop.client_for("alice").await;
    assert_eq!(client.post(CHAT, ASK).await.decision(), (200, "allowed"));
    assert_eq!(kept(&shop.gateway, "alice", 1).await.len(), 1, "written before the disk is full");
    shop.gateway.fill_disk().await;
    let stranger = shop.client_for("bob").await.post(CHAT, ASK).await;
    assert_eq!(stranger.decision(), (503, "unrecorded"), "there is no key to keep it under");
    let words = "exchanges could not be kept";
    assert_eq!(shop.gateway.logs(words, client.post(CHAT, ASK)).await.decision(), (503, "unrecorded"));
    assert_eq!(client.post(CHAT, ASK).await.decision(), (503, "unrecorded"));
    shop.gateway.logs("exchanges are kept again", shop.gateway.make_room()).await;
    assert_eq!(client.post(CHAT, ASK).await.decision(), (200, "allowed"));
    assert_eq!(kept(&shop.gateway, "alice", 3).await.len(), 3, "nor is what was refused forgotten");
}

/// The answer is still coming when its person is erased: what it says does not come back under a new key.
#[tokio::test]
async fn what_was_under_way_when_its_person_was_erased_is_not_kept() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().bot("record = \"sealed\"").before(upstream).await;
    let mut clients = [shop.client_for("alice").await, shop.client_for("bob").await];
    let [alice, bob] = &mut clients;
    let feeding = async {
        let feeds = [feeds.next().await, feeds.next().await];
        for feed in &feeds {
            feed.send(pieces(&EVENTS[..1]).remove(0)).await.unwrap();
        }
        feeds
    };
    let (mut of_alice, mut of_bob, feeds) =
        tokio::join!(alice.stream(CHAT, ASK_STREAM), bob.stream(CHAT, ASK_STREAM), feeding);
    of_alice.until("On ").await;
    of_bob.until("On ").await;
    let erased = shop.gateway.command(&["subject", "erase", "--bot", "shop", "alice", "--yes"]).await;
    assert!(erased.status.success(), "{erased:?}");
    let dropped = async {
        for feed in &feeds {
            for piece in pieces(&EVENTS[1..]) {
                feed.send(piece).await.unwrap();
            }
        }
        drop(feeds);
        (of_alice.rest().await, of_bob.rest().await)
    };
    let (of_alice, _) = shop.gateway.logs("its person was erased meanwhile", dropped).await;
    assert!(of_alice.text().contains("[DONE]"), "{of_alice:?}");
    assert_eq!(kept(&shop.gateway, "bob", 1).await.len(), 1, "others are not held up");
    let again = shop.gateway.command(&["subject", "erase", "--bot", "shop", "alice", "--yes"]).await;
    assert_eq!(String::from_utf8(again.stdout).unwrap(), "nothing was kept of that person\n");
}
