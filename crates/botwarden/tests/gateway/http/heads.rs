//! Heads that HTTP forbids, that are too much, or that could be read in two ways.

use botwarden_testkit::Wire;

use super::{answers, head};
use crate::support::{ASK, CHAT, openai};

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn heads_that_are_none_or_too_much_end_the_connection() {
    let shop = openai().start().await;
    let good = head(&shop, "");
    let length = format!("content-length: {}\r\n", ASK.len());
    let many: String = (0..64).map(|n| format!("x-{n}: 1\r\n")).collect();
    let large = format!("x-large: {}\r\n", "a".repeat(33 << 10));
    let lines = |lines: &str| head(&shop, &format!("{JSON}{length}{lines}"));
    for (name, head, want) in [
        ("no HTTP", "HELLO\r\n\r\n".to_owned(), "400"),
        ("another version", good.replace("HTTP/1.1", "HTTP/3.0"), "400"),
        ("a space before the colon", lines("x-a : 1\r\n"), "400"),
        ("a folded line", lines("x-a: 1\r\n 2\r\n"), "400"),
        ("no colon", lines("x-a\r\n"), "400"),
        ("a nought", lines("x-a: \0\r\n"), "400"),
        ("a length that is none", lines("").replace(&length, "content-length: ten\r\n"), "400"),
        ("a length with a sign", lines("").replace(&length, "content-length: +5\r\n"), "400"),
        ("a negative length", lines("").replace(&length, "content-length: -1\r\n"), "400"),
        ("two lengths that differ", lines("content-length: 1\r\n"), "400"),
        ("too many fields", lines(&many), "431"),
        ("too large a head", lines(&large), "431"),
    ] {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(head + ASK).await;
        let all = wire.ended().await;
        let text = String::from_utf8_lossy(&all);
        assert!(text.starts_with(&format!("HTTP/1.1 {want} ")), "{name}: {text}");
        assert_eq!(answers(&all), 1, "{name}: {text}");
    }
    assert_eq!(shop.upstream.requests(), 0);
}

/// Request smuggling: a body of two lengths. Whatever the second reader would take for a request is never answered.
#[tokio::test]
async fn a_body_of_uncertain_length_is_refused_and_ends_the_connection() {
    let shop = openai().start().await;
    let smuggled = format!("GET /v1/ HTTP/1.1\r\nhost: shop\r\nx-api-key: {}\r\n\r\n", shop.key);
    let chunked = format!("0\r\n\r\n{smuggled}");
    for (name, lines) in [
        ("chunks", "transfer-encoding: chunked\r\n".to_owned()),
        (
            "a length and chunks",
            format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", chunked.len()),
        ),
        ("chunks and a length", "transfer-encoding: chunked\r\ncontent-length: 5\r\n".to_owned()),
        ("chunks twice", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n".to_owned()),
        ("chunks in capitals", "Transfer-Encoding: CHUNKED\r\n".to_owned()),
    ] {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(head(&shop, &format!("{JSON}{lines}")) + &chunked).await;
        let reply = wire.reply().await.expect("an answer");
        assert_eq!(reply.decision(), (411, "length-required"), "{name}");
        assert_eq!(reply.header("connection"), "close", "{name}");
        assert_eq!(wire.ended().await.len(), 0, "{name}: the second request was answered");
    }
    for (name, lines) in [
        ("another encoding", "transfer-encoding: gzip\r\n"),
        ("an encoding after chunks", "transfer-encoding: chunked, gzip\r\n"),
        ("chunks in disguise", "transfer-encoding: \x0bchunked\r\n"),
    ] {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(head(&shop, &format!("{JSON}{lines}")) + &chunked).await;
        let all = wire.ended().await;
        assert!(answers(&all) <= 1 && !all.starts_with(b"HTTP/1.1 200"), "{name}: {all:?}");
    }
    assert_eq!(shop.upstream.requests(), 0);
}

#[tokio::test]
async fn a_body_where_none_belongs_is_not_taken_for_a_request() {
    let shop = openai().start().await;
    let smuggled = shop.raw(CHAT, ASK);
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    let key = &shop.key;
    wire.send(format!(
        "GET /v1/ HTTP/1.1\r\nhost: shop\r\nx-api-key: {key}\r\ncontent-length: {}\r\n\r\n{smuggled}",
        smuggled.len()
    ))
    .await;
    let reply = wire.reply().await.expect("an answer");
    assert_eq!(reply.decision(), (200, "allowed"));
    // Another request, so that the connection has something to say if it goes on.
    let last = format!("GET /v1/ HTTP/1.1\r\nhost: shop\r\nx-api-key: {key}\r\nconnection: close\r\n\r\n");
    wire.send(last).await;
    let all = wire.ended().await;
    assert!(answers(&all) <= 1, "{all:?}");
    assert_eq!(shop.upstream.requests(), 0);
}

/// RFC 9112 §6.3 allows that: there is one reading of it.
#[tokio::test]
async fn a_length_said_twice_goes_on_once() {
    let shop = openai().start().await;
    let length = format!("content-length: {}\r\n", ASK.len());
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    wire.send(head(&shop, &format!("{JSON}{length}{length}")) + ASK).await;
    assert_eq!(wire.reply().await.expect("an answer").decision(), (200, "allowed"));
    let forwarded = shop.forwarded();
    let lengths: Vec<_> = forwarded.headers.get_all("content-length").iter().collect();
    assert_eq!(lengths, [&ASK.len().to_string()]);
    assert_eq!(forwarded.body, ASK.as_bytes());
}

#[tokio::test]
async fn two_credentials_by_the_byte() {
    let shop = openai().start().await;
    let body = format!("{JSON}content-length: {}\r\n", ASK.len());
    for (name, line) in [
        ("the same line twice", format!("authorization: Bearer {}\r\n", shop.key)),
        ("in other letters", format!("AUTHORIZATION: Bearer {}\r\n", shop.key)),
        ("another scheme", "authorization: Basic YTpi\r\n".to_owned()),
    ] {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(head(&shop, &format!("{body}{line}")) + ASK).await;
        assert_eq!(wire.reply().await.expect("an answer").decision(), (400, "two-headers"), "{name}");
    }
}

#[tokio::test]
async fn http2_heads_have_the_same_bounds() {
    let shop = openai().start().await;
    let large = "a".repeat(33 << 10);
    assert_eq!(shop.http2().await.with("x-large", &large).post(CHAT, ASK).await.status, 431);
    let mut many = (0..64).fold(shop.http2().await, |client, n| client.with(&format!("x-{n}"), "1"));
    assert_eq!(many.post(CHAT, ASK).await.decision(), (431, "too-many-headers"));
    assert_eq!(shop.upstream.requests(), 0);
}
