//! Limits over a restart, however the process ended.

use botwarden_testkit::{Answer, Client, FakeUpstream};

use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, Shop, openai, pieces};

const DAY: &str = "per = \"user\"\nrequests = 3\nwindow = \"1d\"";

/// How a process ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Killed,
    Stopped,
}

async fn restart(shop: &mut Shop, end: End) {
    match end {
        End::Killed => shop.gateway.kill_and_restart().await,
        End::Stopped => {
            shop.gateway.signal("TERM").await;
            assert_eq!(shop.gateway.ended().await, Some(0));
            shop.gateway.restart().await;
        }
    }
}

#[tokio::test]
async fn what_was_used_stays_used() {
    for end in [End::Killed, End::Stopped] {
        let mut shop = openai().limit(DAY).start().await;
        for used in 1..=3 {
            assert_eq!(shop.client_for("alice").await.post(CHAT, ASK).await.status, 200, "{used}");
            restart(&mut shop, end).await;
        }
        let mut alice = shop.client_for("alice").await;
        for _ in 0..3 {
            let reply = alice.post(CHAT, ASK).await;
            assert_eq!(reply.decision(), (429, "rate-limit"), "{end:?}");
            let ms: u64 = reply.header("retry-after-ms").parse().unwrap();
            assert!((86_000_000..=86_460_000).contains(&ms), "{end:?}: the rest of a day, not {ms} ms");
        }
        let reply = shop.client_for("bob").await.post(CHAT, ASK).await;
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), "2", "{end:?}: others have theirs");
        restart(&mut shop, end).await;
        let reply = shop.client_for("bob").await.post(CHAT, ASK).await;
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), "1", "{end:?}");
        assert_eq!(shop.client_for("alice").await.post(CHAT, ASK).await.status, 429, "{end:?}");
    }
}

#[tokio::test]
async fn tokens_stay_settled() {
    let answer =
        |_: &_| Answer::json(r#"{"choices":[],"usage":{"prompt_tokens":300,"completion_tokens":50}}"#);
    let ask = r#"{"model":"gpt-4o","messages":[],"max_tokens":400}"#;
    for end in [End::Killed, End::Stopped] {
        let mut shop =
            openai().limit("per = \"key\"\ntokens = 1000\nwindow = \"1d\"").answering(answer).await;
        assert_eq!(shop.client().await.post(CHAT, ask).await.status, 200);
        restart(&mut shop, end).await;
        assert_eq!(shop.client().await.post(CHAT, ask).await.status, 200, "{end:?}: 350 are used");
        restart(&mut shop, end).await;
        let reply = shop.client().await.post(CHAT, ask).await;
        assert_eq!(reply.decision(), (429, "token-limit"), "{end:?}: 700 are used");
        assert_eq!(reply.header("x-ratelimit-remaining-tokens"), "300", "{end:?}");
    }
}

/// Nobody knows what the answer would have cost: the reservation stands. What was open is over with the process.
#[tokio::test]
async fn what_was_under_way_is_charged_and_open_no_more() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let mut shop = openai()
        .limit("per = \"key\"\nopen = 1")
        .limit("per = \"key\"\nrequests = 2\nwindow = \"1d\"")
        .before(upstream)
        .await;
    let mut client = shop.client().await;
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(pieces(&EVENTS[..1]).remove(0)).await.unwrap();
        feed
    };
    let (mut stream, feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
    stream.until("On ").await;
    shop.gateway.kill_and_restart().await;
    drop(feed);
    assert!(!stream.rest().await.complete);
    let mut client = shop.client().await;
    let (reply, ()) = tokio::join!(client.post(CHAT, ASK_STREAM), async { drop(feeds.next().await) });
    assert_eq!((reply.status, reply.header("x-ratelimit-remaining-requests")), (200, "0"));
}

/// A crowd is admitted while the process dies again and again: in all no more than the limit says.
#[tokio::test]
async fn deaths_in_the_middle_of_a_crowd_admit_nobody_twice() {
    let mut shop = openai().limit("per = \"bot\"\nrequests = 40\nwindow = \"1d\"").start().await;
    let (mut life, mut refused) = (0, false);
    while !refused {
        let mut crowd = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (address, key) = (shop.gateway.gateway, shop.key.clone());
            crowd.spawn(async move {
                let mut client = Client::connect(address, Some(&key)).await;
                let mut refused = false;
                for _ in 0..4 {
                    refused |= client.post(CHAT, ASK).await.status == 429;
                }
                refused
            });
        }
        // The first of them done, the others are in the middle of something.
        refused = crowd.join_next().await.unwrap().unwrap();
        crowd.shutdown().await;
        shop.gateway.kill_and_restart().await;
        life += 1;
        assert!(life < 40, "the limit is never reached");
    }
    assert!(shop.upstream.requests() <= 40, "{}", shop.upstream.requests());
    assert_eq!(shop.client().await.post(CHAT, ASK).await.decision(), (429, "rate-limit"));
}
