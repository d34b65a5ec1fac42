//! Whatever takes too long is ended. Each test waits for the end itself, not for time to pass.

use botwarden_testkit::{Answer, Wire};
use bytes::Bytes;

use super::head;
use crate::support::{ASK, ASK_STREAM, CHAT, openai};

/// HTTP/2 (RFC 9113 §3.4): the preface and an empty SETTINGS frame, and then nothing.
const HTTP2_HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_cut() {
    let shop = openai().top("[timeouts]\nhead = \"1s\"").start().await;
    let begun = head(&shop, "")[..60].to_owned();
    for (name, bytes) in [("nothing at all", ""), ("half a head", begun.as_str())] {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(bytes).await;
        assert!(wire.ended().await.is_empty(), "{name}");
    }
    let mut kept = Wire::connect(shop.gateway.gateway).await;
    kept.send(shop.raw("/v1/none", "")).await;
    assert_eq!(kept.reply().await.expect("an answer").status, 404);
    kept.send(begun).await;
    assert!(kept.ended().await.is_empty(), "a second head");
    shop.gateway.metric("botwarden_connections_cut_total{reason=\"head\"} 3").await;
}

/// Health and metrics take whoever reaches their port: more connections than have a place, and none of them asks.
#[tokio::test]
async fn heads_that_do_not_come_to_their_end_do_not_hold_up_health_and_metrics() {
    let shop = openai().top("[timeouts]\nhead = \"1s\"").start().await;
    let mut begun = Vec::new();
    for number in 0..80 {
        let mut wire = Wire::connect(shop.gateway.ops).await;
        wire.send(["", "GET /livez HTTP/1.1\r\nhost: "][number % 2]).await;
        begun.push(wire);
    }
    assert_eq!(shop.gateway.ops("/livez").await, (200, "alive\n".to_owned()));
    for mut wire in begun {
        assert!(wire.ended().await.is_empty());
    }
    let mut kept = Wire::connect(shop.gateway.ops).await;
    kept.send("GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(kept.reply().await.expect("an answer").status, 200);
    kept.send("GET /livez").await;
    assert!(kept.ended().await.is_empty(), "a second head");
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_is_cut() {
    let shop = openai().top("[timeouts]\nhead = \"2s\"\nidle = \"300ms\"").start().await;
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    wire.send(shop.raw("/v1/none", "")).await;
    assert_eq!(wire.reply().await.expect("an answer").status, 404);
    assert!(wire.ended().await.is_empty());
    shop.gateway.metric("botwarden_connections_cut_total{reason=\"idle\"} 1").await;
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    wire.send(HTTP2_HELLO).await;
    wire.ended().await;
    shop.gateway.metric("botwarden_connections_cut_total{reason=\"head\"} 1").await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused() {
    let shop = openai().top("[timeouts]\nbody = \"300ms\"").start().await;
    let whole = shop.raw(CHAT, ASK);
    for missing in [1, ASK.len()] {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(&whole[..whole.len() - missing]).await;
        let reply = wire.reply().await.expect("an answer");
        assert_eq!(reply.decision(), (408, "body-too-slow"), "{missing}");
        assert_eq!(reply.header("connection"), "close", "{missing}");
        assert!(wire.ended().await.is_empty(), "{missing}");
    }
    assert_eq!(shop.upstream.requests(), 0);
}

/// Flow control (RFC 9113 §5.2) lets a client stop one stream while the socket takes everything else.
#[tokio::test]
async fn an_http2_client_that_takes_nothing_of_a_stream_is_cut_and_the_stream_is_closed() {
    let piece = Bytes::from(format!(": {}\n\n", "x".repeat(64 << 10)));
    let shop = openai()
        .top("[timeouts]\nwrite_stall = \"1s\"\n[bounds]\nanswer = \"128MiB\"")
        .answering(move |_| Answer::events(vec![piece.clone(); 1000]))
        .await;
    let mut client = shop.http2().await;
    let unread = client.stream(CHAT, ASK_STREAM).await;
    shop.upstream.answers_open(0).await;
    shop.gateway.metric("botwarden_connections_cut_total{reason=\"write-stall\"} 1").await;
    shop.gateway.metric("botwarden_requests_in_flight 0").await;
    assert!(!unread.rest().await.complete);
}

/// Whoever takes a little now and then is not stalled, but the exchange as a whole has an end.
#[tokio::test]
async fn a_client_that_takes_its_time_is_cut_when_the_exchange_has_taken_too_long() {
    let piece = Bytes::from(format!(": {}\n\n", "x".repeat(64 << 10)));
    let shop = openai()
        .top("[timeouts]\nupstream_total = \"500ms\"\nhead = \"1s\"\n[bounds]\nanswer = \"128MiB\"")
        .answering(move |_| Answer::events(vec![piece.clone(); 1000]))
        .await;
    let mut slow = Wire::connect_narrow(shop.gateway.gateway).await;
    slow.send(shop.raw(CHAT, ASK_STREAM)).await;
    shop.upstream.answers_open(1).await;
    // Another connection's silence ends when the exchange is overdue.
    assert!(Wire::connect(shop.gateway.gateway).await.ended().await.is_empty());
    let mut tail = String::new();
    botwarden_testkit::soon("the end of the stream", async {
        while !tail.ends_with("\r\n0\r\n\r\n") {
            tail.push_str(&String::from_utf8_lossy(&slow.some().await));
            tail = tail.split_off(tail.len().saturating_sub(1000));
        }
    })
    .await;
    assert!(tail.contains("upstream-timeout"), "the whole answer came, long after its time");
    shop.upstream.answers_open(0).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_and_its_stream_is_closed() {
    // More than the buffers of two sockets hold, whatever the system makes of them.
    let piece = Bytes::from(format!(": {}\n\n", "x".repeat(64 << 10)));
    let shop = openai()
        .top("[timeouts]\nwrite_stall = \"1s\"\n[bounds]\nanswer = \"128MiB\"")
        .answering(move |_| Answer::events(vec![piece.clone(); 1000]))
        .await;
    let mut wire = Wire::connect_narrow(shop.gateway.gateway).await;
    wire.send(shop.raw(CHAT, ASK_STREAM)).await;
    shop.upstream.answers_open(1).await;
    shop.upstream.answers_open(0).await;
    shop.gateway.metric("botwarden_connections_cut_total{reason=\"write-stall\"} 1").await;
    shop.gateway.metric("botwarden_requests_in_flight 0").await;
    let taken = wire.ended().await.len();
    assert!(taken < 64 << 20, "{taken} bytes were written to somebody who did not read");
}
