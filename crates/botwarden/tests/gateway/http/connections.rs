//! Connections: how many, and how many requests each carries.

use botwarden_testkit::{FakeUpstream, Wire};
use bytes::Bytes;

use crate::support::{ANSWER, ASK, ASK_STREAM, CHAT, EVENTS, openai};

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let shop = openai().start().await;
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    for target in ["/v1/none", "/v1/none", "/v1/none"] {
        wire.send(shop.raw(target, ASK)).await;
        assert_eq!(wire.reply().await.expect("an answer").decision(), (404, "not-found"));
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let shop = openai()
        .answering(|asked| {
            let number = asked.headers["x-number"].to_str().unwrap().to_owned();
            let body = format!("{{\"number\":{number}}}");
            let length = body.len().to_string();
            botwarden_testkit::Answer::json(body).header("content-length", &length)
        })
        .await;
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    let all: String = (0..20)
        .map(|number| shop.raw(CHAT, ASK).replace("host: shop", &format!("host: shop\r\nx-number: {number}")))
        .collect();
    wire.send(all).await;
    for number in 0..20 {
        let reply = wire.reply().await.expect("an answer");
        assert_eq!(
            (reply.decision(), reply.json()),
            ((200, "allowed"), serde_json::json!({ "number": number }))
        );
    }
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let shop = openai().top("[bounds]\nconnections_per_address = 2").start().await;
    let connect = || Wire::connect(shop.gateway.gateway);
    let (mut one, mut two, mut three) = (connect().await, connect().await, connect().await);
    assert!(three.ended().await.is_empty(), "one too many");
    for wire in [&mut one, &mut two] {
        wire.send(shop.raw("/v1/none", "")).await;
        assert_eq!(wire.reply().await.expect("an answer").status, 404);
    }
    shop.gateway.metric("botwarden_connections_refused_total{reason=\"connections_per_address\"} 1").await;
    drop(one);
    shop.gateway.metric("botwarden_connections 1").await;
    let mut four = connect().await;
    four.send(shop.raw("/v1/none", "")).await;
    assert_eq!(four.reply().await.expect("an answer").status, 404, "in the place of the first");
}

#[tokio::test]
async fn all_together_have_so_many_connections_and_no_more() {
    let shop = openai().top("[bounds]\nconnections = 1").start().await;
    let mut one = Wire::connect(shop.gateway.gateway).await;
    let mut two = Wire::connect(shop.gateway.gateway).await;
    assert!(two.ended().await.is_empty(), "one too many");
    one.send(shop.raw("/v1/none", "")).await;
    assert_eq!(one.reply().await.expect("an answer").status, 404);
    shop.gateway.metric("botwarden_connections_refused_total{reason=\"connections\"} 1").await;
    assert_eq!(shop.gateway.ops("/livez").await.0, 200, "operations have a listener of their own");
}

#[tokio::test]
async fn http2_with_prior_knowledge_carries_requests_side_by_side() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().before(upstream).await;
    let mut client = shop.http2().await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let (stream, feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeds.next());
        open.push((stream, feed));
    }
    assert_eq!(client.get("/v1/").await.decision(), (200, "allowed"), "while others are under way");
    for (stream, feed) in open.into_iter().rev() {
        feed.send(Bytes::from(EVENTS.concat())).await.unwrap();
        drop(feed);
        let reply = stream.rest().await;
        assert_eq!((reply.decision(), reply.text()), ((200, "allowed"), EVENTS.concat().as_str()));
    }
}

#[tokio::test]
async fn http2_requests_reach_the_upstream_like_any_other() {
    let shop = openai().start().await;
    let mut client = shop.http2().await.with("cookie", "a=b").with("x-custom", "kept");
    let reply = client.post(CHAT, ASK).await;
    assert_eq!((reply.decision(), reply.text()), ((200, "allowed"), ANSWER));
    let forwarded = shop.forwarded();
    assert_eq!(
        (&forwarded.body[..], &forwarded.headers["x-custom"]),
        (ASK.as_bytes(), &"kept".parse().unwrap())
    );
    assert!(!forwarded.headers.contains_key("cookie"));
    assert!(shop.upstream.url().contains(forwarded.headers["host"].to_str().unwrap()));
}

/// The stream ends with the one request, not with the connection.
#[tokio::test]
async fn an_http2_stream_that_is_reset_closes_the_upstreams() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().before(upstream).await;
    let mut client = shop.http2().await;
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(Bytes::from_static(EVENTS[0].as_bytes())).await.unwrap();
        feed
    };
    let (mut stream, _feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
    stream.until("On ").await;
    drop(stream);
    shop.upstream.answers_open(0).await;
    assert_eq!(client.get("/v1/").await.decision(), (200, "allowed"));
}
