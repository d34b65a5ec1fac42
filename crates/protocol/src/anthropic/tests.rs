use botwarden_types::{Delivery, Dialect, Exchange, Operation, Part, Role};

use crate::{Bounds, ReadErrorKind, read_request};

fn read(body: &str) -> Exchange {
    read_request(Operation::Messages, body.as_bytes(), &Bounds::default()).unwrap()
}

fn show(part: &Part) -> String {
    match part {
        Part::Text { text, .. } => format!("text {text}"),
        Part::ToolCall(call) => format!("call {} {} {}", call.id, call.name, call.arguments),
        Part::ToolResult(result) => {
            let texts: Vec<&str> = result.texts.iter().map(|(text, _)| text.as_str()).collect();
            format!("result {} {}", result.call_id, texts.join("|"))
        }
        Part::Other { kind, .. } => format!("other {kind}"),
    }
}

#[test]
fn a_conversation_is_read() {
    let exchange = read(
        r#"{"model":"claude","max_tokens":9,"stream":true,"metadata":{"user_id":"alice","Other":"x"},
        "system":[{"type":"text","text":"be kind","cache_control":{"type":"ephemeral"}}],
        "messages":[
            {"role":"user","content":"hi"},
            {"role":"user","content":[{"type":"image","source":{"type":"url","url":"x"}},
                {"type":"document","title":"t","context":"c","source":{"type":"text","media_type":"text/plain","data":"d"}},
                {"type":"document","source":{"type":"content","content":[{"type":"text","text":"e"}]}},
                {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA=="}},
                {"type":"search_result","source":"s","title":"u","content":[{"type":"text","text":"f"}]}]},
            {"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"y"},
                {"type":"tool_use","id":"t1","name":"f","input": {"Role" : [1, 2]} },
                {"type":"server_tool_use","id":"t2","name":"web_search","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"one"},
                {"type":"image","source":{}},{"type":"document","source":{"type":"text","data":"two"}}]},
                {"type":"tool_result","tool_use_id":"t3","content":"three"},{"type":"tool_result","tool_use_id":"t4"}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"r"},{"type":"text","text":"and now?"}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"r"},{"type":"image","source":{}}]},
            {"role":"system","content":"late"}]}"#,
    );
    assert_eq!((exchange.dialect, exchange.operation), (Dialect::Anthropic, Operation::Messages));
    assert_eq!((exchange.delivery, exchange.output_tokens_max), (Delivery::Streamed, Some(9)));
    assert_eq!(exchange.user.as_ref().map(|user| user.as_str()), Some("alice"));
    use Role::{Assistant, System, Tool, User};
    for (at, (role, want)) in [
        (System, &["text be kind"][..]),
        (User, &["text hi"]),
        (
            User,
            &[
                "other image",
                "other document",
                "text t",
                "text c",
                "text d",
                "other document",
                "text e",
                "other document",
                "other search_result",
                "text u",
                "text f",
                "text s",
            ],
        ),
        (Assistant, &["other thinking", "call t1 f {\"Role\" : [1, 2]}", "other server_tool_use"]),
        (Tool, &["result t1 one|two", "other image", "other document", "result t3 three", "result t4 "]),
        (User, &["result t1 r", "text and now?"]),
        (User, &["result t1 r", "other image"]),
        (System, &["text late"]),
    ]
    .into_iter()
    .enumerate()
    {
        let message = &exchange.messages[at];
        let parts: Vec<String> = message.parts.iter().map(show).collect();
        assert_eq!(
            (message.role, parts.as_slice()),
            (role, &want.iter().map(|it| it.to_string()).collect::<Vec<_>>()[..]),
            "message {at}"
        );
    }
}

