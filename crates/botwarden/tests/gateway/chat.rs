//! What passes: each kind of request in both dialects, unchanged both ways.

use botwarden_testkit::{Answer, FakeUpstream};
use bytes::Bytes;

use crate::support::{
    ANSWER, ASK, ASK_STREAM, CHAT, EMBEDDINGS, EVENTS, MESSAGES, SAID, SAID_EVENTS, SAY, SAY_STREAM, VECTORS,
    anthropic, openai,
};

#[tokio::test]
async fn openai_requests_and_answers_pass_unchanged() {
    let embed = r#"{"model":"text-embedding-3-small","input":["a",  "b"],"dimensions":2}"#;
    // Spacing, order, unknown fields, numbers and escapes that a second writing would change.
    let odd = "{ \"zebra\":1.0e0,\t\"model\":\"gpt-4o-mini\",\r\n\"messages\":[{\"content\":\"\\u0061\\/\",\"role\":\"user\"}],\"seed\":12345678901234567890,\"x\":-0.0 }\n";
    let shop = openai().start().await;
    let mut client = shop.client().await;
    for (name, target, body, kind, answer) in [
        ("a chat", CHAT, ASK, "application/json", ANSWER.to_owned()),
        ("a chat in odd spelling", CHAT, odd, "application/json", ANSWER.to_owned()),
        ("a stream", CHAT, ASK_STREAM, "text/event-stream", EVENTS.concat()),
        ("embeddings", EMBEDDINGS, embed, "application/json", VECTORS.to_owned()),
    ] {
        let reply = client.post(target, body).await;
        assert_eq!((reply.decision(), reply.complete), ((200, "allowed"), true), "{name}: {}", reply.text());
        assert_eq!((reply.header("content-type"), reply.text()), (kind, answer.as_str()), "{name}");
        let forwarded = shop.forwarded_last();
        assert_eq!((forwarded.method.as_str(), forwarded.target.as_str()), ("POST", target), "{name}");
        assert_eq!(forwarded.body, body, "{name}");
    }
}

#[tokio::test]
async fn anthropic_requests_and_answers_pass_unchanged() {
    let shop = anthropic().start().await;
    let mut client = shop.client().await.with("anthropic-version", "2023-06-01");
    for (name, target, body, kind, answer) in [
        ("a message", MESSAGES, SAY, "application/json", SAID.to_owned()),
        ("a stream", MESSAGES, SAY_STREAM, "text/event-stream", SAID_EVENTS.concat()),
        ("a message of the beta", "/v1/messages?beta=true", SAY, "application/json", SAID.to_owned()),
        (
            "a count",
            "/v1/messages/count_tokens",
            r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"x"}]}"#,
            "application/json",
            r#"{"input_tokens":14}"#.to_owned(),
        ),
        (
            "a count of the beta",
            "/v1/messages/count_tokens?beta=true",
            r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"x"}]}"#,
            "application/json",
            r#"{"input_tokens":14}"#.to_owned(),
        ),
    ] {
        let reply = client.post(target, body).await;
        assert_eq!((reply.decision(), reply.complete), ((200, "allowed"), true), "{name}: {}", reply.text());
        assert_eq!((reply.header("content-type"), reply.text()), (kind, answer.as_str()), "{name}");
        let forwarded = shop.forwarded_last();
        assert_eq!((forwarded.target.as_str(), &forwarded.body[..]), (target, body.as_bytes()), "{name}");
        assert_eq!(forwarded.headers["anthropic-version"], "2023-06-01", "{name}");
    }
}

#[tokio::test]
async fn the_root_says_that_address_and_credential_are_right() {
    let shop = openai().start().await;
    for target in ["/v1/", "/v1"] {
        let reply = shop.client().await.get(target).await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.json(),
            serde_json::json!({ "object": "gateway", "gateway": "botwarden", "bot": "shop" })
        );
    }
    assert_eq!(shop.upstream.requests(), 0);
}

