//! How much a caller may use, as callers see it.

use std::time::Instant;

use botwarden_testkit::{Answer, Client, FakeUpstream, Reply};

use crate::support::{
    ASK, ASK_STREAM, CHAT, EVENTS, MESSAGES, SAY, SESSIONS, anthropic, openai, pieces, well,
};

/// The field's usual example: `handle_request`, 30 a minute and user.
const GOLDEN: &str = "per = \"user\"\nrequests = 30\nwindow = \"60s\"";

fn retry_ms(reply: &Reply) -> u64 {
    reply.header("retry-after-ms").parse().unwrap()
}

#[tokio::test]
async fn thirty_requests_a_minute_and_the_31st_is_refused() {
    let shop = openai().limit(GOLDEN).start().await;
    let mut alice = shop.client_for("alice").await;
    let before_first = Instant::now();
    for sent in 1..=30 {
        let reply = alice.post(CHAT, ASK).await;
        assert_eq!(reply.decision(), (200, "allowed"), "{sent}");
        assert_eq!(reply.header("ratelimit-policy"), "\"user-requests-60s\";q=30;w=60");
        let state = format!("\"user-requests-60s\";r={};t=", 30 - sent);
        assert!(reply.header("ratelimit").starts_with(&state), "{}", reply.header("ratelimit"));
        assert_eq!(reply.header("x-ratelimit-limit-requests"), "30");
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), (30 - sent).to_string());
        assert!(!reply.headers.contains_key("retry-after"));
        if sent == 1 {
            // The first call leaves the window a minute after it, no sooner, whatever the machine is busy with.
            assert_eq!(reply.header("x-ratelimit-reset-requests"), "1m0s");
        }
    }
    let first_to_last = before_first.elapsed();
    let mut soonest = u64::MAX;
    // A refused call is not charged: however many there are, the wait only shrinks.
    for refused in 0..40 {
        let reply = alice.post(CHAT, ASK).await;
        assert_eq!(reply.decision(), (429, "rate-limit"), "{refused}");
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("Rate limit exceeded"), "{message}");
        let ms = retry_ms(&reply);
        assert!(ms <= soonest, "{ms} ms after {soonest} ms");
        soonest = ms;
        assert_eq!(reply.header("retry-after"), ms.div_ceil(1000).to_string());
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), "0");
        assert!(reply.header("ratelimit").contains(";r=0;t="));
        assert!(!reply.headers.contains_key("x-should-retry"), "SDKs wait a minute");
    }
    // A call leaves the window when it is more than 60 s old. The first was sent after `before_first`.
    let since = u64::try_from(before_first.elapsed().as_millis()).unwrap();
    assert!(
        soonest <= 60_001 && soonest + since >= 60_000,
        "{soonest} ms, {since} ms after {first_to_last:?}"
    );
    let reply = shop.client_for("bob").await.post(CHAT, ASK).await;
    assert_eq!(reply.decision(), (200, "allowed"), "each user has a window of their own");
    assert_eq!(reply.header("x-ratelimit-remaining-requests"), "29");
    assert_eq!(shop.upstream.requests(), 31);
}

#[tokio::test]
async fn the_refusal_in_both_dialects() {
    for (name, setup, target, body) in
        [("openai", openai(), CHAT, ASK), ("anthropic", anthropic(), MESSAGES, SAY)]
    {
        let shop = setup.limit("per = \"user\"\nrequests = 1\nwindow = \"1d\"").start().await;
        let mut client = shop.client_for("alice").await;
        assert_eq!(client.post(target, body).await.status, 200);
        let reply = client.post(target, body).await;
        let mut said = reply.json();
        // How long is another matter each time.
        let message = said["error"]["message"].as_str().unwrap();
        said["error"]["message"] = message.split_once("; try again in").unwrap().0.into();
        if said.get("request_id").is_some() {
            said["request_id"] = "[id]".into();
        }
        insta::assert_json_snapshot!(name, said);
    }
}

