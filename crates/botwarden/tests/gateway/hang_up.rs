//! Clients that go away.

use botwarden_testkit::{Answer, FakeUpstream, Wire};
use bytes::Bytes;

use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, openai, well};

#[tokio::test]
async fn hanging_up_on_a_stream_closes_the_upstreams_and_gives_the_place_back() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().limit("per = \"user\"\nopen = 1").before(upstream).await;
    for round in 0..3 {
        let mut client = shop.client_for("alice").await;
        let feeding = async {
            let feed = feeds.next().await;
            feed.send(Bytes::from_static(EVENTS[0].as_bytes())).await.unwrap();
            feed
        };
        let (mut stream, feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
        stream.until("On ").await;
        let refused = shop.client_for("alice").await.post(CHAT, ASK_STREAM).await;
        assert_eq!(refused.decision(), (429, "open-streams"), "{round}");
        drop((stream, client));
        shop.upstream.answers_open(0).await;
        shop.gateway.metric("botwarden_requests_in_flight 0").await;
        drop(feed);
    }
    assert_eq!(shop.upstream.requests(), 3);
}

#[tokio::test]
async fn hanging_up_before_the_answer_begins_closes_the_upstreams() {
    let shop = openai().limit("per = \"key\"\nopen = 1").answering(|_| Answer::never()).await;
    for body in [ASK, ASK_STREAM] {
        let mut client = shop.client().await;
        let asking = client.post(CHAT, body);
        tokio::select! {
            reply = asking => panic!("an answer from nowhere: {reply:?}"),
            () = shop.upstream.answers_open(1) => {}
        }
        drop(client);
        shop.upstream.answers_open(0).await;
        shop.gateway.metric("botwarden_requests_in_flight 0").await;
    }
}

#[tokio::test]
async fn hanging_up_in_the_middle_of_a_question_asks_nobody() {
    let shop = openai().start().await;
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    let whole = shop.raw(CHAT, ASK);
    wire.send(&whole[..whole.len() - 20]).await;
    shop.gateway.metric("botwarden_requests_in_flight 1").await;
    drop(wire);
    shop.gateway.metric("botwarden_requests_in_flight 0").await;
    assert_eq!(shop.upstream.requests(), 0);
}

/// Nobody knows what the upstream did for a caller who has gone, so that hanging up early makes nothing cheaper.
#[tokio::test]
async fn what_was_reserved_is_used_up_by_hanging_up_before_the_answer_begins() {
    let ask = |stream: bool, tokens: u32| {
        format!(r#"{{"model":"gpt-4o","messages":[],"stream":{stream},"max_tokens":{tokens}}}"#)
    };
    for stream in [false, true] {
        let shop = openai()
            .limit("per = \"key\"\ntokens = 1000\nwindow = \"1d\"")
            .answering(|asked| match asked.headers.get("x-silent") {
                Some(_) => Answer::never(),
                None => well(asked),
            })
            .await;
        let mut leaving = shop.client().await.with("x-silent", "1");
        tokio::select! {
            reply = leaving.post(CHAT, ask(stream, 600)) => panic!("an answer from nowhere: {reply:?}"),
            () = shop.upstream.answers_open(1) => {}
        }
        drop(leaving);
        shop.upstream.answers_open(0).await;
        shop.gateway.metric("botwarden_requests_in_flight 0").await;
        let refused = shop.client().await.post(CHAT, ask(stream, 600)).await;
        assert_eq!(refused.decision(), (429, "token-limit"), "{stream}");
        let left: u32 = refused.header("x-ratelimit-remaining-tokens").parse().unwrap();
        assert!((340..400).contains(&left), "600 and the question are used: {left} left");
        assert_eq!(shop.client().await.post(CHAT, ask(stream, 300)).await.decision(), (200, "allowed"));
    }
}

/// What never left the gateway cost nothing.
#[tokio::test]
async fn hanging_up_in_the_middle_of_a_question_uses_nothing() {
    let shop = openai().limit("per = \"key\"\nrequests = 1\nwindow = \"1d\"").start().await;
    let whole = shop.raw(CHAT, ASK);
    for _ in 0..3 {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(&whole[..whole.len() - 20]).await;
        shop.gateway.metric("botwarden_requests_in_flight 1").await;
        drop(wire);
        shop.gateway.metric("botwarden_requests_in_flight 0").await;
    }
    assert_eq!(shop.client().await.post(CHAT, ASK).await.decision(), (200, "allowed"));
}

/// Who says that nothing more comes can still hear why that is too little.
#[tokio::test]
async fn a_question_that_breaks_off_is_refused() {
    let shop = openai().start().await;
    let whole = shop.raw(CHAT, ASK);
    for missing in [1, ASK.len()] {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(&whole[..whole.len() - missing]).await;
        wire.finish().await;
        let reply = wire.reply().await.expect("an answer");
        assert_eq!(reply.decision(), (400, "body-broken"), "{missing}");
        assert_eq!(reply.json()["error"]["message"], "the body broke off", "{missing}");
        assert!(wire.ended().await.is_empty(), "{missing}");
    }
    assert_eq!(shop.upstream.requests(), 0);
}
