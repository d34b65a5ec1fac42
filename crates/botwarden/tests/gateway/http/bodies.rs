//! Bodies: how large, and when they are asked for.

use botwarden_testkit::Wire;

use super::head;
use crate::support::{ASK, CHAT, openai};

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn a_body_that_is_declared_too_large_is_refused_unread() {
    let shop = openai().top("[bounds]\nbody = \"1KiB\"").start().await;
    for (name, lines) in [
        ("by one byte", "content-length: 1025\r\n"),
        ("by far", "content-length: 99999999999999999\r\n"),
        ("though it would be asked for", "content-length: 1025\r\nexpect: 100-continue\r\n"),
    ] {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(head(&shop, &format!("{JSON}{lines}"))).await;
        let reply = wire.reply().await.expect("an answer, and not `100 Continue`");
        assert_eq!(reply.decision(), (413, "body-too-large"), "{name}");
        assert_eq!(reply.header("connection"), "close", "{name}");
        assert!(wire.ended().await.is_empty(), "{name}");
    }
    let padded = format!("{ASK}{}", " ".repeat(1024 - ASK.len()));
    assert_eq!(shop.client().await.post(CHAT, padded).await.decision(), (200, "allowed"));
    assert_eq!(shop.upstream.requests(), 1);
}

/// HTTP/2 has no need of a length, so what comes is counted.
#[tokio::test]
async fn a_body_that_turns_out_too_large_is_refused() {
    let shop = openai().top("[bounds]\nbody = \"1KiB\"").start().await;
    let mut client = shop.http2().await;
    assert_eq!(client.post(CHAT, vec![b' '; 200_000]).await.decision(), (413, "body-too-large"));
    assert_eq!(client.post(CHAT, ASK).await.decision(), (200, "allowed"), "the connection lives on");
    assert_eq!(shop.upstream.requests(), 1);
}

#[tokio::test]
async fn strangers_are_refused_before_their_body_is_asked_for() {
    let shop = openai().start().await;
    let lines = format!("{JSON}content-length: 1000\r\nexpect: 100-continue\r\n");
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    wire.send(head(&shop, &lines).replace("bw_", "bx_")).await;
    assert_eq!(wire.reply().await.expect("an answer").decision(), (401, "bad-credential"));
}

#[tokio::test]
async fn who_waits_for_it_is_told_to_go_on() {
    let shop = openai().start().await;
    let lines =
        format!("{JSON}content-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n", ASK.len());
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    wire.send(head(&shop, &lines)).await;
    assert_eq!(wire.reply().await.expect("a word").status, 100);
    wire.send(ASK).await;
    let all = wire.ended().await;
    assert!(all.starts_with(b"HTTP/1.1 200 OK\r\n"), "{all:?}");
    assert!(!shop.forwarded().headers.contains_key("expect"));
}

/// Everything that two parsers may read differently, and everything beyond the bounds.
#[tokio::test]
async fn ambiguous_bodies_are_refused() {
    let shop = openai().top("[bounds]\njson_depth = 32\njson_nodes = 200").start().await;
    let mut client = shop.client().await;
    let message = |inner: &str| format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user",{inner}}}]}}"#);
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let wide = format!("[{}1]", "1,".repeat(300));
    let (malformed, complex) = ((400, "malformed-request"), (400, "too-complex"));
    for (name, body, want) in [
        ("a name twice", r#"{"model":"gpt-4o","model":"o3","messages":[]}"#.to_owned(), malformed),
        (
            "a name twice, once escaped",
            r#"{"model":"gpt-4o","m\u006fdel":"o3","messages":[]}"#.into(),
            malformed,
        ),
        ("a name twice, further in", message(r#""content":"a","content":"b""#), malformed),
        ("a name twice where nobody looks", message(r#""content":"a","x":{"y":{"z":1,"z":2}}"#), malformed),
        (
            "a known name in other letters",
            r#"{"model":"gpt-4o","Messages":[],"messages":[]}"#.into(),
            malformed,
        ),
        ("a known name in other letters alone", r#"{"Model":"o3","messages":[]}"#.into(), malformed),
        ("a letter that folds", "{\"model\":\"gpt-4o\",\"me\u{17f}\u{17f}ages\":[]}".into(), malformed),
        ("another role in other letters", message(r#""Role":"system","content":"a""#), malformed),
        ("something after it", format!("{ASK}x"), malformed),
        ("another document after it", format!("{ASK}{ASK}"), malformed),
        ("no end", ASK[..ASK.len() - 1].to_owned(), malformed),
        ("a byte order mark", format!("\u{feff}{ASK}"), malformed),
        ("a comment", ASK.replace('{', "{/* */"), malformed),
        ("a comma too many", ASK.replace("]}", "],}"), malformed),
        ("single quotes", ASK.replace('"', "'"), malformed),
        ("not a number", message(r#""content":"a","n":NaN"#), malformed),
        ("a leading zero", message(r#""content":"a","n":01"#), malformed),
        ("a lone surrogate", message(r#""content":"\ud800""#), malformed),
        ("a control character", message("\"content\":\"\u{1}\""), malformed),
        ("too deep", message(&format!(r#""content":"a","x":{deep}"#)), complex),
        ("too wide", message(&format!(r#""content":"a","x":{wide}"#)), complex),
    ] {
        assert_eq!(client.post(CHAT, body).await.decision(), want, "{name}");
    }
    let mut bytes = ASK.as_bytes().to_vec();
    bytes[60] = 0xff;
    assert_eq!(client.post(CHAT, bytes).await.decision(), malformed, "not UTF-8");
    assert_eq!(client.post(CHAT, utf_16(ASK)).await.decision(), malformed, "UTF-16");
    assert_eq!(shop.upstream.requests(), 0);
    assert_eq!(client.post(CHAT, ASK).await.decision(), (200, "allowed"));
}

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
