//! What is refused, in JSON-RPC, and reaches no server.

use botwarden_testkit::ToolEra;

use super::{ALL, Desk, LIST, ORDERS, call, envelope, said_no, stateless};

#[tokio::test]
async fn what_can_be_read_in_two_ways_reaches_no_server() {
    let desk = Desk::start(ToolEra::Handshake, "pin = \"off\"").await;
    let mut client = desk.client().await;
    for (name, body, decision, code) in [
        ("no JSON", "{", (400, "malformed-request"), -32700),
        ("a batch", "[]", (400, "bad-field"), -32602),
        (
            "a method twice",
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#,
            (400, "malformed-request"),
            -32700,
        ),
        (
            "a tool twice",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look_up","name":"refund"}}"#,
            (400, "malformed-request"),
            -32700,
        ),
        (
            "a tool in two cases",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look_up","Name":"refund"}}"#,
            (400, "malformed-request"),
            -32700,
        ),
        (
            "an argument twice",
            &call("1", "refund", r#"{"to":"a","t\u006f":"b"}"#),
            (400, "malformed-request"),
            -32700,
        ),
        ("a lone surrogate", &call("1", "refund", r#"{"to":"\ud800"}"#), (400, "malformed-request"), -32700),
        ("no id", r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#, (400, "bad-field"), -32602),
        ("an answer", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, (400, "bad-field"), -32602),
        (
            "a task",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"refund","task":{}}}"#,
            (400, "bad-field"),
            -32602,
        ),
    ] {
        let reply = client.post(ORDERS, body.to_owned()).await;
        assert_eq!((reply.decision(), &reply.json()["error"]["code"]), (decision, &code.into()), "{name}");
        assert_eq!(reply.json()["error"]["data"]["reason"], decision.1, "{name}");
    }
    assert!(desk.server.recorded().is_empty());
}

#[tokio::test]
async fn methods_and_tools_in_other_letters_are_none() {
    let desk = Desk::start(ToolEra::Handshake, "pin = \"off\"").await;
    let mut client = desk.client().await;
    for method in
        ["Tools/Call", "tools/Call", "tools/call ", "resources/list", "prompts/get", "sampling/createMessage"]
    {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"refund"}}}}"#);
        let reply = client.post(ORDERS, body).await;
        assert_eq!(
            (reply.decision(), &reply.json()["error"]["code"]),
            ((200, "no-method"), &(-32601).into())
        );
    }
    for (path, tool) in [
        (ORDERS, "Refund"),
        (ORDERS, "refund "),
        (ORDERS, "orders__refund"),
        (ORDERS, "ref\u{200b}und"),
        (ALL, "refund"),
        (ALL, "Orders__refund"),
        (ALL, "orders_refund"),
        (ALL, "nobody__refund"),
        (ALL, "__refund"),
        (ALL, "orders__"),
    ] {
        let reply = client.post(path, call("1", tool, "{}")).await;
        assert_eq!(reply.verdict(), "no-tool", "{path} {tool}");
        assert_eq!(said_no(&reply), "there is no such tool");
    }
    assert!(desk.server.asked("tools/call").is_empty());
}

