//! What of the reserved tokens comes back, and what no caller can make come back.

use botwarden_testkit::{Answer, Client, FakeUpstream};
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::support::{CHAT, EVENTS, MESSAGES, SAID_EVENTS, Setup, Shop, anthropic, openai, pieces, well};

/// Leaves room for one question of 700 tokens, unless the first gives some back.
const LIMIT: &str = "per = \"key\"\ntokens = 1000\nwindow = \"1d\"";

const OPENAI_STREAM: &str = r#"{"model":"gpt-4o","messages":[],"stream":true,"max_completion_tokens":700}"#;
const ANTHROPIC_STREAM: &str =
    r#"{"model":"claude-sonnet-4-5","messages":[],"stream":true,"max_tokens":700}"#;
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n";

#[track_caller]
fn used_up(decision: (u16, &str), name: &str) {
    assert_eq!(decision, (429, "token-limit"), "{name}");
}

/// Asks and leaves when `events` have come.
async fn hang_up_after(setup: Setup, target: &str, ask: &'static str, events: &[&str], sign: &str) -> Shop {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = setup.limit(LIMIT).before(upstream).await;
    let mut client = shop.client().await;
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(Bytes::from(events.concat())).await.unwrap();
        feed
    };
    let (mut stream, _feed) = tokio::join!(client.stream(target, ask), feeding);
    stream.until(sign).await;
    drop((stream, client));
    shop.upstream.answers_open(0).await;
    shop.gateway.metric("botwarden_requests_in_flight 0").await;
    shop
}

/// The model goes on to think, and nobody knows for how long.
#[tokio::test]
async fn hanging_up_on_a_stream_gives_no_tokens_back() {
    let counting = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"On \"}}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n";
    for (name, setup, target, ask, events, sign) in [
        ("after the first event", openai(), CHAT, OPENAI_STREAM, &EVENTS[..1], "On "),
        ("of a vendor that counts along", openai(), CHAT, OPENAI_STREAM, &[counting], "On "),
        ("of a vendor that counts first", anthropic(), MESSAGES, ANTHROPIC_STREAM, &SAID_EVENTS[..3], "On "),
    ] {
        let shop = hang_up_after(setup, target, ask, events, sign).await;
        used_up(shop.client().await.post(target, ask).await.decision(), name);
        assert_eq!(shop.upstream.requests(), 1, "{name}");
    }
}

/// Whether a stream tells its usage is for the caller to say, so its silence saves nothing.
#[tokio::test]
async fn an_answer_that_does_not_tell_its_usage_gives_no_tokens_back() {
    let document = OPENAI_STREAM.replace("true", "false");
    for (name, ask) in [("a stream", OPENAI_STREAM), ("a document", document.as_str())] {
        let shop = openai()
            .limit(LIMIT)
            .answering(|asked| match well(asked) {
                _ if asked.body.windows(5).any(|window| window == b"false") => {
                    Answer::json(r#"{"choices":[]}"#)
                }
                stream => stream,
            })
            .await;
        let mut client = shop.client().await;
        let reply = client.post(CHAT, ask.to_owned()).await;
        assert!(reply.complete && reply.status == 200, "{name}");
        used_up(client.post(CHAT, ask.to_owned()).await.decision(), name);
    }
}

#[tokio::test]
async fn a_stream_that_tells_its_usage_gives_the_surplus_back() {
    let shop = openai()
        .limit(LIMIT)
        .answering(|_| Answer::events(pieces(&[EVENTS[0], EVENTS[2], USAGE, EVENTS[3]])))
        .await;
    let mut client = shop.client().await;
    for asked in 1..=5 {
        let reply = client.post(CHAT, OPENAI_STREAM).await;
        assert_eq!((reply.decision(), reply.complete), ((200, "allowed"), true), "{asked}");
    }
}

/// A vendor that does not keep the maximum it was given.
#[tokio::test]
async fn text_beyond_what_was_reserved_is_charged() {
    let long = EVENTS[1].replace("its way.", &"word ".repeat(600)); // 1000 tokens by the bytes
    let shop = openai().limit(LIMIT).answering(move |_| Answer::events(pieces(&[&long, EVENTS[3]]))).await;
    let mut client = shop.client().await;
    let ask = OPENAI_STREAM.replace("700", "10");
    assert_eq!(client.post(CHAT, ask.clone()).await.status, 200);
    used_up(client.post(CHAT, ask).await.decision(), "the text counts");
}

/// The system takes the connection, but nobody answers the handshake that belongs to it.
#[tokio::test]
async fn a_model_that_takes_no_connection_uses_no_tokens() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", silent.local_addr().unwrap());
    let gateway =
        openai().limit(LIMIT).top("[timeouts]\nupstream_connect = \"100ms\"").before_url(&url).await;
    let mut client = Client::connect(gateway.gateway, Some(&gateway.key("shop", &["chat"]).await)).await;
    for asked in 1..=2 {
        let reply = client.post(CHAT, OPENAI_STREAM).await;
        assert_eq!(reply.decision(), (504, "upstream-timeout"), "{asked}");
    }
}

/// Nothing is what a vendor takes for no maximum, or refuses.
#[tokio::test]
async fn a_maximum_of_no_tokens_is_none() {
    for maximum in ["", r#","max_tokens":0"#, r#","max_completion_tokens":0"#] {
        let shop = openai().bot("output_tokens_default = 700").limit(LIMIT).start().await;
        let mut client = shop.client().await;
        let ask = format!(r#"{{"model":"gpt-4o","messages":[],"stream":true{maximum}}}"#);
        assert_eq!(client.post(CHAT, ask.clone()).await.status, 200, "{maximum}");
        used_up(client.post(CHAT, ask).await.decision(), maximum);
    }
}
