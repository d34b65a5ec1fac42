//! Every way to be turned away before the upstream is asked, in the caller's dialect.

use botwarden_testkit::{Client, Reply};
use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::{ASK, CHAT, EMBEDDINGS, MESSAGES, SAY, SESSIONS, Shop, anthropic, openai};

/// One request that is refused.
struct Case {
    name: &'static str,
    method: Method,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    want: (u16, &'static str),
}

fn case(name: &'static str, target: &'static str, body: &'static str, want: (u16, &'static str)) -> Case {
    Case { name, method: Method::POST, target, headers: &[("content-type", "application/json")], body, want }
}

impl Case {
    fn headers(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    async fn send(&self, mut client: Client) -> Reply {
        let mut request = client.request(self.method.clone(), self.target);
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        client.send(request.body(Full::from(self.body)).unwrap()).await
    }
}

/// What a client sees of a refusal, without what differs each time.
fn seen(reply: &Reply) -> Value {
    let mut body = reply.json();
    if let Some(id) = body.get_mut("request_id") {
        assert_eq!(id, reply.header("x-request-id"), "the body names the request");
        *id = json!("[id]");
    }
    let mut seen = json!({ "status": reply.status, "verdict": reply.verdict(), "body": body });
    for name in ["allow", "www-authenticate", "connection"] {
        if !reply.header(name).is_empty() {
            seen[name] = json!(reply.header(name));
        }
    }
    seen
}

/// Sends each case; nothing may reach the upstream. Returns what clients see.
async fn refuse(shop: &Shop, cases: Vec<Case>) -> Value {
    let mut all = serde_json::Map::new();
    for case in cases {
        let reply = case.send(shop.client().await).await;
        assert_eq!(reply.decision(), case.want, "{}: {}", case.name, reply.text());
        assert_eq!(reply.header("content-type"), "application/json", "{}", case.name);
        assert!(reply.header("x-request-id").starts_with("req-"), "{}", case.name);
        all.insert(case.name.to_owned(), seen(&reply));
    }
    assert_eq!(shop.upstream.requests(), 0, "something reached the upstream");
    Value::Object(all)
}

const PLAIN: &[(&str, &str)] = &[("content-type", "text/plain")];
const GZIP: &[(&str, &str)] = &[("content-type", "application/json"), ("content-encoding", "gzip")];
const UTF_16: &[(&str, &str)] = &[("content-type", "application/json; charset=utf-16")];
const TWO_TYPES: &[(&str, &str)] = &[("content-type", "application/json"), ("content-type", "text/plain")];
const TWO_USERS: &[(&str, &str)] =
    &[("content-type", "application/json"), ("x-botwarden-user", "a"), ("x-botwarden-user", "b")];
const ALICE: &[(&str, &str)] = &[("content-type", "application/json"), ("x-botwarden-user", "alice")];
const NO_NAME: &[(&str, &str)] = &[("content-type", "application/json"), ("x-botwarden-user", "")];

const NOT_GRANTED: (u16, &str) = (404, "model-not-granted");

#[tokio::test]
async fn openai_refusals() {
    let shop = openai().bot("models = [\"gpt-*\"]").start().await;
    let cases = vec![
        case("no such path", "/v1/completions", ASK, (404, "not-found")),
        case("the wrong method", CHAT, "", (405, "method-not-allowed")).method(Method::GET),
        case("a path of the other dialect", MESSAGES, SAY, (404, "wrong-dialect")),
        case("a query", "/v1/chat/completions?api-version=1", ASK, (400, "unknown-query")),
        case("not JSON by its type", CHAT, ASK, (415, "not-json")).headers(PLAIN),
        case("another charset", CHAT, ASK, (415, "not-json")).headers(UTF_16),
        case("two types of content", CHAT, ASK, (400, "two-headers")).headers(TWO_TYPES),
        case("a compressed body", CHAT, ASK, (415, "compressed-body")).headers(GZIP),
        case("no body", CHAT, "", (400, "malformed-request")),
        case("no object", CHAT, "[]", (400, "bad-field")),
        case("no model", CHAT, r#"{"messages":[]}"#, (400, "bad-field")),
        case("messages of a wrong type", CHAT, r#"{"model":"gpt-4o","messages":"x"}"#, (400, "bad-field")),
        case(
            "a role of a wrong name",
            CHAT,
            r#"{"model":"gpt-4o","messages":[{"role":"root"}]}"#,
            (400, "bad-field"),
        ),
        case("a model not granted", CHAT, r#"{"model":"o3","messages":[]}"#, (404, "model-not-granted")),
        case(
            "another model in a tool of the vendor's",
            CHAT,
            r#"{"model":"gpt-5","messages":[],"tools":[{"type":"openrouter:fusion","parameters":{"model":"o3"}}]}"#,
            NOT_GRANTED,
        ),
        case(
            "another model to turn to",
            CHAT,
            r#"{"model":"gpt-5","messages":[],"fallbacks":["o3"]}"#,
            NOT_GRANTED,
        ),
        case(
            "another model for long contexts",
            CHAT,
            r#"{"model":"gpt-5","messages":[],"context_window_fallbacks":[{"gpt-5":["o3"]}]}"#,
            NOT_GRANTED,
        ),
        case(
            "other models that are not names",
            CHAT,
            r#"{"model":"gpt-5","messages":[],"content_policy_fallbacks":{"gpt-5":["o3"]}}"#,
            (400, "bad-field"),
        ),
        case("two models in one name", CHAT, r#"{"model":"gpt-5,o3","messages":[]}"#, (400, "bad-field")),
        case("a line break in a model", CHAT, r#"{"model":"gpt-5\no3","messages":[]}"#, (400, "bad-field")),
        case(
            "embeddings by another model",
            EMBEDDINGS,
            r#"{"model":"gpt-e","input":"a","fallbacks":["o3"]}"#,
            NOT_GRANTED,
        ),
        case(
            "embeddings by one of several models",
            EMBEDDINGS,
            r#"{"model":"gpt-e","input":"a","models":["gpt-f","o3"]}"#,
            NOT_GRANTED,
        ),
        case("embeddings of nothing", EMBEDDINGS, r#"{"model":"gpt-e"}"#, (400, "bad-field")),
        case("two users in the head", CHAT, ASK, (400, "two-headers")).headers(TWO_USERS),
        case("a user without a name", CHAT, ASK, (400, "bad-header")).headers(NO_NAME),
        case(
            "one user in the head and another in the body",
            CHAT,
            r#"{"model":"gpt-4o","messages":[],"user":"bob"}"#,
            (400, "bad-field"),
        )
        .headers(ALICE),
        case(
            "two users in the body",
            CHAT,
            r#"{"model":"gpt-4o","messages":[],"user":"bob","safety_identifier":"eve"}"#,
            (400, "malformed-request"),
        ),
        case("a session without that right", SESSIONS, r#"{"user":"alice"}"#, (403, "no-right")),
    ];
    insta::assert_json_snapshot!(refuse(&shop, cases).await);
}

#[tokio::test]
async fn anthropic_refusals() {
    let shop = anthropic().bot("models = [\"claude-*\"]").start().await;
    let cases = vec![
        case("the wrong method", MESSAGES, "", (405, "method-not-allowed")).method(Method::GET),
        case("a query", "/v1/messages?key=1", SAY, (400, "unknown-query")),
        case("not JSON by its type", MESSAGES, SAY, (415, "not-json")).headers(PLAIN),
        case("no messages", MESSAGES, r#"{"model":"claude-x","max_tokens":1}"#, (400, "bad-field")),
        case(
            "a user of a wrong type",
            MESSAGES,
            r#"{"model":"claude-x","max_tokens":1,"messages":[],"metadata":{"user_id":7}}"#,
            (400, "bad-field"),
        ),
        case(
            "a model not granted",
            MESSAGES,
            r#"{"model":"gpt-4o","max_tokens":1,"messages":[]}"#,
            (404, "model-not-granted"),
        ),
        case(
            "another model as an adviser",
            MESSAGES,
            r#"{"model":"claude-x","max_tokens":1,"messages":[],"tools":[{"type":"advisor_20260301","name":"advisor","model":"opus"}]}"#,
            NOT_GRANTED,
        ),
        case(
            "one of several models",
            MESSAGES,
            r#"{"model":"claude-x","max_tokens":1,"messages":[],"models":["opus"]}"#,
            NOT_GRANTED,
        ),
        case(
            "a user in other letters",
            MESSAGES,
            r#"{"model":"claude-x","max_tokens":1,"messages":[],"metadata":{"User_ID":"bob"}}"#,
            (400, "malformed-request"),
        ),
        case("a count of something else", "/v1/messages/count_tokens", "{}", (400, "bad-field")),
    ];
    insta::assert_json_snapshot!(refuse(&shop, cases).await);
}

/// The other dialect's paths are answered in the other dialect, so that its SDK can read why.
#[tokio::test]
async fn a_path_of_the_other_dialect_is_refused_in_that_dialect() {
    let shop = anthropic().start().await;
    let reply = shop.client().await.post(CHAT, ASK).await;
    assert_eq!(reply.decision(), (404, "wrong-dialect"));
    assert_eq!(reply.json()["error"]["code"], "wrong-dialect");
    let shop = openai().start().await;
    let reply = shop.client().await.post(MESSAGES, SAY).await;
    assert_eq!(reply.decision(), (404, "wrong-dialect"));
    assert_eq!(reply.json()["type"], "error");
}

/// Credentials that are none. Whoever fails with one learns nothing but that.
#[tokio::test]
async fn nothing_is_served_without_a_credential_in_force() {
    let unknown = format!("bw_{}", "A".repeat(43));
    let session = format!("bws_{}", "A".repeat(43));
    for (setup, target, body) in [(openai(), CHAT, ASK), (anthropic(), MESSAGES, SAY)] {
        let shop = setup.start().await;
        let lower = format!("bearer {}", shop.key);
        let other = format!("Bearer {unknown}");
        for (name, headers, want) in [
            ("none", vec![], (401, "no-credential")),
            ("an unknown key", vec![("authorization", other.as_str())], (401, "bad-credential")),
            ("an unknown session", vec![("x-api-key", session.as_str())], (401, "bad-credential")),
            (
                "a provider's key",
                vec![("authorization", "Bearer sk-provider-secret")],
                (401, "bad-credential"),
            ),
            ("a key in a cookie", vec![("cookie", shop.key.as_str())], (401, "no-credential")),
            ("another scheme", vec![("authorization", "Basic YTpi")], (401, "no-credential")),
            ("an empty bearer", vec![("authorization", "Bearer ")], (401, "no-credential")),
            ("an empty key", vec![("x-api-key", "")], (401, "bad-credential")),
            (
                "two that differ",
                vec![("authorization", other.as_str()), ("x-api-key", shop.key.as_str())],
                (400, "two-credentials"),
            ),
            (
                "the same twice",
                vec![("authorization", lower.as_str()), ("authorization", lower.as_str())],
                (400, "two-headers"),
            ),
            (
                "two keys",
                vec![("x-api-key", shop.key.as_str()), ("x-api-key", &unknown)],
                (400, "two-headers"),
            ),
        ] {
            let client = Client::connect(shop.gateway.gateway, None).await;
            let mut client = headers.iter().fold(client, |client, (name, value)| client.with(name, value));
            let reply = client.post(target, body).await;
            assert_eq!(reply.decision(), want, "{name}");
            if want.0 == 401 {
                assert_eq!(reply.header("www-authenticate"), "Bearer", "{name}");
                let kind = &reply.json()["error"]["type"];
                assert_eq!(kind, "authentication_error", "{name}");
            }
        }
        assert_eq!(shop.upstream.requests(), 0);
        for (name, credential) in [("authorization", lower.as_str()), ("x-api-key", shop.key.as_str())] {
            let mut client = Client::connect(shop.gateway.gateway, None).await.with(name, credential);
            assert_eq!(client.post(target, body).await.decision(), (200, "allowed"), "{name}");
        }
    }
}

#[tokio::test]
async fn a_key_without_chat_asks_no_model() {
    let shop = openai().rights(&["session"]).start().await;
    let mut client = shop.client().await;
    for target in [CHAT, EMBEDDINGS] {
        assert_eq!(client.post(target, ASK).await.decision(), (403, "no-right"), "{target}");
    }
    for target in ["/v1/models", "/v1/models/gpt-4o", "/v1/"] {
        assert_eq!(client.get(target).await.decision(), (403, "no-right"), "{target}");
    }
    assert_eq!(shop.upstream.requests(), 0);
}

#[tokio::test]
async fn names_of_users_are_short_and_printable() {
    let shop = openai().start().await;
    let long = "a".repeat(257);
    for (name, user) in [("too long", long.as_str()), ("a tab", "a\tb"), ("empty", "")] {
        let reply = shop.client_for(user).await.post(CHAT, ASK).await;
        assert_eq!(reply.decision(), (400, "bad-header"), "{name}");
    }
    for (name, user) in [("too long", long.as_str()), ("a line break", "a\\nb"), ("a nought", "a\\u0000")] {
        let body = format!(r#"{{"model":"gpt-4o","messages":[],"user":"{user}"}}"#);
        assert_eq!(shop.client().await.post(CHAT, body).await.decision(), (400, "bad-field"), "{name}");
    }
    assert_eq!(shop.upstream.requests(), 0);
    // Applications that have nobody to name send an empty one.
    let nobody = r#"{"model":"gpt-4o","messages":[],"user":""}"#;
    assert_eq!(shop.client().await.post(CHAT, nobody).await.status, 200);
}

#[tokio::test]
async fn paths_are_exact() {
    let shop = openai().start().await;
    let mut client = shop.client().await;
    for target in [
        "/",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/v1/chat%2Fcompletions",
        "/V1/chat/completions",
        "/v1/models/../keys",
        "/v1/models/a%2e%2e",
        "/v1/files",
        "/metrics",
        "/botwarden/v1/approvals/",
        "/botwarden/v1/approvals/a/b",
        "/botwarden/v1/sessions/ses_a/turns/x",
    ] {
        assert_eq!(client.get(target).await.decision(), (404, "not-found"), "{target}");
    }
    let long = format!("/v1/models/{}", "a".repeat(9000));
    assert_eq!(client.get(&long).await.decision(), (414, "target-too-long"));
    assert_eq!(shop.upstream.requests(), 0);
}