#[tokio::test]
async fn what_the_head_says_otherwise_is_refused_in_the_stateless_era() {
    let desk = Desk::start(ToolEra::Handshake, "pin = \"off\"").await;
    let params = r#""name":"refund","arguments":{}"#;
    let sound = envelope("1", "tools/call", params);
    for (name, headers, body, decision, code) in [
        (
            "all as it must be",
            vec![
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/call"),
                ("mcp-name", "refund"),
            ],
            sound.clone(),
            (200, "allowed"),
            None,
        ),
        (
            "the name in base64",
            vec![
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/call"),
                ("mcp-name", "=?base64?cmVmdW5k?="),
            ],
            sound.clone(),
            (200, "allowed"),
            None,
        ),
        (
            "no version in the head",
            vec![("mcp-method", "tools/call"), ("mcp-name", "refund")],
            sound.clone(),
            (400, "header-mismatch"),
            Some(-32020),
        ),
        (
            "another method",
            vec![
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/list"),
                ("mcp-name", "refund"),
            ],
            sound.clone(),
            (400, "header-mismatch"),
            Some(-32020),
        ),
        (
            "another tool",
            vec![
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/call"),
                ("mcp-name", "look_up"),
            ],
            sound.clone(),
            (400, "header-mismatch"),
            Some(-32020),
        ),
        (
            "two tools",
            vec![
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/call"),
                ("mcp-name", "refund"),
                ("mcp-name", "look_up"),
            ],
            sound.clone(),
            (400, "two-headers"),
            Some(-32600),
        ),
        (
            "no envelope",
            vec![
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/call"),
                ("mcp-name", "refund"),
            ],
            call("1", "refund", "{}"),
            (400, "bad-field"),
            Some(-32602),
        ),
        (
            "a version to come",
            vec![
                ("mcp-protocol-version", "2027-01-01"),
                ("mcp-method", "tools/call"),
                ("mcp-name", "refund"),
            ],
            sound.replace("2026-07-28", "2027-01-01"),
            (400, "protocol-version"),
            Some(-32022),
        ),
        (
            "a version to come without an envelope",
            vec![("mcp-protocol-version", "2027-01-01")],
            LIST.to_owned(),
            (400, "protocol-version"),
            Some(-32022),
        ),
        (
            "an unknown method",
            vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", "resources/list")],
            envelope("1", "resources/list", ""),
            (404, "no-method"),
            Some(-32601),
        ),
    ] {
        let mut client = desk.client().await;
        for (name, value) in headers {
            client = client.with(name, value);
        }
        let reply = client.post(ORDERS, body).await;
        assert_eq!(reply.decision(), decision, "{name}: {}", reply.text());
        if let Some(code) = code {
            assert_eq!(reply.json()["error"]["code"], code, "{name}");
        }
        if decision.1 == "protocol-version" {
            assert_eq!(reply.json()["error"]["data"]["supported"], serde_json::json!(["2026-07-28"]));
        }
    }
    assert_eq!(desk.server.asked("tools/call").len(), 2);
}

#[tokio::test]
async fn limits_say_when_to_come_again() {
    let more = "pin = \"off\"\n[[bot.limit]]\nper = \"user\"\nrequests = 2\nwindow = \"60s\"";
    let desk = Desk::start(ToolEra::Handshake, more).await;
    let mut client = desk.client().await.with("x-botwarden-user", "alice");
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for _ in 0..3 {
        assert_eq!(client.post(ALL, ping).await.decision(), (200, "allowed"), "it costs nothing");
    }
    let reply = client.post(ORDERS, call("1", "refund", "{}")).await;
    assert_eq!(reply.header("x-ratelimit-remaining-requests"), "1");
    assert_eq!(client.post(ORDERS, LIST).await.decision(), (200, "allowed"));
    let reply = client.post(ORDERS, call("\"x\"", "refund", "{}")).await;
    assert_eq!(reply.decision(), (429, "rate-limit"));
    let error = reply.json();
    assert_eq!((&error["id"], &error["error"]["code"]), (&"x".into(), &(-32000).into()));
    assert!(error["error"]["message"].as_str().unwrap().contains("Rate limit exceeded"), "{error}");
    assert!(reply.header("retry-after").parse::<u64>().unwrap() > 0);
    let mut bob = desk.client().await.with("x-botwarden-user", "bob");
    assert_eq!(bob.post(ORDERS, call("1", "refund", "{}")).await.decision(), (200, "allowed"));
    assert_eq!(desk.server.asked("tools/call").len(), 2);
}

#[tokio::test]
async fn handshakes_agree_on_what_both_speak() {
    let desk = Desk::start(ToolEra::Handshake, "pin = \"off\"").await;
    let mut client = desk.client().await;
    for (asked, want) in
        [("2025-03-26", "2025-03-26"), ("2025-11-25", "2025-11-25"), ("1999-01-01", "2025-11-25")]
    {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{asked}","capabilities":{{}},"clientInfo":{{"name":"t","version":"1"}}}}}}"#
        );
        let reply = client.post(ALL, body).await;
        let result = &reply.json()["result"];
        assert_eq!(
            (result["protocolVersion"].as_str(), &result["serverInfo"]["name"]),
            (Some(want), &"botwarden".into())
        );
        assert_eq!(result["capabilities"], serde_json::json!({ "tools": {} }));
        assert!(!reply.header("mcp-session-id").is_empty());
    }
    let noted = client.post(ALL, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!((noted.status, noted.text()), (202, ""));
    let mut client = stateless(desk.client().await, "server/discover", "").await;
    let reply = client.post(ALL, envelope("1", "server/discover", "")).await;
    assert_eq!(reply.json()["result"]["supportedVersions"], serde_json::json!(["2026-07-28"]));
    assert_eq!(reply.header("mcp-session-id"), "");
    assert!(desk.server.recorded().is_empty(), "nobody else is asked");
}
