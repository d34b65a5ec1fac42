//! Upstreams that fail, and what callers see of it.

use botwarden_testkit::{Answer, Client, FakeUpstream, Reply, Wire};
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::support::{
    ANSWER, ASK, ASK_STREAM, CHAT, EMBEDDINGS, EVENTS, MESSAGES, SAID_EVENTS, SAY, SAY_STREAM, Setup,
    anthropic, openai, pieces, well,
};

const BOUND: &str = "[bounds]\nanswer = \"2KiB\"";

#[tokio::test]
async fn an_upstream_that_nobody_listens_at_is_502() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (setup, target, body) in [(openai(), CHAT, ASK), (anthropic(), MESSAGES, SAY)] {
        let gateway = setup.before_url(&format!("http://{gone}/v1")).await;
        let key = gateway.key("shop", &["chat"]).await;
        let mut client = Client::connect(gateway.gateway, Some(&key)).await;
        let reply = client.post(target, body).await;
        assert_eq!(reply.decision(), (502, "upstream-unreachable"));
        assert_eq!(reply.json()["error"]["message"], "the upstream could not be reached");
        assert!(!reply.headers.contains_key("x-should-retry"), "it may be back in a moment");
    }
}

#[tokio::test]
async fn a_silent_upstream_is_504_and_is_hung_up_on() {
    let timeouts = "[timeouts]\nupstream_first_byte = \"200ms\"\nupstream_total = \"400ms\"";
    for (setup, target, bodies) in
        [(openai(), CHAT, [ASK, ASK_STREAM]), (anthropic(), MESSAGES, [SAY, SAY_STREAM])]
    {
        let shop = setup.top(timeouts).answering(|_| Answer::never()).await;
        for body in bodies {
            let reply = shop.client().await.post(target, body).await;
            assert_eq!(reply.decision(), (504, "upstream-timeout"));
            shop.upstream.answers_open(0).await;
        }
    }
}

/// The head is there, so all that can be said is said in the stream, in the form on which the SDKs raise.
#[track_caller]
fn broke_off(reply: &Reply, before: &str, code: &str) {
    let text = reply.text();
    let event = text.strip_prefix(before).unwrap_or_else(|| panic!("first the answer: {text}"));
    assert!(!text.contains("[DONE]") && !text.contains("message_stop"), "{text}");
    let data = event.rsplit("data: ").next().unwrap().trim();
    let said: serde_json::Value = serde_json::from_str(data).unwrap_or_else(|e| panic!("{e}: {event}"));
    match said.get("request_id") {
        None => assert_eq!(
            (&said["error"]["type"], &said["error"]["code"]),
            (&"server_error".into(), &code.into())
        ),
        Some(id) => {
            assert!(event.contains("event: error\n"), "{event}");
            assert_eq!((&said["type"], &said["error"]["type"]), (&"error".into(), &"api_error".into()));
            assert_eq!(id, reply.header("x-request-id"));
        }
    }
    assert!(reply.complete, "after the error the stream ends properly");
    assert_eq!(reply.decision(), (200, "allowed"), "the head was sent before");
}

