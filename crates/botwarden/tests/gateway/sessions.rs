//! The backend's calls: sessions, what their tokens may do, and what their users said.

use botwarden_testkit::{Client, FakeUpstream, GatewayBuilder, Reply, Wire};
use http::Method;
use http_body_util::Full;

use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, SESSIONS, Shop, openai, pieces};

/// A shop whose key is a backend's: `session`, `approve`, `data`.
pub(crate) async fn shop_with_backend() -> Shop {
    openai().rights(&[]).start().await
}

/// A session as the backend gets it.
pub(crate) struct Opened {
    pub(crate) id: String,
    pub(crate) token: String,
}

pub(crate) async fn open(backend: &mut Client, body: &str) -> Opened {
    let reply = backend.post(SESSIONS, body.to_owned()).await;
    assert_eq!(reply.decision(), (201, "allowed"), "{}", reply.text());
    let said = reply.json();
    let text = |name: &str| said[name].as_str().unwrap().to_owned();
    assert!(text("expires_at").ends_with('Z'));
    Opened { id: text("id"), token: text("token") }
}

pub(crate) async fn end(backend: &mut Client, id: &str) -> Reply {
    let request = backend.request(Method::DELETE, &format!("{SESSIONS}/{id}"));
    backend.send(request.body(Full::default()).unwrap()).await
}

