//! What the gateway tells its operators: what became of each request, and nothing that was said.

use botwarden_testkit::{Answer, Client, FakeUpstream, GatewayBuilder, Recorded, Wire};
use http_body_util::Full;

use crate::support::{CHAT, MESSAGES, PROVIDER_KEY, SESSIONS, pieces};

/// Stands in everything that is personal or secret. The shop's users would be surprised to meet it in a log.
const MARK: &str = "xyzzy";

const METRICS: [&str; 11] = [
    "botwarden_requests_total",
    "botwarden_stage_seconds_bucket",
    "botwarden_added_seconds_bucket",
    "botwarden_upstream_first_byte_seconds_bucket",
    "botwarden_tokens_total",
    "botwarden_connections ",
    "botwarden_body_bytes ",
    "botwarden_requests_in_flight ",
    "botwarden_connections_refused_total",
    "botwarden_connections_cut_total",
    "botwarden_config_reloads_total",
];

/// Says the word in every way an upstream can.
fn indiscreet(asked: &Recorded) -> Answer {
    let how = asked.headers.get("x-how").map_or("", |value| value.to_str().unwrap());
    let document = format!(
        r#"{{"choices":[{{"message":{{"content":"{MARK}"}}}}],"usage":{{"prompt_tokens":1,"completion_tokens":1}}}}"#
    );
    let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{MARK}\"}}}}]}}\n\n");
    let error = format!(r#"{{"error":{{"message":"{MARK}","type":"{MARK} {MARK}","code":"{MARK} x"}}}}"#);
    match how {
        "stream" => Answer::events(pieces(&[&event, "data: [DONE]\n\n"])),
        "broken" => Answer::broken(pieces(&[&event])),
        "unreadable" => Answer::events(pieces(&[&format!("data: {{\"{MARK}\"\n\n")])),
        "key" => Answer::json(error).status(401),
        "error" => Answer::json(error).status(500).header("x-request-id", "req_up"),
        "elsewhere" => Answer::json(error).status(302).header("location", &format!("http://{MARK}/")),
        "hang up" => Answer::hang_up(),
        _ => Answer::json(document).header("x-secret", MARK),
    }
}

