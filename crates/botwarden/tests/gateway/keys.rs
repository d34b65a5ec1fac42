//! Keys that are taken back, run out, or were never any.

use std::io::{Read, Write};

use botwarden_testkit::{Client, FakeUpstream, Wire};

use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, SESSIONS, openai, pieces};

#[tokio::test]
async fn a_key_is_good_as_soon_as_it_is_issued_and_dead_as_soon_as_it_is_revoked() {
    let shop = openai().start().await;
    let mut kept = shop.client().await;
    for _ in 0..5 {
        let key = shop.gateway.issue("shop", &["chat"], &[]).await;
        let mut client = shop.client_with(&key.secret).await;
        assert_eq!(client.post(CHAT, ASK).await.decision(), (200, "allowed"));
        shop.gateway.revoke(&key).await;
        assert_eq!(client.post(CHAT, ASK).await.decision(), (401, "bad-credential"));
        assert_eq!(kept.post(CHAT, ASK).await.decision(), (200, "allowed"), "others live on");
    }
}

#[tokio::test]
async fn a_revoked_keys_stream_is_cut() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().before(upstream).await;
    let key = shop.gateway.issue("shop", &["chat"], &[]).await;
    let mut client = shop.client_with(&key.secret).await;
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(pieces(&EVENTS[..1]).remove(0)).await.unwrap();
        feed
    };
    let (mut stream, _feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
    stream.until("On ").await;
    shop.gateway.revoke(&key).await;
    let reply = stream.rest().await;
    assert!(
        reply.text().contains("\"code\":\"bad-credential\"") && !reply.text().contains("[DONE]"),
        "{reply:?}"
    );
    shop.upstream.answers_open(0).await;
}

/// The upstream always has more to give than the client takes, so the gateway never waits for it.
#[tokio::test]
async fn a_revoked_keys_stream_is_cut_though_the_model_is_far_ahead_of_its_reader() {
    let event =
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "a".repeat(8 << 10));
    let all = event.repeat(1500) + EVENTS[3]; // 12 MiB at once, three times what sockets hold
    let gateway = openai().before_url(&ahead(all)).await;
    let key = gateway.issue("shop", &["chat"], &[]).await;
    let mut wire = Wire::connect_narrow(gateway.gateway).await;
    let length = ASK_STREAM.len();
    wire.send(format!(
        "POST {CHAT} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{ASK_STREAM}",
        key.secret
    ))
    .await;
    wire.some().await;
    gateway.revoke(&key).await;
    let mut rest = String::new();
    while !rest.ends_with("0\r\n\r\n") {
        let some = wire.some().await;
        assert!(!some.is_empty(), "the stream ends properly");
        rest.push_str(&String::from_utf8_lossy(&some));
    }
    assert!(rest.contains("\"code\":\"bad-credential\""), "{} bytes came after it was revoked", rest.len());
    assert!(!rest.contains("[DONE]"));
}

/// An upstream that writes its one answer as fast as it is taken, from a thread of its own.
fn ahead(events: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let asked = socket.read(&mut [0; 4096]).unwrap();
        assert!(asked > 0);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked";
        let answer = format!("{head}\r\n\r\n{:x}\r\n{events}\r\n0\r\n\r\n", events.len());
        let _ = socket.write_all(answer.as_bytes()); // a gateway that hangs up is what the test wants
    });
    url
}

/// What it asked is not asked of the upstream any more, which would cost the owner money.
#[tokio::test]
async fn a_key_that_is_revoked_while_its_question_arrives_asks_nothing() {
    let shop = openai().start().await;
    let key = shop.gateway.issue("shop", &["chat"], &[]).await;
    let whole = shop.raw(CHAT, ASK).replace(&shop.key, &key.secret);
    let (begun, rest) = whole.split_at(whole.len() - 10);
    let mut wire = Wire::connect(shop.gateway.gateway).await;
    wire.send(begun).await;
    shop.gateway.metric("botwarden_requests_in_flight 1").await;
    shop.gateway.revoke(&key).await;
    wire.send(rest).await;
    assert_eq!(wire.reply().await.expect("an answer").decision(), (401, "bad-credential"));
    assert_eq!(shop.upstream.requests(), 0);
}

#[tokio::test]
async fn a_revoked_backends_sessions_end_with_it() {
    let shop = openai().start().await;
    let backend = shop.gateway.issue("shop", &["session"], &[]).await;
    let opened = shop.client_with(&backend.secret).await.post(SESSIONS, r#"{"user":"alice"}"#).await;
    let token = opened.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(shop.client_with(&token).await.post(CHAT, ASK).await.status, 200);
    shop.gateway.revoke(&backend).await;
    assert_eq!(shop.client_with(&token).await.post(CHAT, ASK).await.decision(), (401, "bad-credential"));
}

/// The shortest life is a second, and the test asks until it is over.
#[tokio::test]
async fn a_key_runs_out() {
    let shop = openai().start().await;
    let key = shop.gateway.issue("shop", &["chat"], &["--expires", "1s"]).await;
    let mut client = shop.client_with(&key.secret).await;
    let over = botwarden_testkit::soon("the key to run out", async {
        loop {
            let reply = client.post(CHAT, ASK).await;
            if reply.status != 200 {
                return reply;
            }
        }
    });
    assert_eq!(over.await.decision(), (401, "bad-credential"));
    let forever = shop.gateway.issue("shop", &["chat"], &["--expires", "365d"]).await;
    assert_eq!(shop.client_with(&forever.secret).await.post(CHAT, ASK).await.status, 200);
}

#[tokio::test]
async fn a_key_of_a_bot_that_left_the_configuration_opens_nothing() {
    let shop = openai().start().await;
    shop.gateway.edit("name = \"shop\"", "name = \"store\"");
    shop.gateway.logs("configuration reloaded", shop.gateway.signal("HUP")).await;
    assert_eq!(shop.client().await.post(CHAT, ASK).await.decision(), (403, "no-bot"));
    assert_eq!(shop.upstream.requests(), 0);
}

#[tokio::test]
async fn failed_sign_ins_are_slowed_down_and_nobody_is_locked_out() {
    let shop = openai().start().await;
    let guess = format!("bw_{}", "A".repeat(43));
    let mut stranger = Client::connect(shop.gateway.gateway, Some(&guess)).await;
    let mut nobody = Client::connect(shop.gateway.gateway, None).await;
    for _ in 0..10 {
        assert_eq!(stranger.post(CHAT, ASK).await.decision(), (401, "bad-credential"));
        assert_eq!(nobody.post(CHAT, ASK).await.decision(), (401, "no-credential"));
    }
    for client in [&mut stranger, &mut nobody] {
        let reply = client.post(CHAT, ASK).await;
        assert_eq!(reply.decision(), (429, "credential-throttled"));
        assert!(reply.text().contains("Rate limit exceeded"), "{}", reply.text());
        let ms: u64 = reply.header("retry-after-ms").parse().unwrap();
        assert_eq!(reply.header("retry-after"), ms.div_ceil(1000).to_string());
        assert!((1..=60_001).contains(&ms));
        assert_eq!(reply.header("x-should-retry"), "false", "the credential stays what it is");
    }
    assert_eq!(
        shop.client().await.post(CHAT, ASK).await.decision(),
        (200, "allowed"),
        "from the same address"
    );
}
