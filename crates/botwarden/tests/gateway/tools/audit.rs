//! Calls in the audit log: each before it is made.

use botwarden_testkit::ToolEra;

use super::{ALL, Desk, ORDERS, call};
use crate::audit::{entries, of_request};

#[tokio::test]
async fn each_call_is_in_the_log_with_what_was_decided() {
    let desk = Desk::start(ToolEra::Handshake, "pin = \"off\"").await;
    let mut client = desk.client().await.with("x-botwarden-user", "alice");
    for (path, tool, verdict) in
        [(ORDERS, "refund", "allowed"), (ALL, "orders__refund", "allowed"), (ALL, "orders__steal", "denied")]
    {
        let reply = client.post(path, call("\"c1\"", tool, r#"{"order":4711}"#)).await;
        let id = reply.header("x-request-id").to_owned();
        let all = entries(&desk.gateway, |all| !of_request(all, &id, "outcome").is_empty()).await;
        let kinds: Vec<_> =
            all.iter().filter(|entry| entry["request"] == id.as_str()).map(|entry| &entry["kind"]).collect();
        assert_eq!(kinds, ["decision", "tool_call", "outcome"]);
        let entry = of_request(&all, &id, "tool_call")[0];
        let full = if path == ALL { tool.to_owned() } else { format!("orders__{tool}") };
        assert_eq!(
            (&entry["tool"], &entry["place"], &entry["verdict"]),
            (&full.into(), &"called".into(), &verdict.into())
        );
        assert_eq!(of_request(&all, &id, "decision")[0]["operation"], "tools_call");
        assert!(!serde_json::to_string(&all).unwrap().contains("4711"));
    }
    let verified = desk.gateway.command(&["audit", "verify"]).await;
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}

#[tokio::test]
async fn one_that_cannot_be_written_down_is_not_made() {
    let desk = Desk::start(ToolEra::Handshake, "pin = \"off\"").await;
    let mut client = desk.client().await;
    assert_eq!(client.post(ORDERS, call("1", "refund", "{}")).await.decision(), (200, "allowed"));
    desk.gateway.fill_disk().await;
    let reply = client.post(ORDERS, call("2", "refund", "{}")).await;
    assert_eq!((reply.status, &reply.json()["error"]["data"]["reason"]), (503, &"unrecorded".into()));
    desk.gateway.make_room().await;
    assert_eq!(desk.server.asked("tools/call").len(), 1);
}
