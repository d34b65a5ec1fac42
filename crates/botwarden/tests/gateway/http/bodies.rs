//! Bodies: how large, and when they are asked for.

use botwarden_testkit::{FakeUpstream, Wire};

use super::head;
use crate::support::{ASK, ASK_STREAM, CHAT, MESSAGES, SAY, SESSIONS, Shop, anthropic, openai};

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

const ROOM: &str = "[bounds]\nbody = \"64KiB\"\nbodies = \"100KiB\"";

/// Declares a body and sends none of it, until the gateway has made room for it.
async fn hold(shop: &Shop, target: &str, bytes: usize, in_all: usize) -> Wire {
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    wire.send(head(shop, &format!("{JSON}content-length: {bytes}\r\n")).replace(CHAT, target)).await;
    shop.gateway.metric(&format!("botwarden_body_bytes {in_all}")).await;
    wire
}

#[tokio::test]
async fn all_bodies_together_have_a_bound() {
    let shop = openai().top(ROOM).start().await;
    let mut held = hold(&shop, CHAT, 60_000, 60_000).await;
    let refused = hold(&shop, CHAT, 60_000, 60_000).await.reply().await.expect("an answer");
    assert_eq!(refused.decision(), (503, "bodies-full"));
    assert_eq!((refused.header("retry-after"), refused.header("connection")), ("1", "close"));
    insta::assert_json_snapshot!(refused.json());
    let large = format!("{ASK}{}", " ".repeat(60_000 - ASK.len()));
    assert_eq!(shop.client().await.post(CHAT, ASK).await.decision(), (200, "allowed"), "it fits beside");
    assert_eq!(shop.client().await.post(CHAT, large.clone()).await.decision(), (503, "bodies-full"));
    held.send(&large).await;
    assert_eq!(held.reply().await.expect("an answer").decision(), (200, "allowed"));
    shop.gateway.metric("botwarden_body_bytes 0").await;
    assert_eq!(shop.client().await.post(CHAT, large).await.decision(), (200, "allowed"));
    let counted = "botwarden_requests_total{bot=\"shop\",operation=\"chat_completions\",verdict=\"bodies-full\",status=\"503\"} 2";
    shop.gateway.metric(counted).await;
    assert_eq!(shop.upstream.requests(), 3);
}