/// Uses everything there is with the word in every place that a caller fills.
async fn gossip(gateway: &botwarden_testkit::Gateway, secrets: &mut Vec<String>) {
    let chat = format!(
        r#"{{"model":"{MARK}","user":"{MARK}","messages":[{{"role":"system","content":"{MARK}"}},{{"role":"user","content":"{MARK}"}},{{"role":"assistant","tool_calls":[{{"id":"{MARK}","type":"function","function":{{"name":"{MARK}","arguments":"{MARK}"}}}}]}},{{"role":"tool","tool_call_id":"{MARK}","content":"{MARK}"}}],"{MARK}":"{MARK}"}}"#
    );
    let say = format!(
        r#"{{"model":"{MARK}","max_tokens":1,"metadata":{{"user_id":"{MARK}"}},"messages":[{{"role":"user","content":"{MARK}"}}]}}"#
    );
    for (bot, target, body) in [("shop", CHAT, &chat), ("desk", MESSAGES, &say)] {
        let key = gateway.issue(bot, &["chat", "assert-user"], &["--label", MARK]).await;
        let clients = [
            Client::connect(gateway.gateway, Some(&key.secret)).await,
            Client::connect_http2(gateway.gateway, Some(&key.secret)).await,
        ];
        for client in clients {
            let mut client = client
                .with("cookie", &format!("a={MARK}"))
                .with("x-custom", MARK)
                .with("x-botwarden-user", MARK)
                .with("traceparent", MARK);
            for how in ["", "stream", "broken", "unreadable", "key", "error", "elsewhere", "hang up"] {
                let request = client.request(http::Method::POST, target).header("x-how", how);
                let request = request.header("content-type", "application/json");
                client.send(request.body(Full::from(body.clone())).unwrap()).await;
            }
            for body in [MARK.to_owned(), format!(r#"{{"{MARK}":1,"{MARK}":2}}"#), format!("{body}{MARK}")] {
                assert_eq!(client.post(target, body).await.status, 400);
            }
            for target in [
                format!("/v1/{MARK}?{MARK}={MARK}"),
                format!("/v1/models/{MARK}"),
                format!("{target}?{MARK}"),
            ] {
                client.get(&target).await;
                client.post(&target, body.clone()).await;
            }
        }
        secrets.push(key.secret);
    }
    let unknown = format!("bw_{}", MARK.repeat(10));
    Client::connect(gateway.gateway, Some(&unknown)).await.with(MARK, MARK).post(CHAT, chat).await;
    let mut wire = Wire::connect(gateway.gateway).await;
    wire.send(format!("GET /{MARK} HTTP/1.1\r\n{MARK}\r\n\r\n")).await;
    wire.ended().await;
}

/// The backend's calls, with the word wherever it can stand.
async fn confide(gateway: &botwarden_testkit::Gateway, secrets: &mut Vec<String>) {
    let key = gateway.issue("shop", &["session"], &[]).await;
    let mut backend = Client::connect(gateway.gateway, Some(&key.secret)).await;
    let open = format!(r#"{{"user":"{MARK}","claims":{{"{MARK}":"{MARK}"}}}}"#);
    let opened = backend.post(SESSIONS, open).await;
    assert_eq!(opened.status, 201);
    let id = opened.json()["id"].as_str().unwrap().to_owned();
    let request = backend.request(http::Method::POST, &format!("{SESSIONS}/{id}/turns"));
    let request = request.header("idempotency-key", MARK).header("content-type", "application/json");
    let turn = request.body(Full::from(format!(r#"{{"text":"{MARK}"}}"#))).unwrap();
    assert_eq!(backend.send(turn).await.status, 201);
    assert_eq!(backend.post(SESSIONS, format!(r#"{{"user":"{MARK}","{MARK}":1}}"#)).await.status, 400);
    secrets.push(opened.json()["token"].as_str().unwrap().to_owned());
    secrets.push(key.secret.clone());
    gateway.revoke(&key).await;
}

async fn nothing_said_is_told(format: &str) {
    let upstream = FakeUpstream::start(indiscreet).await;
    let mut gateway = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
        .bot(
            "shop",
            "openai",
            &upstream.url(),
            "[[bot.limit]]\nper = \"user\"\nrequests = 30\nwindow = \"1d\"",
        )
        .bot("desk", "anthropic", &upstream.url(), "")
        .toml(&format!("[log]\nlevel = \"trace\"\nformat = \"{format}\"\n"))
        .toml("[bounds]\nconnections_per_address = 8\n[timeouts]\nbody = \"200ms\"\nidle = \"500ms\"\n")
        .start()
        .await;
    let mut secrets = vec![MARK.to_owned(), PROVIDER_KEY.to_owned()];
    gossip(&gateway, &mut secrets).await;
    confide(&gateway, &mut secrets).await;
    let mut crowd = Vec::new();
    for _ in 0..9 {
        crowd.push(Wire::connect(gateway.gateway).await);
    }
    for wire in &mut crowd {
        wire.ended().await;
    }
    gateway.edit("requests = 30", "requests = 31");
    gateway.logs("configuration reloaded", gateway.signal("HUP")).await;
    let metrics = gateway.ops("/metrics").await.1;
    for name in METRICS {
        assert!(metrics.contains(name), "{name} is missing:\n{metrics}");
    }
    gateway.signal("TERM").await;
    gateway.ended().await;
    let log = gateway.log();
    assert!(log.contains("chat_completions") && log.contains("malformed-request"), "{log}");
    for secret in &secrets {
        for (what, text) in [("log", &log), ("metrics", &metrics)] {
            let found = text.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(found, None, "the {what} tell `{secret}`");
        }
    }
}

#[tokio::test]
async fn logs_and_metrics_hold_nothing_that_was_said() {
    nothing_said_is_told("text").await;
}

#[tokio::test]
async fn logs_for_programs_hold_nothing_that_was_said_either() {
    nothing_said_is_told("json").await;
}

/// Nothing personal lies in the clear, either.
#[tokio::test]
async fn what_lies_on_disk_holds_nothing_that_was_said() {
    let upstream = FakeUpstream::start(indiscreet).await;
    let mut gateway = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
        .bot("shop", "openai", &upstream.url(), "")
        .bot("desk", "anthropic", &upstream.url(), "")
        .start()
        .await;
    let mut secrets = vec![PROVIDER_KEY.to_owned()];
    confide(&gateway, &mut secrets).await;
    // The label of a key is the operator's own; everything else is people's.
    secrets.push(MARK.to_owned());
    for stopped in ["killed", "ended"] {
        match stopped {
            "killed" => gateway.kill_and_restart().await,
            _ => {
                gateway.signal("TERM").await;
                gateway.ended().await;
            }
        }
        let mut files = vec![gateway.folder().join("botwarden-data")];
        let mut read = 0;
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                read += 1;
                for secret in &secrets {
                    let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                    assert!(!found, "{}: `{secret}` lies in the clear ({stopped})", path.display());
                }
            }
        }
        assert!(read > 1, "a root key and a database");
    }
}
