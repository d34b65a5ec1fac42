//! Calls that are not wanted any more.

use botwarden_testkit::{Answer, ToolEra, soon};

use super::{Desk, ORDERS, call, said_no};

async fn until(desk: &Desk, method: &str) -> Vec<String> {
    soon(method, async {
        loop {
            let asked = desk.server.asked(method);
            if !asked.is_empty() {
                return asked;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_client_cancels_its_own_call_and_no_other() {
    let desk = Desk::running(ToolEra::Sessions, "pin = \"off\"", |_| Answer::never()).await;
    let mut alice = desk.client().await.with("x-botwarden-user", "alice").with("mcp-session-id", "s1");
    let calling = alice.post(ORDERS, call("5", "refund", "{}"));
    let cancelling = async {
        let asked = until(&desk, "tools/call").await;
        let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#;
        for (user, session) in [("bob", "s1"), ("alice", "s2")] {
            let mut other =
                desk.client().await.with("x-botwarden-user", user).with("mcp-session-id", session);
            assert_eq!(other.post(ORDERS, cancel).await.status, 202);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(desk.server.asked("notifications/cancelled").is_empty(), "a call of somebody else");
        let mut same = desk.client().await.with("x-botwarden-user", "alice").with("mcp-session-id", "s1");
        assert_eq!(same.post(ORDERS, cancel).await.status, 202);
        asked
    };
    let (reply, asked) = tokio::join!(calling, cancelling);
    assert_eq!(reply.verdict(), "cancelled");
    assert!(said_no(&reply).contains("not known"));
    let cancelled = until(&desk, "notifications/cancelled").await;
    let ours = asked[0].split("\"id\":").nth(1).unwrap().split(',').next().unwrap();
    assert!(cancelled[0].contains(&format!("\"requestId\":{ours}}}")), "{cancelled:?}");
}

#[tokio::test]
async fn a_server_hears_that_a_client_has_hung_up() {
    let desk = Desk::running(ToolEra::Sessions, "pin = \"off\"", |_| Answer::never()).await;
    let mut client = desk.client().await;
    {
        let calling = client.post(ORDERS, call("5", "refund", "{}"));
        tokio::select! {
            _ = calling => panic!("it is never answered"),
            _ = until(&desk, "tools/call") => {}
        }
    }
    drop(client);
    until(&desk, "notifications/cancelled").await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_ended() {
    let desk =
        Desk::running(ToolEra::Stateless, "pin = \"off\"\ntimeout = \"300ms\"", |_| Answer::never()).await;
    let reply = desk.client().await.post(ORDERS, call("5", "refund", "{}")).await;
    assert_eq!(reply.verdict(), "upstream-timeout");
    assert!(said_no(&reply).contains("not known"));
    desk.server.upstream().answers_open(0).await;
}

#[tokio::test]
async fn a_call_ends_with_the_credential_it_stands_on() {
    let desk = Desk::running(ToolEra::Stateless, "pin = \"off\"", |_| Answer::never()).await;
    let key = desk.gateway.issue("shop", &["chat"], &[]).await;
    let mut client = super::client(&desk.gateway, &key.secret).await;
    let calling = client.post(ORDERS, call("5", "refund", "{}"));
    let revoking = async {
        until(&desk, "tools/call").await;
        desk.gateway.revoke(&key).await;
    };
    let (reply, ()) = tokio::join!(calling, revoking);
    assert_eq!(reply.verdict(), "cancelled");
    desk.server.upstream().answers_open(0).await;
}
