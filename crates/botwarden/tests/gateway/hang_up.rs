//! Clients that go away.

use botwarden_testkit::{Answer, FakeUpstream, Wire};
use bytes::Bytes;

use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, openai};

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
