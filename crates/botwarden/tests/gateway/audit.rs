//! The audit log of a running gateway: every decision is in it, and none that was acknowledged is ever missing.

use std::collections::HashMap;
use std::sync::Arc;

use botwarden_testkit::{Answer, Client, Gateway};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::sessions::open;
use crate::support::{ANSWER, ASK, ASK_STREAM, CHAT, openai};

/// What is published of the log, by kind; `wanted` says when enough is.
pub(crate) async fn entries(gateway: &Gateway, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    loop {
        let output = gateway.command(&["audit", "export"]).await;
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let entries: Vec<Value> =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].take()).collect();
        if wanted(&entries) {
            return entries;
        }
    }
}

async fn verify(gateway: &Gateway) -> String {
    let output = gateway.command(&["audit", "verify"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

pub(crate) fn of_request<'e>(entries: &'e [Value], id: &str, kind: &str) -> Vec<&'e Value> {
    entries.iter().filter(|entry| entry["request"] == id && entry["kind"] == kind).collect()
}

#[tokio::test]
async fn every_request_leaves_its_decision_and_how_it_ended() {
    let shop = openai().rights(&["chat", "assert-user", "session"]).start().await;
    let mut client = shop.client_for("alice@example.com").await;
    let answered = client.post(CHAT, ASK).await.header("x-request-id").to_owned();
    let streamed = client.post(CHAT, ASK_STREAM).await.header("x-request-id").to_owned();
    let refused = client.post(CHAT, "{").await;
    let stranger = Client::connect(shop.gateway.gateway, Some("bw_nobody")).await.post(CHAT, ASK).await;
    let session = open(&mut shop.client().await, r#"{"user":"bob"}"#).await;
    let asked =
        shop.client_with(&session.token).await.post(CHAT, ASK).await.header("x-request-id").to_owned();

    let entries = entries(&shop.gateway, |entries| !of_request(entries, &asked, "outcome").is_empty()).await;
    assert_eq!(entries[0]["kind"], "start");
    for (id, verdict, outcome) in [
        (&answered, "allowed", "answered"),
        (&streamed, "allowed", "answered"),
        (&asked, "allowed", "answered"),
    ] {
        let (decision, ended) = (of_request(&entries, id, "decision"), of_request(&entries, id, "outcome"));
        assert_eq!((decision.len(), ended.len()), (1, 1), "{id}");
        assert_eq!(decision[0]["verdict"], verdict, "{id}");
        assert_eq!(decision[0]["model"], "gpt-4o-mini", "{id}");
        assert_eq!(decision[0]["user"].as_str().unwrap().len(), 64, "{id}: a commitment");
        assert_eq!((&ended[0]["outcome"], &ended[0]["status"]), (&outcome.into(), &200.into()), "{id}");
    }
    assert_eq!(of_request(&entries, &answered, "outcome")[0]["input_tokens"], 9);
    assert_eq!(of_request(&entries, &asked, "decision")[0]["session"], session.id.as_str());
    let denied = of_request(&entries, refused.header("x-request-id"), "decision");
    assert_eq!((&denied[0]["verdict"], &denied[0]["reason"]), (&"denied".into(), &refused.verdict().into()));
    let id = stranger.header("x-request-id");
    assert!(of_request(&entries, id, "decision").is_empty(), "strangers do not fill the log");
    let text = serde_json::to_string(&entries).unwrap();
    assert!(!text.contains("alice") && !text.contains("127.0.0.1"), "nothing personal is in the clear");
    verify(&shop.gateway).await;
}

#[tokio::test]
async fn what_changes_the_configuration_and_what_operators_do_is_in_it() {
    let shop = openai().start().await;
    let key = shop.gateway.issue("shop", &["chat"], &[]).await;
    shop.gateway.revoke(&key).await;
    shop.gateway
        .logs("configuration reloaded", async {
            shop.gateway.edit("models = [\"*\"]", "models = [\"gpt-*\"]")
        })
        .await;
    let entries = entries(&shop.gateway, |entries| {
        entries.iter().filter(|entry| entry["kind"] == "configuration").count() == 2
    })
    .await;
    let actions: Vec<_> = entries
        .iter()
        .filter(|entry| entry["kind"] == "operator")
        .map(|entry| (entry["action"].as_str().unwrap(), entry["target"].as_str().unwrap()))
        .collect();
    assert_eq!(actions, [("key.issue", "shop"), ("key.issue", "shop"), ("key.revoke", key.id.as_str())]);
    let changes: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "configuration").collect();
    assert_eq!(changes[1]["before"], changes[0]["after"]);
    assert_eq!(changes[1]["generation"], 1);
    verify(&shop.gateway).await;
}

/// No configuration decides about anything before it is on disk that it does.
#[tokio::test]
async fn a_configuration_that_cannot_be_written_down_does_not_come_into_force() {
    let limit = "per = \"user\"\nrequests = 7\nwindow = \"1d\"";
    let shop = openai().limit(limit).start().await;
    shop.gateway.fill_disk().await;
    shop.gateway.edit("requests = 7", "requests = 8");
    shop.gateway.logs("configuration not reloaded", shop.gateway.signal("HUP")).await;
    let log = shop.gateway.log();
    assert!(log.contains("writing the audit log: the audit log cannot take it"), "{log}");
    shop.gateway.make_room().await;
    let reply = shop.client_for("alice").await.post(CHAT, ASK).await;
    assert_eq!((reply.status, reply.header("x-ratelimit-limit-requests")), (200, "7"));
    shop.gateway.logs("configuration reloaded", shop.gateway.signal("HUP")).await;
    let reply = shop.client_for("alice").await.post(CHAT, ASK).await;
    assert_eq!((reply.status, reply.header("x-ratelimit-limit-requests")), (200, "8"));
    let changes = entries(&shop.gateway, |entries| {
        entries.iter().filter(|entry| entry["kind"] == "configuration").count() >= 2
    })
    .await;
    let changes: Vec<_> = changes.iter().filter(|entry| entry["kind"] == "configuration").collect();
    assert_eq!((changes.len(), &changes[1]["generation"]), (2, &1.into()), "what was refused does not count");
    verify(&shop.gateway).await;
}

/// How often the gateway is killed.
fn kills() -> usize {
    if cfg!(feature = "prove") { 100 } else { 4 }
}

/// Clients ask as fast as they can, the gateway is killed at any moment: whatever was answered has its decision in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_decision_is_missing_after_a_kill() {
    let mut shop = openai().answering(|_| Answer::json(ANSWER)).await;
    let answered = Arc::new(Mutex::new(Vec::new()));
    let mut known = 0;
    for round in 0..kills() {
        let clients: Vec<_> = (0..8)
            .map(|number| {
                let (address, key, answered) = (shop.gateway.gateway, shop.key.clone(), answered.clone());
                tokio::spawn(async move {
                    let client = Client::connect(address, Some(&key)).await;
                    let mut client = client.with("x-botwarden-user", &format!("user {number}"));
                    while let Some(reply) = client.try_post(CHAT, ASK).await {
                        assert_eq!(reply.status, 200);
                        answered.lock().await.push(reply.header("x-request-id").to_owned());
                    }
                })
            })
            .collect();
        // A different number of answers each time: a different moment.
        while answered.lock().await.len() < known + 20 + 37 * (round % 7) {
            tokio::task::yield_now().await;
        }
        shop.gateway.kill_and_restart().await;
        for client in clients {
            client.await.unwrap();
        }
        known = answered.lock().await.len();
    }
    verify(&shop.gateway).await;
    // The start of the last process stands behind everything that came before.
    let starts = |entries: &[Value]| entries.iter().filter(|entry| entry["kind"] == "start").count();
    let entries = entries(&shop.gateway, |entries| starts(entries) > kills()).await;
    assert_eq!(starts(&entries), kills() + 1);
    let mut decisions: HashMap<&str, usize> = HashMap::new();
    for entry in entries.iter().filter(|entry| entry["kind"] == "decision") {
        *decisions.entry(entry["request"].as_str().unwrap()).or_default() += 1;
    }
    let answered = answered.lock().await;
    let missing: Vec<_> = answered.iter().filter(|id| decisions.get(id.as_str()) != Some(&1)).collect();
    assert!(missing.is_empty(), "{} of {} answered: {missing:?}", missing.len(), answered.len());
    println!("{} kills, {} answers, none without its decision", kills(), answered.len());
}