#[tokio::test]
async fn users_are_the_same_however_they_are_named() {
    let limit = "per = \"user\"\nrequests = 2\nwindow = \"1d\"";
    let chat = |field: &str| format!(r#"{{"model":"gpt-4o","messages":[],{field}}}"#);
    let shop = openai().limit(limit).start().await;
    let mut head = shop.client_for("alice").await;
    let mut body = shop.client().await;
    assert_eq!(head.post(CHAT, ASK).await.status, 200);
    assert_eq!(body.post(CHAT, chat(r#""user":"alice""#)).await.status, 200);
    assert_eq!(body.post(CHAT, chat(r#""user":"alice""#)).await.decision(), (429, "rate-limit"));
    assert_eq!(body.post(CHAT, chat(r#""safety_identifier":"alice""#)).await.decision(), (429, "rate-limit"));
    assert_eq!(head.post(CHAT, chat(r#""user":"alice""#)).await.decision(), (429, "rate-limit"));
    assert_eq!(body.post(CHAT, chat(r#""user":"bob""#)).await.status, 200);
    let zoe = "Zo\u{eb} \u{5f20}";
    assert_eq!(shop.client_for(zoe).await.post(CHAT, ASK).await.status, 200);
    assert_eq!(body.post(CHAT, chat(&format!(r#""user":"{zoe}""#))).await.status, 200);
    assert_eq!(body.post(CHAT, chat(r#""user":"Zo\u00eb \u5f20""#)).await.decision(), (429, "rate-limit"));
    let shop = anthropic().limit(limit).start().await;
    let (mut head, mut body) = (shop.client_for("alice").await, shop.client().await);
    let named = r#"{"model":"claude-x","max_tokens":1,"messages":[],"metadata":{"user_id":"alice"}}"#;
    assert_eq!(body.post(MESSAGES, named).await.status, 200);
    assert_eq!(head.post(MESSAGES, SAY).await.status, 200);
    assert_eq!(body.post(MESSAGES, named).await.decision(), (429, "rate-limit"));
    assert_eq!(body.post(MESSAGES, SAY).await.status, 200, "who names nobody counts by the key");
}

#[tokio::test]
async fn a_key_that_may_not_name_users_is_counted_as_itself_whatever_it_says() {
    let shop =
        openai().limit("per = \"user\"\nrequests = 1\nwindow = \"1d\"").rights(&["chat"]).start().await;
    let body = |user: &str| format!(r#"{{"model":"gpt-4o","messages":[],"user":"{user}"}}"#);
    assert_eq!(shop.client_for("alice").await.post(CHAT, ASK).await.decision(), (403, "no-right"));
    let mut client = shop.client().await;
    assert_eq!(client.post(CHAT, body("alice")).await.status, 200);
    assert_eq!(client.post(CHAT, body("bob")).await.decision(), (429, "rate-limit"));
    assert_eq!(shop.forwarded().body, body("alice"), "the body passes as it is");
}

#[tokio::test]
async fn all_levels_are_charged_or_none() {
    let day = |per: &str, requests: u32| format!("per = \"{per}\"\nrequests = {requests}\nwindow = \"1d\"");
    let shop = openai()
        .limit(&day("user", 2))
        .limit(&day("key", 4))
        .limit(&day("bot", 5))
        .limit(&day("ip", 6))
        .start()
        .await;
    let other_key = shop.gateway.key("shop", &["chat", "assert-user"]).await;
    let mut remaining = Vec::new();
    for (key, user, want) in [
        (&shop.key, "alice", "allowed"),
        (&shop.key, "alice", "allowed"),
        (&shop.key, "alice", "rate-limit"), // hers are used up; key, bot and address are not charged
        (&shop.key, "alice", "rate-limit"),
        (&shop.key, "bob", "allowed"),
        (&shop.key, "carol", "allowed"),
        (&shop.key, "bob", "rate-limit"), // the key's are used up; bob is not charged
        (&other_key, "bob", "allowed"),   // his second, and the bot's fifth
        (&other_key, "dave", "rate-limit"), // the bot's are used up
    ] {
        let mut client = shop.client_with(key).await.with("x-botwarden-user", user);
        let reply = client.post(CHAT, ASK).await;
        assert_eq!(reply.verdict(), want, "{user}");
        let policy = reply.header("ratelimit-policy");
        assert!(policy.contains("user-") && policy.contains("key-"), "{policy}");
        assert!(
            !policy.contains("bot-") && !policy.contains("address-"),
            "others' use stays untold: {policy}"
        );
        let state = reply.header("ratelimit").to_owned();
        let left: Vec<_> = state.split(", ").map(|one| one.split(';').nth(1).unwrap().to_owned()).collect();
        remaining.push(left.join(" "));
    }
    assert_eq!(
        remaining,
        ["r=1 r=3", "r=0 r=2", "r=0 r=2", "r=0 r=2", "r=1 r=1", "r=1 r=0", "r=1 r=0", "r=0 r=3", "r=2 r=3",]
    );
    assert_eq!(shop.upstream.requests(), 5);
}

#[tokio::test]
async fn addresses_are_counted_whatever_the_caller_says_of_itself() {
    let shop = openai().limit("per = \"ip\"\nrequests = 2\nwindow = \"1d\"").start().await;
    let mut seen = Vec::new();
    for forged in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
        let mut client = shop.client().await.with("x-forwarded-for", forged).with("x-real-ip", forged);
        seen.push(client.post(CHAT, ASK).await.status);
    }
    assert_eq!(seen, [200, 200, 429]);
}

#[tokio::test]
async fn a_crowd_at_once_gets_exactly_as_many_as_allowed() {
    let shop = openai().limit("per = \"bot\"\nrequests = 20\nwindow = \"1d\"").start().await;
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (address, key) = (shop.gateway.gateway, shop.key.clone());
        crowd.spawn(async move {
            let mut client = Client::connect(address, Some(&key)).await;
            let mut admitted = 0;
            for _ in 0..10 {
                admitted += usize::from(client.post(CHAT, ASK).await.status == 200);
            }
            admitted
        });
    }
    let admitted: usize = crowd.join_all().await.into_iter().sum();
    assert_eq!((admitted, shop.upstream.requests()), (20, 20));
}

#[tokio::test]
async fn open_streams_are_counted_and_given_back() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().limit("per = \"key\"\nopen = 2").before(upstream).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut client = shop.client().await;
        let feeding = async {
            let feed = feeds.next().await;
            feed.send(pieces(&EVENTS[..1]).remove(0)).await.unwrap();
            feed
        };
        let (stream, feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeding);
        open.push((stream, feed, client));
    }
    let mut third = shop.client().await;
    let refused = third.post(CHAT, ASK_STREAM).await;
    assert_eq!(refused.decision(), (429, "open-streams"));
    assert!(!refused.headers.contains_key("retry-after"), "nobody knows when one ends");
    assert!(!refused.headers.contains_key("x-should-retry"), "one may end soon");
    assert!(refused.header("ratelimit-policy").contains(";q=2;qu=\"concurrent-requests\""));
    let (stream, feed, _client) = open.remove(0);
    drop(feed);
    assert!(stream.rest().await.complete);
    let (stream, feed) = tokio::join!(third.stream(CHAT, ASK_STREAM), async { drop(feeds.next().await) });
    let () = feed;
    assert_eq!(stream.status, 200, "the place of the one that ended");
}

fn using(tokens: u64) -> impl Fn(&botwarden_testkit::Recorded) -> Answer + Send + Sync + 'static {
    move |_| {
        Answer::json(format!(
            r#"{{"choices":[],"usage":{{"prompt_tokens":{},"completion_tokens":10,"total_tokens":{tokens}}}}}"#,
            tokens - 10
        ))
    }
}

#[tokio::test]
async fn tokens_are_reserved_before_and_settled_after() {
    let limit = "per = \"user\"\ntokens = 1000\nwindow = \"1d\"";
    let ask = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello, shop"}],"max_tokens":500}"#;
    // Little was used: what was reserved comes back.
    let shop = openai().limit(limit).answering(using(100)).await;
    let mut client = shop.client_for("alice").await;
    for used in 1..=5 {
        let reply = client.post(CHAT, ask).await;
        assert_eq!(reply.decision(), (200, "allowed"), "{used}");
        assert_eq!(reply.header("x-ratelimit-limit-tokens"), "1000");
    }
    let refused = client.post(CHAT, ask).await;
    assert_eq!(
        refused.decision(),
        (429, "token-limit"),
        "500 are used, and 500 and the question are too many"
    );
    assert_eq!(refused.header("x-ratelimit-remaining-tokens"), "500");
    assert_eq!(refused.header("x-should-retry"), "false", "nobody's SDK waits a day");
    assert!(refused.header("ratelimit-policy").contains("botwarden-unit=\"tokens\""));
    // Much was used: later requests wait for it.
    let shop = openai().limit(limit).answering(using(2500)).await;
    let mut client = shop.client_for("alice").await;
    assert_eq!(client.post(CHAT, ask).await.status, 200);
    let refused = client.post(CHAT, r#"{"model":"gpt-4o","messages":[],"max_tokens":1}"#).await;
    assert_eq!(
        (refused.decision(), refused.header("x-ratelimit-remaining-tokens")),
        ((429, "token-limit"), "0")
    );
    // More than the whole limit never passes, and no wait is promised.
    let refused = shop.client_for("bob").await.post(CHAT, ask.replace("500", "5000")).await;
    assert_eq!(refused.decision(), (429, "token-limit"));
    assert!(!refused.headers.contains_key("retry-after"));
    assert_eq!(refused.header("x-should-retry"), "false");
    assert!(refused.text().contains("this request alone needs more"), "{}", refused.text());
}

#[tokio::test]
async fn tokens_of_a_stream_are_settled_by_its_usage() {
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":600,\"completion_tokens\":300,\"total_tokens\":900}}\n\n";
    let events = [EVENTS[0], usage, EVENTS[3]];
    let shop = openai()
        .limit("per = \"key\"\ntokens = 1000\nwindow = \"1d\"")
        .bot("")
        .answering(move |_| Answer::events(pieces(&events)))
        .await;
    let mut client = shop.client().await;
    let ask = r#"{"model":"gpt-4o","messages":[],"stream":true,"max_tokens":80}"#;
    assert!(client.post(CHAT, ask).await.complete);
    let reply = client.post(CHAT, ask).await;
    assert_eq!(
        (reply.decision(), reply.header("x-ratelimit-remaining-tokens")),
        ((429, "token-limit"), "100")
    );
}

#[tokio::test]
async fn what_has_no_body_is_limited_as_well() {
    let shop = openai().limit("per = \"key\"\nrequests = 1\nwindow = \"1d\"").start().await;
    let mut client = shop.client().await;
    assert_eq!(client.get("/v1/models").await.decision(), (200, "allowed"));
    for target in ["/v1/models", "/v1/models/gpt-4o", "/v1/"] {
        assert_eq!(client.get(target).await.decision(), (429, "rate-limit"), "{target}");
    }
    assert_eq!(shop.upstream.requests(), 1);
}

#[tokio::test]
async fn what_failed_upstream_uses_no_tokens() {
    let shop = openai()
        .limit("per = \"key\"\ntokens = 1000\nwindow = \"1d\"")
        .answering(|_| Answer::json("{\"error\":{\"message\":\"down\"}}").status(500))
        .await;
    let mut client = shop.client().await;
    let ask = r#"{"model":"gpt-4o","messages":[],"max_tokens":900}"#;
    for _ in 0..3 {
        assert_eq!(client.post(CHAT, ask).await.status, 500);
    }
}

/// Every call with a valid credential that is read to the point where it is charged.
#[tokio::test]
async fn what_counts_and_what_does_not() {
    let shop = openai()
        .bot("models = [\"gpt-*\"]")
        .limit("per = \"key\"\nrequests = 100\nwindow = \"1d\"")
        .rights(&["chat", "session"])
        .answering(|asked| match asked.headers.get("x-status") {
            Some(status) => Answer::json("{}").status(status.to_str().unwrap().parse().unwrap()),
            None => well(asked),
        })
        .await;
    let mut failing = shop.client().await.with("x-status", "503");
    let mut client = shop.client().await;
    let mut used = 0;
    for (name, target, body, counts) in [
        ("a chat", CHAT, Some(ASK), true),
        ("a stream", CHAT, Some(ASK_STREAM), true),
        ("the list of models", "/v1/models", None, true),
        ("one model", "/v1/models/gpt-4o", None, true),
        ("a model not granted", CHAT, Some(r#"{"model":"o3","messages":[]}"#), true),
        ("a session", SESSIONS, Some(r#"{"user":"alice"}"#), true),
        ("something malformed", CHAT, Some("{"), false),
        ("an unknown path", "/v1/files", None, false),
        ("a query", "/v1/models?x=1", None, false),
        ("the root", "/v1/", None, false),
    ] {
        match body {
            Some(body) => client.post(target, body).await,
            None => client.get(target).await,
        };
        failing.post(CHAT, ASK).await;
        used += 2 * usize::from(counts) + usize::from(!counts);
        let left = client.post(CHAT, ASK).await.header("x-ratelimit-remaining-requests").to_owned();
        used += 1;
        assert_eq!(left, (100 - used).to_string(), "{name}");
    }
}