pub(crate) async fn turn(backend: &mut Client, id: &str, key: Option<&str>, body: &str) -> Reply {
    let request = backend.request(Method::POST, &format!("{SESSIONS}/{id}/turns"));
    let request = request.header("content-type", "application/json");
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    backend.send(request.body(Full::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_session_token_speaks_to_the_model_and_does_nothing_else() {
    let shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    let claims = r#"{"user":"alice","claims":{"customer_id":"c-1"},"ttl_s":600}"#;
    let session = open(&mut backend, claims).await;
    assert!(session.token.starts_with("bws_"));
    let mut bot = shop.client_with(&session.token).await;
    assert_eq!(bot.post(CHAT, ASK).await.decision(), (200, "allowed"));
    assert_eq!(bot.get("/v1/models").await.decision(), (200, "allowed"));
    assert_eq!(bot.post(SESSIONS, r#"{"user":"bob"}"#).await.decision(), (403, "no-right"));
    assert_eq!(end(&mut bot, &session.id).await.decision(), (403, "no-right"));
    assert_eq!(
        turn(&mut bot, &session.id, Some("k"), r#"{"text":"yes"}"#).await.decision(),
        (403, "no-right")
    );
    assert_eq!(shop.upstream.recorded()[0].headers.get("x-botwarden-user"), None);
}

#[tokio::test]
async fn a_session_is_one_users_whatever_the_bot_says() {
    let shop = openai()
        .limit("per = \"user\"\nrequests = 1\nwindow = \"1d\"")
        .rights(&["session", "assert-user"])
        .start()
        .await;
    let mut backend = shop.client().await.with("x-botwarden-user", "the backend itself");
    let session = open(&mut backend, r#"{"user":"alice"}"#).await;
    let mut bot = shop.client_with(&session.token).await.with("x-botwarden-user", "bob");
    let as_bob = r#"{"model":"gpt-4o","messages":[],"user":"bob"}"#;
    assert_eq!(bot.post(CHAT, as_bob).await.status, 200);
    assert_eq!(bot.post(CHAT, as_bob).await.decision(), (429, "rate-limit"), "it was alice's one request");
    assert_eq!(shop.client_for("alice").await.post(CHAT, ASK).await.decision(), (429, "rate-limit"));
    assert_eq!(shop.client_for("bob").await.post(CHAT, ASK).await.status, 200);
}

#[tokio::test]
async fn rights_decide_who_opens_sessions() {
    let shop = openai().start().await;
    for (rights, want) in [
        (&["chat"][..], (403, "no-right")),
        (&["chat", "assert-user"], (403, "no-right")),
        (&["approve", "data"], (403, "no-right")),
        (&["session"], (201, "allowed")),
        (&["chat", "session"], (201, "allowed")),
        (&[], (201, "allowed")),
    ] {
        let key = shop.gateway.key("shop", rights).await;
        let reply = shop.client_with(&key).await.post(SESSIONS, r#"{"user":"alice"}"#).await;
        assert_eq!(reply.decision(), want, "{rights:?}");
    }
}

#[tokio::test]
async fn sessions_that_cannot_be_opened() {
    let shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    for (name, body) in [
        ("no user", "{}"),
        ("a user without a name", r#"{"user":""}"#),
        ("a user of another type", r#"{"user":7}"#),
        ("a control character", "{\"user\":\"a\\u0007\"}"),
        ("a field nobody knows", r#"{"user":"alice","admin":true}"#),
        ("no time to live", r#"{"user":"alice","ttl_s":0}"#),
        ("too long a life", r#"{"user":"alice","ttl_s":86401}"#),
        ("a broken number", r#"{"user":"alice","ttl_s":1.5}"#),
        ("claims that are no object", r#"{"user":"alice","claims":[1]}"#),
        ("a list", "[]"),
    ] {
        assert_eq!(backend.post(SESSIONS, body).await.decision(), (400, "bad-field"), "{name}");
    }
    for (name, body) in [
        ("a user twice", r#"{"user":"alice","user":"bob"}"#),
        ("a user twice, once escaped", r#"{"user":"alice","us\u0065r":"bob"}"#),
        ("a claim twice", r#"{"user":"alice","claims":{"id":1,"id":2}}"#),
        ("something after it", r#"{"user":"alice"} {}"#),
        ("nothing", ""),
    ] {
        assert_eq!(backend.post(SESSIONS, body).await.decision(), (400, "malformed-request"), "{name}");
    }
}

#[tokio::test]
async fn an_ended_session_is_dead_and_its_stream_is_cut() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().rights(&[]).before(upstream).await;
    let mut backend = shop.client().await;
    let session = open(&mut backend, r#"{"user":"alice"}"#).await;
    let mut bot = shop.client_with(&session.token).await;
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(pieces(&EVENTS[..1]).remove(0)).await.unwrap();
        feed
    };
    let (mut stream, _feed) = tokio::join!(bot.stream(CHAT, ASK_STREAM), feeding);
    stream.until("On ").await;
    assert_eq!(end(&mut backend, &session.id).await.decision(), (204, "allowed"));
    let reply = stream.rest().await;
    assert!(
        reply.text().contains("\"code\":\"bad-credential\"") && !reply.text().contains("[DONE]"),
        "{reply:?}"
    );
    shop.upstream.answers_open(0).await;
    let mut again = shop.client_with(&session.token).await;
    assert_eq!(again.post(CHAT, ASK).await.decision(), (401, "bad-credential"));
    assert_eq!(end(&mut backend, &session.id).await.decision(), (204, "allowed"), "ending is idempotent");
    assert_eq!(
        turn(&mut backend, &session.id, Some("k"), r#"{"text":"x"}"#).await.decision(),
        (404, "no-session")
    );
}

#[tokio::test]
async fn another_bots_session_is_not_there() {
    let upstream = FakeUpstream::start(crate::support::well).await;
    let gateway = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
        .bot("shop", "openai", &upstream.url(), "")
        .bot("desk", "openai", &upstream.url(), "")
        .start()
        .await;
    let mut shop = Client::connect(gateway.gateway, Some(&gateway.key("shop", &[]).await)).await;
    let mut desk = Client::connect(gateway.gateway, Some(&gateway.key("desk", &[]).await)).await;
    let session = open(&mut shop, r#"{"user":"alice"}"#).await;
    for id in [session.id.as_str(), "ses_none", "..", "a%2fb"] {
        assert_eq!(end(&mut desk, id).await.decision(), (404, "no-session"), "{id}");
        let turn = turn(&mut desk, id, Some("k"), r#"{"text":"x"}"#).await;
        assert_eq!(turn.decision(), (404, "no-session"), "{id}");
    }
    let mut bot = Client::connect(gateway.gateway, Some(&session.token)).await;
    assert_eq!(bot.post(CHAT, ASK).await.decision(), (200, "allowed"), "it lives on");
}

#[tokio::test]
async fn a_turn_is_kept_once() {
    let shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    let session = open(&mut backend, r#"{"user":"alice"}"#).await;
    let said = r#"{"text":"Send it to 5 Elm Street","pasted":[[11,23]]}"#;
    let first = turn(&mut backend, &session.id, Some("t-1"), said).await;
    assert_eq!(first.decision(), (201, "allowed"), "{}", first.text());
    let again = turn(&mut backend, &session.id, Some("t-1"), said).await;
    assert_eq!((again.decision(), again.json()), ((201, "allowed"), first.json()));
    let other = turn(&mut backend, &session.id, Some("t-1"), r#"{"text":"Send it elsewhere"}"#).await;
    assert_eq!(other.decision(), (409, "idempotency-conflict"));
    assert_eq!(other.header("x-should-retry"), "false");
    let next = turn(&mut backend, &session.id, Some("t-2"), said).await;
    assert_ne!(next.json(), first.json());
    let second = open(&mut backend, r#"{"user":"alice"}"#).await;
    let elsewhere = turn(&mut backend, &second.id, Some("t-1"), r#"{"text":"hello"}"#).await;
    assert_eq!(elsewhere.decision(), (201, "allowed"), "keys are a session's own");
}

#[tokio::test]
async fn a_key_revoked_while_a_body_is_under_way_writes_nothing() {
    let shop = shop_with_backend().await;
    let revoked = shop.gateway.issue("shop", &[], &[]).await;
    let mut backend = shop.client().await;
    let session = open(&mut backend, r#"{"user":"alice"}"#).await;
    let (said, opening) = (r#"{"text":"send it to mallory"}"#, r#"{"user":"mallory"}"#);
    let mut begun = Vec::new();
    for (target, body) in [(format!("{SESSIONS}/{}/turns", session.id), said), (SESSIONS.to_owned(), opening)]
    {
        let mut wire = Wire::connect(shop.gateway.gateway).await;
        let (key, length) = (&revoked.secret, body.len());
        wire.send(format!(
            "POST {target} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {key}\r\nidempotency-key: t-1\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{{"
        ))
        .await;
        begun.push((wire, body));
    }
    // Both wait for the rest of their bodies.
    shop.gateway.metric("botwarden_requests_in_flight 2").await;
    shop.gateway.revoke(&revoked).await;
    for (mut wire, body) in begun {
        wire.send(&body[1..]).await;
        let reply = wire.reply().await.expect("an answer");
        assert_eq!(reply.decision(), (401, "bad-credential"), "{body}");
    }
    let other = turn(&mut backend, &session.id, Some("t-1"), r#"{"text":"to 5 Elm Street"}"#).await;
    assert_eq!(other.decision(), (201, "allowed"), "the idempotency key is free: {}", other.text());
}

#[tokio::test]
async fn turns_that_are_none() {
    let shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    let session = open(&mut backend, r#"{"user":"alice"}"#).await;
    for (name, key, body, want) in [
        ("an empty key", Some(""), r#"{"text":"x"}"#, (400, "bad-header")),
        ("no text", Some("k"), "{}", (400, "bad-field")),
        ("an empty text", Some("k"), r#"{"text":""}"#, (400, "bad-field")),
        ("a span backwards", Some("k"), r#"{"text":"abc","pasted":[[2,1]]}"#, (400, "bad-field")),
        ("a span beyond the text", Some("k"), r#"{"text":"abc","pasted":[[0,4]]}"#, (400, "bad-field")),
        ("spans that overlap", Some("k"), r#"{"text":"abc","pasted":[[0,2],[1,3]]}"#, (400, "bad-field")),
        ("a text twice", Some("k"), r#"{"text":"a","text":"b"}"#, (400, "malformed-request")),
    ] {
        assert_eq!(turn(&mut backend, &session.id, key, body).await.decision(), want, "{name}");
    }
}

#[tokio::test]
async fn sessions_and_their_turns_outlive_the_process() {
    let mut shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    let kept = open(&mut backend, r#"{"user":"alice"}"#).await;
    let ended = open(&mut backend, r#"{"user":"bob"}"#).await;
    let said = turn(&mut backend, &kept.id, Some("t-1"), r#"{"text":"hello"}"#).await;
    assert_eq!(end(&mut backend, &ended.id).await.status, 204);
    shop.gateway.kill_and_restart().await;
    assert_eq!(shop.client_with(&kept.token).await.post(CHAT, ASK).await.decision(), (200, "allowed"));
    let dead = shop.client_with(&ended.token).await.post(CHAT, ASK).await;
    assert_eq!(dead.decision(), (401, "bad-credential"));
    let again = turn(&mut shop.client().await, &kept.id, Some("t-1"), r#"{"text":"hello"}"#).await;
    assert_eq!((again.status, again.json()), (201, said.json()));
}

#[tokio::test]
async fn backends_may_listen_apart() {
    let upstream = FakeUpstream::start(crate::support::well).await;
    let gateway = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
        .backend()
        .bot("shop", "openai", &upstream.url(), "")
        .start()
        .await;
    let key = gateway.key("shop", &["chat", "session"]).await;
    let callers = gateway.gateway;
    let backends = gateway.backend.expect("a listener of its own");
    for (name, address, target, body, want) in [
        ("a chat at the callers'", callers, CHAT, ASK, (200, "allowed")),
        ("a session at the callers'", callers, SESSIONS, r#"{"user":"a"}"#, (404, "not-found")),
        ("a session at the backends'", backends, SESSIONS, r#"{"user":"a"}"#, (201, "allowed")),
        ("a chat at the backends'", backends, CHAT, ASK, (404, "not-found")),
    ] {
        let mut client = Client::connect(address, Some(&key)).await;
        assert_eq!(client.post(target, body).await.decision(), want, "{name}");
    }
}

/// 1000 turns are a conversation of hours; who says more in one session is no person.
#[tokio::test]
async fn a_session_has_so_many_turns_and_no_more() {
    let shop = shop_with_backend().await;
    let mut backend = shop.client().await;
    let session = open(&mut backend, r#"{"user":"alice"}"#).await;
    let said = r#"{"text":"yes"}"#;
    for number in 0..1000 {
        let reply = turn(&mut backend, &session.id, Some(&number.to_string()), said).await;
        assert_eq!(reply.decision(), (201, "allowed"), "{number}");
    }
    let one_more = turn(&mut backend, &session.id, Some("1000"), said).await;
    assert_eq!(one_more.decision(), (429, "session-limit"), "{}", one_more.text());
    assert_eq!(one_more.json()["error"]["code"], "session-limit");
    let again = turn(&mut backend, &session.id, Some("7"), said).await;
    assert_eq!(again.decision(), (201, "allowed"), "it is there already");
    let other = open(&mut backend, r#"{"user":"alice"}"#).await;
    assert_eq!(turn(&mut backend, &other.id, Some("0"), said).await.decision(), (201, "allowed"));
}
