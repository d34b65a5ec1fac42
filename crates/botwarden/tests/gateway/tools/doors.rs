//! Who comes in: credentials, names, web pages.

use botwarden_testkit::{Client, ToolEra};
use bytes::Bytes;
use http_body_util::Full;

use super::{ALL, Desk, LIST, ORDERS, gateway};

#[tokio::test]
async fn strangers_are_told_where_to_look() {
    let desk = Desk::start(ToolEra::Handshake, "pin = \"off\"").await;
    let address = desk.gateway.gateway;
    for (path, at) in [(ALL, "/mcp"), (ORDERS, "/mcp/orders"), ("/mcp/nobody", "/mcp/nobody")] {
        let mut stranger = Client::connect(address, None).await;
        let reply = stranger.post(path, LIST).await;
        assert_eq!(
            reply.decision(),
            (401, "no-credential"),
            "which servers there are is no stranger's business"
        );
        let place = format!("http://{address}/.well-known/oauth-protected-resource{at}");
        assert_eq!(reply.header("www-authenticate"), format!("Bearer resource_metadata=\"{place}\""));
        let metadata = stranger.get(&format!("/.well-known/oauth-protected-resource{at}")).await;
        assert_eq!(metadata.status, 200);
        assert_eq!(metadata.json()["resource"], format!("http://{address}{at}"));
        assert_eq!(metadata.json()["bearer_methods_supported"], serde_json::json!(["header"]));
    }
    let mut stranger = Client::connect(address, Some("bw_nobody")).await;
    assert_eq!(stranger.post(ALL, LIST).await.decision(), (401, "bad-credential"));
    assert_eq!(stranger.get("/.well-known/oauth-protected-resource/v1").await.decision(), (404, "not-found"));
    let backend = desk.gateway.key("shop", &["session"]).await;
    assert_eq!(
        Client::connect(address, Some(&backend)).await.post(ALL, LIST).await.decision(),
        (403, "no-right")
    );
    assert!(desk.server.recorded().is_empty());
}

#[tokio::test]
async fn pages_and_names_of_others_are_turned_away() {
    let server = "[[bot.tool_server]]\nname = \"orders\"\nurl = \"http://127.0.0.1:9/mcp\"\n";
    let plain = gateway(server, "").await;
    for (host, origin, decision) in [
        ("localhost:4000", None, (200, "allowed")),
        ("127.0.0.1", Some("http://localhost:3000"), (200, "allowed")),
        ("[::1]:4000", Some("http://[::1]:3000"), (200, "allowed")),
        ("evil.example", None, (403, "foreign-host")),
        ("bot.example.com", None, (403, "foreign-host")),
        ("localhost.evil.example:4000", None, (403, "foreign-host")),
        ("localhost", Some("https://evil.example"), (403, "foreign-origin")),
        ("localhost", Some("http://localhost.evil.example"), (403, "foreign-origin")),
        ("localhost", Some("null"), (403, "foreign-origin")),
    ] {
        let key = plain.key("shop", &["chat"]).await;
        let mut client = Client::connect(plain.gateway, None).await;
        let mut request = http::Request::post(ALL)
            .header("host", host)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let body = Full::new(Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#));
        let reply = client.send(request.body(body).unwrap()).await;
        assert_eq!(reply.decision(), decision, "{host} {origin:?}");
    }
}

#[tokio::test]
async fn there_is_no_stream_to_open_and_a_session_may_end() {
    let desk = Desk::start(ToolEra::Handshake, "pin = \"off\"").await;
    let mut client = desk.client().await;
    let reply = client.get(ALL).await;
    assert_eq!((reply.decision(), reply.header("allow")), ((405, "method-not-allowed"), "POST"));
    let request = client.request(http::Method::DELETE, ALL).body(Full::default()).unwrap();
    assert_eq!(client.send(request).await.decision(), (204, "allowed"));
}
