//! A call and its result, byte for byte; and what of a client does not reach a server.

use botwarden_testkit::ToolEra;

use super::{ALL, Desk, ORDERS, RESULT, call, envelope, stateless};

const OPEN: &str = "pin = \"off\"\ntoken = { env = \"TOOL_TOKEN\" }";
const ARGUMENTS: &str = r#"{ "order":4711, "why" : "caf\u00e9", "sum":1.50 }"#;

#[tokio::test]
async fn bytes_pass_both_ways_between_all_eras() {
    for era in [ToolEra::Sessions, ToolEra::Handshake, ToolEra::Stateless] {
        let desk = Desk::start(era, OPEN).await;
        let mut client = desk.client().await;
        for (path, tool) in [(ORDERS, "refund"), (ALL, "orders__refund")] {
            let reply = client.post(path, call("\"a\\u0062\"", tool, ARGUMENTS)).await;
            assert_eq!(reply.decision(), (200, "allowed"), "{era:?} {path}: {}", reply.text());
            let want = format!(r#"{{"jsonrpc":"2.0","id":"a\u0062","result":{RESULT}}}"#);
            assert_eq!(reply.text(), want, "{era:?} {path}");
        }
        let mut client = stateless(desk.client().await, "tools/call", "refund").await;
        let params = format!(r#""name":"refund","arguments":{ARGUMENTS}"#);
        let reply = client.post(ORDERS, envelope("7", "tools/call", &params)).await;
        let result = RESULT.replacen('{', r#"{"resultType":"complete","#, 1);
        assert_eq!(reply.text(), format!(r#"{{"jsonrpc":"2.0","id":7,"result":{result}}}"#), "{era:?}");
        for body in desk.server.asked("tools/call") {
            assert!(body.contains(&format!(r#""name":"refund","arguments":{ARGUMENTS}"#)), "{era:?}: {body}");
        }
        assert_eq!(desk.server.asked("tools/call").len(), 3);
    }
}

#[tokio::test]
async fn nothing_else_of_a_client_reaches_a_server() {
    let desk = Desk::start(ToolEra::Sessions, OPEN).await;
    let mut client = desk.client().await.with("cookie", "a=b").with("x-custom", "from-the-client");
    let meta = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"refund","arguments":{},"extra":1,"_meta":{"progressToken":"t","com.example/user":"mallory","traceparent":"x"}}}"#;
    assert_eq!(client.post(ORDERS, meta).await.decision(), (200, "allowed"));
    for asked in desk.server.recorded() {
        let text = format!("{:?} {}", asked.headers, String::from_utf8_lossy(&asked.body));
        for word in
            [desk.key.as_str(), "from-the-client", "a=b", "mallory", "com.example", "extra", "traceparent"]
        {
            assert!(!text.contains(word), "{word}: {text}");
        }
        assert_eq!(asked.headers["authorization"], "Bearer tool-secret");
        assert_eq!(asked.headers["accept-encoding"], "identity");
    }
    let asked = desk.server.asked("tools/call");
    assert!(asked[0].contains(r#""_meta":{"progressToken":"#), "{asked:?}");
    assert!(!asked[0].contains(r#""progressToken":"t""#), "under a name of our own");
}

#[tokio::test]
async fn a_stateless_server_hears_again_in_its_head_what_it_is_asked() {
    let desk = Desk::start(ToolEra::Stateless, OPEN).await;
    desk.client().await.post(ORDERS, call("1", "refund", "{}")).await;
    let recorded = desk.server.recorded();
    let last = recorded.last().unwrap();
    assert_eq!(last.headers["mcp-protocol-version"], "2026-07-28");
    assert_eq!(last.headers["mcp-method"], "tools/call");
    assert_eq!(last.headers["mcp-name"], "refund");
    let body: serde_json::Value = serde_json::from_slice(&last.body).unwrap();
    let meta = &body["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(
        meta["io.modelcontextprotocol/clientCapabilities"],
        serde_json::json!({}),
        "servers may ask nothing"
    );
}

#[tokio::test]
async fn what_a_server_says_badly_is_said_to_the_agent() {
    use botwarden_testkit::Answer;
    let desk = Desk::running(ToolEra::Handshake, OPEN, |called| match called.body.contains("look_up") {
        true => Answer::json(format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32602,"message":"no such order"}}}}"#,
            called.id
        )),
        false if called.body.contains("\"bad\"") => {
            Answer::json("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"result\":{}}")
        }
        false if called.body.contains("\"page\"") => Answer::pieces("text/html", vec!["<p>".into()]),
        false if called.body.contains("\"away\"") => {
            Answer::json("").status(302).header("location", "http://evil.example")
        }
        false if called.body.contains("\"key\"") => Answer::json("{}").status(401),
        false if called.body.contains("\"input\"") => called.result(r#"{"resultType":"input_required"}"#),
        false if called.body.contains("\"other\"") => {
            Answer::json(r#"{"jsonrpc":"2.0","id":99999,"result":{}}"#)
        }
        false => Answer::hang_up(),
    })
    .await;
    let mut client = desk.client().await;
    let reply = client.post(ORDERS, call("1", "look_up", "{}")).await;
    assert_eq!(reply.verdict(), "upstream-error");
    assert!(super::said_no(&reply).contains("no such order"));
    for (what, verdict) in [
        ("bad", "upstream-answer"),
        ("page", "upstream-answer"),
        ("away", "upstream-answer"),
        ("input", "upstream-answer"),
        ("other", "upstream-answer"),
        ("key", "upstream-key"),
        ("hang up", "upstream-broken"),
    ] {
        let reply = client.post(ORDERS, call("1", "refund", &format!(r#"{{"a":"{what}"}}"#))).await;
        assert_eq!(reply.verdict(), verdict, "{what}: {}", reply.text());
        assert!(!super::said_no(&reply).contains("evil"), "{what}");
    }
}

#[tokio::test]
async fn results_have_a_bound_and_large_ones_pass() {
    let big = |bytes: usize| format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "a".repeat(bytes));
    let desk = Desk::running(ToolEra::Handshake, OPEN, move |called| {
        called.result(&big(if called.tool == "refund" { 8 << 20 } else { 17 << 20 }))
    })
    .await;
    let mut client = desk.client().await;
    let reply = client.post(ORDERS, call("1", "refund", "{}")).await;
    assert_eq!((reply.verdict(), reply.body.len() > 8 << 20), ("allowed", true));
    let reply = client.post(ORDERS, call("1", "look_up", "{}")).await;
    assert_eq!(reply.verdict(), "upstream-answer");
    assert!(super::said_no(&reply).contains("bounds.answer"));
}