fn both_streams() -> [(Setup, &'static str, &'static str, String); 2] {
    [
        (openai(), CHAT, ASK_STREAM, EVENTS[..2].concat()),
        (anthropic(), MESSAGES, SAY_STREAM, SAID_EVENTS[..3].concat()),
    ]
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_event() {
    for (setup, target, body, sent) in both_streams() {
        for cut_short in [0, 9] {
            let sent = sent[..sent.len() - cut_short].to_owned();
            let first = Bytes::from(sent.clone());
            let shop = setup.clone().answering(move |_| Answer::broken(vec![first.clone()])).await;
            let reply = shop.client().await.post(target, body).await;
            // Of an event that is not complete nothing leaves: nobody can say yet what it asks.
            let complete = sent.rfind("\n\n").map_or("", |end| &sent[..end + 2]);
            broke_off(&reply, complete, "upstream-broken");
        }
    }
}

/// Media types are the same however they are written.
#[tokio::test]
async fn a_stream_is_known_by_its_media_type_in_any_case() {
    let sent = EVENTS[..2].concat();
    let first = Bytes::from(sent.clone());
    let shop = openai()
        .answering(move |_| Answer::broken(vec![first.clone()]).kind("Text/Event-Stream ; charset=utf-8"))
        .await;
    broke_off(&shop.client().await.post(CHAT, ASK_STREAM).await, &sent, "upstream-broken");
}

/// A server that gives up in the middle may close its answer properly all the same.
#[tokio::test]
async fn a_stream_without_its_last_event_is_logged_as_incomplete() {
    for (name, setup, target, body, events) in [
        ("openai", openai(), CHAT, ASK_STREAM, &EVENTS[..]),
        ("anthropic", anthropic(), MESSAGES, SAY_STREAM, &SAID_EVENTS[..]),
    ] {
        for (missing, logged) in [(0, "complete=true"), (1, "complete=false")] {
            let given = pieces(&events[..events.len() - missing]);
            let shop = setup.clone().answering(move |_| Answer::events(given.clone())).await;
            let mut client = shop.client().await;
            let reply = shop.gateway.logs("botwarden::access", client.post(target, body)).await;
            assert!(reply.complete, "{name} {logged}");
            let log = shop.gateway.log();
            let line = log.lines().find(|line| line.contains("botwarden::access")).unwrap();
            assert!(line.contains(logged), "{name} without {missing}: {line}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_with_an_error_event() {
    for (setup, target, body, sent) in both_streams() {
        let (upstream, mut feeds) = FakeUpstream::fed().await;
        let shop = setup.top("[timeouts]\nupstream_between = \"300ms\"").before(upstream).await;
        let mut client = shop.client().await;
        let feeding = async {
            let feed = feeds.next().await;
            feed.send(Bytes::from(sent.clone())).await.unwrap();
            feed
        };
        let (reply, _feed) = tokio::join!(client.post(target, body), feeding);
        broke_off(&reply, &sent, "upstream-timeout");
        shop.upstream.answers_open(0).await;
    }
}

#[tokio::test]
async fn a_stream_longer_than_an_answer_may_be_ends_with_an_error_event() {
    for (setup, target, body, sent) in both_streams() {
        let mut all = pieces(&[&sent]);
        all.extend(std::iter::repeat_n(Bytes::from(format!(": {}\n\n", "x".repeat(61))), 32));
        let shop = setup.top(BOUND).answering(move |_| Answer::events(all.clone())).await;
        let reply = shop.client().await.post(target, body).await;
        assert!(reply.body.len() < 2048 + 300, "{}", reply.body.len());
        let text = reply.text().to_owned();
        let passed = &text[..text.rfind(&"x".repeat(61)).unwrap() + 63];
        broke_off(&reply, passed, "upstream-answer");
    }
}

/// A document has no place for an error: whoever reads it has to see that it has no end. Where calls may stand it is read before its head
/// leaves, and there still is a place.
#[tokio::test]
async fn a_document_that_breaks_off_or_is_too_long_has_no_end() {
    let half = || Answer::broken(pieces(&[&ANSWER[..40]])).kind("application/json");
    let long = || Answer::pieces("application/json", vec![Bytes::from(vec![b'x'; 1500]); 2]);
    for (name, answer) in [("broken", half as fn() -> Answer), ("too long", long)] {
        let shop = openai().top(BOUND).answering(move |_| answer()).await;
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        wire.send(shop.raw(EMBEDDINGS, r#"{"model":"gpt-4o","input":"a"}"#)).await;
        let answer = wire.ended().await;
        assert!(!answer.ends_with(b"0\r\n\r\n"), "{name}: {answer:?}");
        assert!(
            !answer.starts_with(b"HTTP") || answer.starts_with(b"HTTP/1.1 200 OK\r\n"),
            "{name}: {answer:?}"
        );
        shop.upstream.answers_open(0).await;
        let want = if name == "broken" { "upstream-broken" } else { "upstream-answer" };
        assert_eq!(shop.client().await.post(CHAT, ASK).await.decision(), (502, want), "{name}");
    }
}

#[tokio::test]
async fn a_document_whose_head_says_that_it_is_too_long_is_502() {
    let long = || Answer::json(vec![b'x'; 3000]).header("content-length", "3000");
    let shop = openai().top(BOUND).answering(move |_| long()).await;
    let mut client = shop.client().await;
    for target in [CHAT, "/v1/models"] {
        let reply = if target == CHAT { client.post(target, ASK).await } else { client.get(target).await };
        assert_eq!(reply.decision(), (502, "upstream-answer"), "{target}");
    }
}

#[tokio::test]
async fn an_upstream_that_hangs_up_is_502_and_is_not_asked_again() {
    let shop = openai().answering(|_| Answer::hang_up()).await;
    let mut client = shop.client().await;
    for asked in 1..=3 {
        assert_eq!(client.post(CHAT, ASK).await.decision(), (502, "upstream-broken"));
        assert_eq!(shop.upstream.requests(), asked, "a request is never sent twice");
    }
}

#[tokio::test]
async fn answers_that_are_none_are_502() {
    type Give = fn() -> Answer;
    let cases: [(&str, Give, &str); 9] = [
        ("the provider's 401", || Answer::json("{\"key\":\"sk-leaked\"}").status(401), "upstream-key"),
        ("the provider's 403", || Answer::json("{\"key\":\"sk-leaked\"}").status(403), "upstream-key"),
        ("301", || Answer::json("sk-leaked").status(301).header("location", "http://x/"), "upstream-answer"),
        ("302", || Answer::json("sk-leaked").status(302).header("location", "http://x/"), "upstream-answer"),
        ("307", || Answer::json("sk-leaked").status(307).header("location", "http://x/"), "upstream-answer"),
        ("gzip", || Answer::json("sk-leaked").header("content-encoding", "gzip"), "upstream-answer"),
        (
            "br, streamed",
            || Answer::events(pieces(&["sk-leaked"])).header("content-encoding", "br"),
            "upstream-answer",
        ),
        (
            "twice encoded",
            || {
                Answer::json("sk-leaked")
                    .header("content-encoding", "identity")
                    .header("content-encoding", "gzip")
            },
            "upstream-answer",
        ),
        ("odd", || Answer::json("sk-leaked").header("content-encoding", "identity, gzip"), "upstream-answer"),
    ];
    for (setup, target, body) in [(openai(), CHAT, ASK), (anthropic(), MESSAGES, SAY)] {
        let shop = setup
            .answering(move |asked| {
                let number: usize = asked.headers["x-case"].to_str().unwrap().parse().unwrap();
                cases[number].1()
            })
            .await;
        for (number, (name, _, verdict)) in cases.iter().enumerate() {
            let mut client = shop.client().await.with("x-case", &number.to_string());
            let reply = client.post(target, body).await;
            assert_eq!(reply.decision(), (502, *verdict), "{name}");
            assert_eq!(reply.header("x-should-retry"), "false", "{name}: it will answer so again");
            let all = format!("{:?} {}", reply.headers, reply.text());
            assert!(!all.contains("sk-leaked") && !reply.headers.contains_key("location"), "{name}: {all}");
        }
    }
}

#[tokio::test]
async fn a_list_of_models_that_cannot_be_judged_is_502() {
    for (name, list, top) in [
        ("no JSON", "<html>", ""),
        ("no list", r#"{"data":{}}"#, ""),
        ("a name twice", r#"{"data":[{"id":"gpt-4o","id":"o3"}]}"#, ""),
        (
            "too long",
            r#"{"data":[                                              ]}"#,
            "[bounds]\nanswer = \"32B\"",
        ),
    ] {
        let shop = openai().top(top).answering(move |_| Answer::json(list)).await;
        let reply = shop.client().await.get("/v1/models").await;
        assert_eq!(reply.decision(), (502, "upstream-answer"), "{name}");
    }
}

#[tokio::test]
async fn what_else_the_upstream_refuses_passes_verbatim() {
    let openai_error = r#"{"error": {"message":"no","type":"x","param":null,"code":null} }"#;
    let anthropic_error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for (setup, target, body, error) in
        [(openai(), CHAT, ASK, openai_error), (anthropic(), MESSAGES, SAY, anthropic_error)]
    {
        let shop = setup
            .answering(move |asked| {
                let status = asked.headers["x-status"].to_str().unwrap().parse().unwrap();
                Answer::json(error).status(status).header("retry-after", "7").header("x-should-retry", "true")
            })
            .await;
        for status in [400, 402, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529] {
            let mut client = shop.client().await.with("x-status", &status.to_string());
            let reply = client.post(target, body).await;
            assert_eq!((reply.decision(), reply.text()), ((status, "allowed"), error));
            let hints = (reply.header("retry-after"), reply.header("x-should-retry"));
            assert_eq!(hints, ("7", "true"), "{status}");
        }
    }
}

#[tokio::test]
async fn a_kept_connection_is_used_again_and_replaced_when_the_upstream_has_closed_it() {
    let shop = openai().start().await;
    let mut client = shop.client().await;
    for body in [ASK, ASK_STREAM, ASK] {
        assert_eq!(client.post(CHAT, body).await.decision(), (200, "allowed"));
    }
    assert_eq!(shop.upstream.connections(), 1, "one connection for all of them");
    for connections in 2..=4 {
        shop.upstream.close_connections().await;
        let reply = client.post(CHAT, ASK).await;
        assert_eq!((reply.decision(), reply.text()), ((200, "allowed"), ANSWER));
        assert_eq!(shop.upstream.connections(), connections);
    }
    assert_eq!(shop.upstream.requests(), 6, "none was sent twice");
}

#[tokio::test]
async fn a_connection_whose_answer_was_not_read_to_its_end_is_not_used_again() {
    let shop = openai()
        .answering(|asked| match asked.headers.get("x-break") {
            Some(_) => Answer::broken(pieces(&EVENTS[..1])),
            None => well(asked),
        })
        .await;
    let mut client = shop.client().await;
    let mut breaking = shop.client().await.with("x-break", "1");
    client.post(CHAT, ASK).await;
    for _ in 0..3 {
        assert!(!breaking.post(CHAT, ASK_STREAM).await.text().contains("[DONE]"));
        let reply = client.post(CHAT, ASK).await;
        assert_eq!((reply.decision(), reply.text()), ((200, "allowed"), ANSWER));
    }
}
