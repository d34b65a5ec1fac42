//! What of a head passes, what ends at the gateway, and what the gateway adds.

use botwarden_testkit::Answer;

use crate::support::{ANSWER, ASK, CHAT, MESSAGES, PROVIDER_KEY, SAID, SAY, anthropic, openai};

/// What every request of the test's client has and that has nothing to do with the shop.
const SENT: [(&str, &str); 31] = [
    ("cookie", "session=stolen"),
    ("api-key", "azure-key"),
    ("x-goog-api-key", "google-key"),
    ("openai-organization", "org-other"),
    ("openai-project", "proj-other"),
    ("x-botwarden-user", "alice"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-forwarded-host", "shop.example"),
    ("x-forwarded-proto", "https"),
    ("x-real-ip", "203.0.113.7"),
    ("forwarded", "for=203.0.113.7"),
    ("true-client-ip", "203.0.113.7"),
    ("cf-connecting-ip", "203.0.113.7"),
    ("x-original-forwarded-for", "203.0.113.7"),
    ("x-forwarded-user", "alice"),
    ("x-amzn-oidc-identity", "alice"),
    ("x-ssl-client-cert", "pem"),
    ("via", "1.1 proxy.shop.example"),
    ("baggage", "user=alice"),
    ("connection", "keep-alive, x-per-hop"),
    ("x-per-hop", "1"),
    ("keep-alive", "timeout=5"),
    ("proxy-connection", "keep-alive"),
    ("proxy-authorization", "Basic YTpi"),
    ("te", "trailers"),
    ("trailer", "x-sum"),
    ("upgrade", "h2c"),
    ("accept-encoding", "gzip, br"),
    ("user-agent", "OpenAI/Python 3.54"),
    ("x-stainless-retry-count", "0"),
    ("x-anything", "\u{e9}"),
];

#[tokio::test]
async fn the_upstream_gets_its_own_key_and_nothing_of_the_callers_credentials() {
    for (setup, credential_name, credential, target, body) in [
        (openai(), "authorization", format!("Bearer {PROVIDER_KEY}"), CHAT, ASK),
        (anthropic(), "x-api-key", PROVIDER_KEY.to_owned(), MESSAGES, SAY),
    ] {
        let shop = setup.start().await;
        let client = shop.client().await.with("x-api-key", &shop.key);
        let mut client = SENT.iter().fold(client, |client, (name, value)| client.with(name, value));
        assert_eq!(client.post(target, body).await.decision(), (200, "allowed"));
        let head = shop.forwarded().headers;
        let mut left: Vec<&str> = head.keys().map(http::HeaderName::as_str).collect();
        left.sort_unstable();
        let mut want = [
            "accept-encoding",
            "content-length",
            "content-type",
            "host",
            "traceparent",
            "user-agent",
            "x-anything",
            "x-stainless-retry-count",
            credential_name,
        ];
        want.sort_unstable();
        assert_eq!(left, want, "{target}");
        assert_eq!(head[credential_name], credential);
        assert_eq!(head["accept-encoding"], "identity");
        assert_eq!(head["user-agent"], "OpenAI/Python 3.54");
        assert_eq!(head["x-anything"].as_bytes(), "\u{e9}".as_bytes(), "opaque bytes pass");
        assert_eq!(head["content-length"], body.len().to_string());
        assert!(shop.upstream.url().contains(head["host"].to_str().unwrap()), "the host is the upstream's");
        assert!(!format!("{head:?}").contains("bw_"), "the caller's key went on: {head:?}");
    }
}

#[tokio::test]
async fn an_upstream_without_a_key_gets_none() {
    let shop = openai().start().await;
    let old = format!("upstream = {{ dialect = \"openai\", url = \"{}\", key", shop.upstream.url());
    shop.gateway.edit(&old, &old.replace(", key", " } # key"));
    shop.gateway.logs("configuration reloaded", shop.gateway.signal("HUP")).await;
    assert_eq!(shop.client().await.post(CHAT, ASK).await.status, 200);
    let head = shop.forwarded().headers;
    assert!(!head.contains_key("authorization") && !head.contains_key("x-api-key"), "{head:?}");
}

#[tokio::test]
async fn a_trace_goes_on_and_a_missing_or_broken_one_begins() {
    let shop = openai().start().await;
    let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (name, sent, kept) in [
        ("a trace", Some(caller), true),
        ("none", None, false),
        ("nonsense", Some("nonsense"), false),
        ("all zero", Some("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), false),
    ] {
        let mut client = shop.client().await.with("tracestate", "vendor=1");
        if let Some(sent) = sent {
            client = client.with("traceparent", sent);
        }
        client.post(CHAT, ASK).await;
        let head = shop.forwarded_last().headers;
        let pieces: Vec<&str> = head["traceparent"].to_str().unwrap().split('-').collect();
        let [version, trace, span, flags] = pieces[..] else { panic!("{name}: {pieces:?}") };
        assert_eq!((version, trace.len(), span.len(), flags.len()), ("00", 32, 16, 2), "{name}");
        assert_eq!((trace, flags) == ("4bf92f3577b34da6a3ce929d0e0e4736", "01"), kept, "{name}");
        assert_ne!(span, "00f067aa0ba902b7", "{name}: the span is the gateway's own");
        assert_eq!(head.contains_key("tracestate"), kept, "{name}: a state belongs to its trace");
    }
}

#[tokio::test]
async fn the_caller_gets_our_request_id_and_the_upstreams_beside_it() {
    let account = [
        ("set-cookie", "__cf=1"),
        ("openai-organization", "acme"),
        ("openai-project", "proj_1"),
        ("anthropic-organization-id", "org"),
        ("alt-svc", "h3=\":443\""),
        ("x-ratelimit-remaining-tokens", "5"),
        ("anthropic-ratelimit-requests-limit", "50"),
        ("ratelimit", "\"x\";r=1"),
        ("keep-alive", "timeout=9"),
        ("connection", "x-per-hop"),
        ("x-per-hop", "1"),
        ("openai-processing-ms", "12"),
    ];
    for (setup, target, body, answer, id) in
        [(openai(), CHAT, ASK, ANSWER, "x-request-id"), (anthropic(), MESSAGES, SAY, SAID, "request-id")]
    {
        let shop = setup
            .answering(move |_| {
                let answer = Answer::json(answer).header(id, "req_up_1");
                account.iter().fold(answer, |answer, (name, value)| answer.header(name, value))
            })
            .await;
        let mut client = shop.client().await.with("x-request-id", "callers-own");
        let first = client.post(target, body).await;
        assert_eq!(first.decision(), (200, "allowed"));
        let mut names: Vec<&str> = first.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        let mut want = vec![
            "botwarden-upstream-request-id",
            "botwarden-verdict",
            "content-length",
            "content-type",
            "date",
            "openai-processing-ms",
            "x-request-id",
        ];
        // Anthropic's SDKs read the id from there.
        want.extend((target == MESSAGES).then_some("request-id"));
        want.sort_unstable();
        assert_eq!(names, want);
        assert!(["", first.header("x-request-id")].contains(&first.header("request-id")));
        assert_eq!(first.header("botwarden-upstream-request-id"), "req_up_1");
        let ours = first.header("x-request-id").to_owned();
        assert!(ours.starts_with("req-"), "{ours}");
        let second = client.post(target, body).await;
        assert_ne!(second.header("x-request-id"), ours, "each request has an id of its own");
    }
}
