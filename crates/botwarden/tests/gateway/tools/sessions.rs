//! Sessions that servers keep: nobody meets another's.

use botwarden_testkit::{Answer, ToolEra};
use http_body_util::Full;

use super::{Desk, ORDERS, call};

#[tokio::test]
async fn each_user_has_a_session_of_their_own() {
    let desk = Desk::running(ToolEra::Sessions, "pin = \"off\"", |called| {
        let session = called.headers["mcp-session-id"].to_str().unwrap().to_owned();
        called.result(&format!(r#"{{"content":[],"in":"{session}"}}"#))
    })
    .await;
    let session = async |user: &str| {
        let mut client = desk.client().await.with("x-botwarden-user", user);
        client.post(ORDERS, call("1", "refund", "{}")).await.json()["result"]["in"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (alice, bob) = (session("alice").await, session("bob").await);
    assert_ne!(alice, bob);
    assert_eq!((session("alice").await, session("bob").await), (alice.clone(), bob));
    assert_eq!(desk.server.sessions(), 2);

    let mut client = desk.client().await.with("x-botwarden-user", "alice");
    let request = client.request(http::Method::DELETE, ORDERS).body(Full::default()).unwrap();
    assert_eq!(client.send(request).await.status, 204);
    let ended = desk.server.recorded().into_iter().filter(|asked| asked.method == http::Method::DELETE);
    let ended: Vec<_> =
        ended.map(|asked| asked.headers["mcp-session-id"].to_str().unwrap().to_owned()).collect();
    assert_eq!(ended, [alice.clone()], "the server learns of it, and nobody else's is touched");
    assert_ne!(session("alice").await, alice);
}

#[tokio::test]
async fn a_session_that_a_server_has_forgotten_is_opened_anew_by_the_next_call() {
    let desk = Desk::running(ToolEra::Sessions, "pin = \"off\"", |called| {
        if called.headers["mcp-session-id"] == "session-0" {
            return Answer::json("").status(404);
        }
        called.result(r#"{"content":[]}"#)
    })
    .await;
    let mut client = desk.client().await;
    let reply = client.post(ORDERS, call("1", "refund", "{}")).await;
    assert_eq!(reply.verdict(), "upstream-session");
    assert!(super::said_no(&reply).contains("call again"));
    assert_eq!(client.post(ORDERS, call("1", "refund", "{}")).await.decision(), (200, "allowed"));
    assert_eq!(desk.server.asked("tools/call").len(), 2, "no request is sent twice");
}

#[tokio::test]
async fn servers_without_sessions_are_agreed_with_once() {
    for (era, method) in [(ToolEra::Handshake, "initialize"), (ToolEra::Stateless, "server/discover")] {
        let desk = Desk::start(era, "pin = \"off\"").await;
        for user in ["alice", "bob", "carol"] {
            let mut client = desk.client().await.with("x-botwarden-user", user);
            assert_eq!(client.post(ORDERS, call("1", "refund", "{}")).await.decision(), (200, "allowed"));
        }
        assert_eq!(desk.server.asked(method).len(), 1, "{era:?}");
    }
}
