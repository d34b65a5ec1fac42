//! A disk that is full: what cannot be written down is not done, and everything goes on once there is room.

use botwarden_testkit::Client;

use crate::sessions::{end, open, shop_with_backend, turn};
use crate::support::{ASK, CHAT, MESSAGES, SAY, SESSIONS, anthropic, openai};

/// A restart would forget what is not written down, and admit it again.
#[tokio::test]
async fn what_a_limit_counts_is_refused_while_it_cannot_be_recorded() {
    for (setup, target, ask) in [(openai(), CHAT, ASK), (anthropic(), MESSAGES, SAY)] {
        let mut shop = setup.limit("per = \"user\"\nrequests = 100\nwindow = \"1d\"").start().await;
        let mut alice = shop.client_for("alice").await;
        // Before the first decision, which takes room for many that follow.
        shop.gateway.fill_disk().await;
        for _ in 0..5 {
            let words = "the limit journal cannot be written";
            let reply = shop.gateway.logs(words, alice.post(target, ask)).await;
            assert_eq!(reply.decision(), (503, "unrecorded"));
            let message = "the gateway could not record this request and therefore does not serve it";
            assert_eq!(reply.json()["error"]["message"], message);
        }
        assert_eq!(shop.upstream.requests(), 0, "nothing went upstream");
        let stranger = Client::connect(shop.gateway.gateway, None).await.post(target, ask).await;
        assert_eq!(stranger.decision(), (401, "no-credential"));
        let dead = Client::connect(shop.gateway.gateway, Some("bw_gone")).await.post(target, ask).await;
        assert_eq!(dead.decision(), (401, "bad-credential"), "room would not help it");
        assert_eq!(shop.gateway.ops("/livez").await.0, 200);
        shop.gateway.make_room().await;
        for _ in 0..2 {
            assert_eq!(alice.post(target, ask).await.decision(), (200, "allowed"));
        }
        shop.gateway.kill_and_restart().await;
        let reply = shop.client_for("alice").await.post(target, ask).await;
        let left = reply.header("x-ratelimit-remaining-requests");
        assert_eq!(left, "97", "the three that were served are written, and nothing else");
    }
}

#[tokio::test]
async fn nothing_is_done_that_cannot_be_written_down_but_what_takes_away() {
    let mut shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    let session = open(&mut backend, r#"{"user":"alice"}"#).await;
    let ended = open(&mut backend, r#"{"user":"bob"}"#).await;
    shop.gateway.fill_disk().await;
    let said = r#"{"text":"Send it to 5 Elm Street"}"#;
    let eve = backend.post(SESSIONS, r#"{"user":"eve"}"#);
    let lost = shop.gateway.logs("the audit log cannot be written", eve).await;
    assert_eq!(lost.decision(), (503, "unrecorded"));
    assert!(!lost.text().contains("bws_"), "no token of a session that is not kept");
    assert_eq!(turn(&mut backend, &session.id, Some("t-1"), said).await.decision(), (503, "unrecorded"));
    assert_eq!(end(&mut backend, &ended.id).await.status, 503);
    let mut bot = shop.client_with(&session.token).await;
    assert_eq!(bot.post(CHAT, ASK).await.decision(), (503, "unrecorded"));
    let reply = shop.client_with(&ended.token).await.post(CHAT, ASK).await;
    assert_eq!(reply.decision(), (401, "bad-credential"), "what was to end has ended, written down or not");
    shop.gateway.make_room().await;
    let kept = turn(&mut backend, &session.id, Some("t-1"), said).await;
    assert_eq!(kept.decision(), (201, "allowed"));
    assert_eq!(end(&mut backend, &ended.id).await.status, 204, "it can be ended for good");
    shop.gateway.kill_and_restart().await;
    assert_eq!(shop.client_with(&session.token).await.post(CHAT, ASK).await.decision(), (200, "allowed"));
    let reply = shop.client_with(&ended.token).await.post(CHAT, ASK).await;
    assert_eq!(reply.decision(), (401, "bad-credential"), "over a restart too");
}