/// However a request ends, its room is free again.
#[tokio::test]
async fn a_body_gives_its_room_back() {
    let timeouts = "[timeouts]\nbody = \"1s\"";
    let shop = openai().top(ROOM).top(timeouts).rights(&["chat", "session"]).start().await;
    drop(hold(&shop, CHAT, 60_000, 60_000).await);
    shop.gateway.metric("botwarden_body_bytes 0").await;
    let late = hold(&shop, CHAT, 60_000, 60_000).await.reply().await.expect("an answer");
    assert_eq!(late.decision(), (408, "body-too-slow"));
    let mut client = shop.client().await;
    for (name, target, body, want) in [
        ("not JSON", CHAT, "x".repeat(60_000), (400, "malformed-request")),
        ("too large", CHAT, "x".repeat(70_000), (413, "body-too-large")),
        ("a backend's", SESSIONS, format!("{}{}", r#"{"user":"a"}"#, " ".repeat(60_000)), (201, "allowed")),
    ] {
        for round in 0..3 {
            assert_eq!(client.post(target, body.clone()).await.decision(), want, "{name}, {round}");
        }
    }
    shop.gateway.metric("botwarden_body_bytes 0").await;
}

/// A hijacked bot can take what others need no more than by half.
#[tokio::test]
async fn one_bot_leaves_room_for_the_others() {
    let desk =
        "[[bot]]\nname = \"desk\"\nupstream = { dialect = \"openai\", url = \"http://127.0.0.1:9/v1\" }";
    let mut shop = openai().top("[bounds]\nbody = \"64KiB\"\nbodies = \"256KiB\"").top(desk).start().await;
    let _one = hold(&shop, CHAT, 60_000, 60_000).await;
    let _two = hold(&shop, CHAT, 60_000, 120_000).await;
    let refused = hold(&shop, CHAT, 60_000, 120_000).await.reply().await.expect("an answer");
    assert_eq!(refused.decision(), (503, "bodies-full"));
    shop.key = shop.gateway.key("desk", &["chat"]).await;
    let _three = hold(&shop, CHAT, 60_000, 180_000).await;
    let _four = hold(&shop, CHAT, 60_000, 240_000).await;
    let refused = hold(&shop, CHAT, 60_000, 240_000).await.reply().await.expect("an answer");
    assert_eq!(refused.decision(), (503, "bodies-full"));
}

/// What a bot holds it holds under the new configuration, too: a reload is no fresh start.
#[tokio::test]
async fn a_bots_room_stays_taken_over_a_reload() {
    let desk =
        "[[bot]]\nname = \"desk\"\nupstream = { dialect = \"openai\", url = \"http://127.0.0.1:9/v1\" }";
    let shop = openai().top("[bounds]\nbody = \"64KiB\"\nbodies = \"256KiB\"").top(desk).start().await;
    let _one = hold(&shop, CHAT, 60_000, 60_000).await;
    let _two = hold(&shop, CHAT, 60_000, 120_000).await;
    shop.gateway.edit("bodies = \"256KiB\"", "bodies = \"257KiB\"");
    shop.gateway.logs("configuration reloaded", shop.gateway.signal("HUP")).await;
    let refused = hold(&shop, CHAT, 60_000, 120_000).await.reply().await.expect("an answer");
    assert_eq!(refused.decision(), (503, "bodies-full"));
    shop.gateway.edit("bodies = \"257KiB\"", "bodies = \"1MiB\"");
    shop.gateway.logs("configuration reloaded", shop.gateway.signal("HUP")).await;
    hold(&shop, CHAT, 60_000, 180_000).await;
}

/// The backend's bodies count like any other, and Anthropic's SDK reads the refusal as its own.
#[tokio::test]
async fn every_kind_of_body_finds_the_room_taken() {
    let shop = anthropic().top(ROOM).rights(&["chat", "session"]).start().await;
    let _one = hold(&shop, MESSAGES, 60_000, 60_000).await;
    let _two = hold(&shop, MESSAGES, 42_400, 102_400).await;
    let mut client = shop.client().await;
    let reply = client.post(MESSAGES, SAY).await;
    assert_eq!(reply.decision(), (503, "bodies-full"));
    assert_eq!(reply.json()["error"]["type"], "overloaded_error");
    assert_eq!(client.post(SESSIONS, r#"{"user":"alice"}"#).await.decision(), (503, "bodies-full"));
    assert_eq!(client.get("/v1/models").await.decision(), (200, "allowed"), "it has no body");
}

/// HTTP/2 has no need of a length: what came is what is held.
#[tokio::test]
async fn a_body_without_a_length_takes_room_as_it_grows() {
    let shop = openai().top(ROOM).start().await;
    let mut client = shop.http2().await;
    let (mut pieces, reply) = client.trickle(CHAT);
    let sending = async {
        pieces.send_data(ASK.into()).await.unwrap();
        shop.gateway.metric(&format!("botwarden_body_bytes {}", ASK.len())).await;
        let other = hold(&shop, CHAT, 60_000, 60_000 + ASK.len()).await;
        pieces.send_data(vec![b' '; 50_000].into()).await.unwrap();
        (pieces, other)
    };
    let (reply, (_pieces, _other)) = tokio::join!(reply, sending);
    assert_eq!(reply.decision(), (503, "bodies-full"));
    shop.gateway.metric("botwarden_body_bytes 60000").await;
    let (mut pieces, reply) = client.trickle(CHAT);
    let sending = async {
        pieces.send_data(ASK.into()).await.unwrap();
        drop(pieces);
    };
    assert_eq!(tokio::join!(reply, sending).0.decision(), (200, "allowed"), "the connection lives on");
    shop.gateway.metric("botwarden_body_bytes 60000").await;
}

/// A question that is read and sent takes no room while its answer streams, however long that takes.
#[tokio::test]
async fn a_question_that_was_sent_makes_room_for_the_next() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().top(ROOM).before(upstream).await;
    let large = format!("{ASK_STREAM}{}", " ".repeat(60_000 - ASK_STREAM.len()));
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut client = shop.client().await;
        let (stream, feed) = tokio::join!(client.stream(CHAT, large.clone()), feeds.next());
        assert_eq!(stream.status, 200);
        shop.gateway.metric("botwarden_body_bytes 0").await;
        open.push((client, stream, feed));
    }
}