#[tokio::test]
async fn the_list_of_models_holds_the_granted_ones_and_every_other_byte() {
    let list = r#"{ "object":"list", "data":[ {"id":"gpt-4o","owned_by":"x"} , {"id":"o3"},
 {"id":"text-embedding-3-small" , "n":1.50} ] , "has_more":false }"#;
    let left = r#"{ "object":"list", "data":[ {"id":"gpt-4o","owned_by":"x"},
 {"id":"text-embedding-3-small" , "n":1.50} ] , "has_more":false }"#;
    let shop = openai()
        .bot("models = [\"gpt-*\", \"text-embedding-3-small\"]")
        .answering(move |_| Answer::pieces("application/json", vec![list[..9].into(), list[9..].into()]))
        .await;
    let reply = shop.client().await.get("/v1/models?limit=20&after_id=x").await;
    assert_eq!((reply.decision(), reply.text()), ((200, "allowed"), left));
    assert_eq!(reply.header("content-length"), left.len().to_string());
    assert_eq!(shop.forwarded().target, "/v1/models?limit=20&after_id=x");
}

#[tokio::test]
async fn one_model_is_shown_if_it_is_granted() {
    let shop = openai().bot("models = [\"gpt-*\", \"ft:*\"]").start().await;
    let mut client = shop.client().await;
    for (id, want) in [
        ("gpt-4o", (200, "allowed")),
        ("ft:gpt-4o:org::7p", (200, "allowed")),
        ("o3", (404, "model-not-granted")),
        ("my-gpt-4o", (404, "model-not-granted")),
    ] {
        assert_eq!(client.get(&format!("/v1/models/{id}")).await.decision(), want, "{id}");
    }
    let asked: Vec<_> = shop.upstream.recorded().into_iter().map(|recorded| recorded.target).collect();
    assert_eq!(asked, ["/v1/models/gpt-4o", "/v1/models/ft:gpt-4o:org::7p"]);
}

#[tokio::test]
async fn a_model_that_is_not_granted_is_refused_wherever_it_is_named() {
    let shop = openai().bot("models = [\"gpt-*\"]").start().await;
    let mut client = shop.client().await;
    for (name, body) in [
        ("the model", r#"{"model":"o3","messages":[]}"#),
        ("a fallback", r#"{"model":"gpt-4o","fallbacks":[{"model":"o3"}],"messages":[]}"#),
        ("another choice", r#"{"model":"gpt-4o","models":["gpt-4o","o3"],"messages":[]}"#),
        ("an escaped name", r#"{"model":"\u006f3","messages":[]}"#),
    ] {
        let reply = client.post(CHAT, body).await;
        assert_eq!(reply.decision(), (404, "model-not-granted"), "{name}");
        assert_eq!(reply.json()["error"]["param"], "model", "{name}");
    }
    assert_eq!(shop.upstream.requests(), 0);
}

#[tokio::test]
async fn pieces_of_a_stream_arrive_before_the_stream_ends() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().before(upstream).await;
    let mut client = shop.client().await;
    let asking = client.stream(CHAT, ASK_STREAM);
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(Bytes::from_static(EVENTS[0].as_bytes())).await.unwrap();
        feed
    };
    let (mut stream, feed) = tokio::join!(asking, feeding);
    stream.until("On ").await;
    feed.send(Bytes::from_static(EVENTS[1].as_bytes())).await.unwrap();
    stream.until("its way.").await;
    feed.send(EVENTS[2..].concat().into()).await.unwrap();
    drop(feed);
    let reply = stream.rest().await;
    assert_eq!((reply.text(), reply.complete), (EVENTS.concat().as_str(), true));
}

#[tokio::test]
async fn an_answer_of_many_megabytes_passes_where_it_may() {
    let long = ANSWER.replace("On its way.", &"On its way. ".repeat(20 << 20 >> 3));
    let given = long.clone();
    let shop =
        openai().top("[bounds]\nanswer = \"64MiB\"").answering(move |_| Answer::json(given.clone())).await;
    let reply = shop.client().await.post(CHAT, ASK).await;
    assert_eq!((reply.decision(), reply.complete), ((200, "allowed"), true));
    assert!(reply.text() == long, "{} bytes of {}", reply.body.len(), long.len());
}