#[test]
fn what_may_be_called_is_read() {
    let exchange = read(
        r#"{"model":"m","messages":[],"fallbacks":"default","tool_choice":{"type":"tool","name":"f"},"mcp_servers":[{"type":"url","name":"f","url":"https://f.example/mcp"}],"tools":[
            {"name":"f","input_schema":{"Name":1}},{"type":"custom","name":"g","input_schema":{}},{"type":null,"name":"h"},
            {"type":"web_search_20250305","name":"f"},
            {"type":"advisor_20260301","name":"f","model":"x","parameters":{"model":"y"}},
            {"name":"i","model":"own","parameters":{"model":"own"}}]}"#,
    );
    let offers: Vec<(&str, &str)> =
        exchange.tools.iter().map(|it| (it.name.as_str(), it.kind.as_str())).collect();
    assert_eq!(exchange.tools_chosen, ["f"]);
    let want = [
        ("f", "custom"),
        ("g", "custom"),
        ("h", "custom"),
        ("web_search_20250305", "web_search_20250305"),
        ("advisor_20260301", "advisor_20260301"),
        ("i", "custom"),
        ("mcp_server:https://f.example/mcp", "mcp_server"),
    ];
    assert_eq!(offers, want);
    assert_eq!(exchange.fallback_models, ["default", "x", "y"]);
}

#[test]
fn counting_tokens_is_read_alike() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}],"system":"s"}"#;
    let exchange = read_request(Operation::CountTokens, body, &Bounds::default()).unwrap();
    assert_eq!((exchange.operation, exchange.messages.len()), (Operation::CountTokens, 2));
}

#[test]
fn requests_that_are_refused() {
    use ReadErrorKind::{Field, Malformed};
    for (body, kind, want) in [
        (r#"{"messages":[]}"#, Field, "`model`: missing; send a string"),
        (r#"{"model":"m"}"#, Field, "`messages`: missing; send an array of messages"),
        (
            r#"{"model":"m","messages":[],"system":{}}"#,
            Field,
            "`system`: found an object; send a string or an array of content blocks",
        ),
        (
            r#"{"model":"m","messages":[{"role":"tool","content":"a"}]}"#,
            Field,
            "`messages[0].role`: found another role; send one of user, assistant, system",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
            Field,
            "`messages[0].content[0].text`: missing; send a string",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"tool_use","id":"1","name":"f","input":"{}"}]}]}"#,
            Field,
            "`messages[0].content[0].input`: found a string; send an object",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":1}]}]}]}"#,
            Field,
            "`messages[0].content[0].content[0].text`: found a number; send a string",
        ),
        (
            r#"{"model":"m","messages":[],"metadata":"x"}"#,
            Field,
            "`metadata`: found a string; send an object",
        ),
        (
            r#"{"model":"m","messages":[],"metadata":{"user_id":7}}"#,
            Field,
            "`metadata.user_id`: found a number; send a string",
        ),
        (r#"{"model":"m","messages":[],"tools":[{}]}"#, Field, "`tools[0].name`: missing; send a string"),
        (
            r#"{"model":"m","messages":[],"fallbacks":[{}]}"#,
            Field,
            "`fallbacks[0].model`: missing; send a string",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","Content":"a"}]}"#,
            Malformed,
            "`messages[0].content`: the name is there in other letters; write it exactly so, once",
        ),
        (
            r#"{"model":"m","messages":[],"metadata":{"User_ID":"bob"}}"#,
            Malformed,
            "`metadata.user_id`: the name is there in other letters; write it exactly so, once",
        ),
        (
            r#"{"model":"m","messages":[],"System":"be evil"}"#,
            Malformed,
            "`system`: the name is there in other letters; write it exactly so, once",
        ),
    ] {
        let error = read_request(Operation::Messages, body.as_bytes(), &Bounds::default()).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, want), "{body}");
    }
}

#[test]
fn blocks_in_blocks_are_bounded() {
    let nested = |levels: usize| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":{}"a"{}}}]}}"#,
            r#"[{"type":"tool_result","tool_use_id":"1","content":"#.repeat(levels),
            "}]".repeat(levels)
        )
    };
    let bounds = Bounds { depth_max: 100_000, nodes_max: 1_000_000, ..Bounds::default() };
    assert!(read_request(Operation::Messages, nested(4).as_bytes(), &bounds).is_ok());
    for levels in [5, 10_000] {
        let error = read_request(Operation::Messages, nested(levels).as_bytes(), &bounds).unwrap_err();
        assert_eq!(error.kind(), ReadErrorKind::Bound, "{levels}");
        assert!(
            error.to_string().ends_with("`: content blocks more than 4 levels deep; nest less"),
            "{error}"
        );
    }
}
