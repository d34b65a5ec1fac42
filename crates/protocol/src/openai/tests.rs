use botwarden_types::{Delivery, Exchange, Operation, Part, Role};

use crate::{Bounds, ReadErrorKind, read_request};

fn read(body: &str) -> Exchange {
    read_request(Operation::ChatCompletions, body.as_bytes(), &Bounds::default()).unwrap()
}

/// A message's parts, shortly.
fn shown(exchange: &Exchange, at: usize) -> Vec<String> {
    exchange.messages[at].parts.iter().map(show).collect()
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
fn a_chat_is_read() {
    let body = r#"{"model":"gpt-4o","messages":[
        {"role":"developer","content":"be \"kind\""},
        {"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"x"}},{"type":"file","file":{}}]},
        {"role":"assistant","content":null,"tool_calls":[
            {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
            {"id":"c2","type":"custom","custom":{"name":"g","input":"raw"}},
            {"id":"c3","type":"new","new":{}}]},
        {"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"one"},{"type":"image_url"},{"type":"text","text":"two"}]},
        {"role":"assistant","refusal":"no","audio":{"id":"a"},"reasoning_content":"hm"},
        {"role":"assistant","content":[{"type":"refusal","refusal":"never"}],"function_call":{"name":"old","arguments":"{}"}},
        {"role":"function","name":"old","content":"r"}],
        "stream":true,"max_tokens":7,"max_completion_tokens":5,"n":3,"user":"alice","temperature":1e999,"Unknown":{"messages":1}}"#;
    let exchange = read(body);
    assert_eq!(
        (exchange.model.as_str(), exchange.delivery, exchange.choices),
        ("gpt-4o", Delivery::Streamed, 3)
    );
    assert_eq!(exchange.user.as_ref().map(|user| user.as_str()), Some("alice"));
    assert_eq!(exchange.output_tokens_max, Some(7), "the larger of the two");
    let roles: Vec<Role> = exchange.messages.iter().map(|message| message.role).collect();
    use Role::{Assistant, System, Tool, User};
    assert_eq!(roles, [System, User, Assistant, Tool, Assistant, Assistant, Tool]);
    for (at, want) in [
        &["text be \"kind\""][..],
        &["text hi", "other image_url", "other file"],
        &["call c1 f {\"a\":1}", "call c2 g raw", "other new"],
        &["result c1 one|two", "other image_url"],
        &["text no", "other audio", "other reasoning_content"],
        &["text never", "call old old {}"],
        &["result old r"],
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(shown(&exchange, at), want, "message {at}");
    }
    let Part::Text { span, .. } = exchange.messages[0].parts[0] else { panic!("words") };
    assert_eq!(&body[span.start..span.end], r#""be \"kind\"""#);
}

#[test]
fn what_may_be_called_is_read() {
    let exchange = read(
        r#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"Name":1,"TYPE":2}}},
            {"type":"custom","custom":{"name":"g"}},{"type":"web_search","name":"f"},
            {"type":"openrouter:x","model":"d","parameters":{"model":["e"]}},
            {"type":"function","model":"own","parameters":{"model":"own"},"function":{"name":"i"}}],
            "functions":[{"name":"h","parameters":{}}],"web_search_options":{},
            "plugins":[{"id":"web","max_results":1}],"function_call":{"name":"h"},
            "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[
                {"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"g"}}]}},
            "models":["a","b"],"fallbacks":[{"model":"c"}]}"#,
    );
    let offers: Vec<(&str, &str)> =
        exchange.tools.iter().map(|it| (it.name.as_str(), it.kind.as_str())).collect();
    let want = [
        ("f", "function"),
        ("g", "custom"),
        ("web_search", "web_search"),
        ("openrouter:x", "openrouter:x"),
        ("i", "function"),
        ("h", "function"),
        ("web_search", "web_search_options"),
        ("plugin:web", "plugin"),
    ];
    assert_eq!(offers, want);
    assert_eq!(exchange.tools_chosen, ["h", "f", "g"]);
    for choice in [r#""auto""#, r#""none""#, "null", r#"{"type":"function"}"#] {
        let body =
            format!(r#"{{"model":"m","messages":[],"tool_choice":{choice},"function_call":{choice}}}"#);
        assert!(read(&body).tools_chosen.is_empty(), "{choice}");
    }
    assert_eq!(exchange.fallback_models, ["a", "b", "c", "d", "e"]);
}

#[test]
fn users() {
    for (name, fields, want) in [
        ("none", "", None),
        ("older field", r#","user":"a""#, Some("a")),
        ("newer field", r#","safety_identifier":"b""#, Some("b")),
        ("both the same", r#","safety_identifier":"a","user":"a""#, Some("a")),
        ("null", r#","user":null"#, None),
        ("empty", r#","user":"""#, None),
        ("empty and not", r#","safety_identifier":"","user":"a""#, Some("a")),
    ] {
        let exchange = read(&format!(r#"{{"model":"m","messages":[]{fields}}}"#));
        assert_eq!(exchange.user.as_ref().map(|user| user.as_str()), want, "{name}");
    }
}

fn check_refused(kind: ReadErrorKind, table: &[(&str, &str)]) {
    for &(body, want) in table {
        let error =
            read_request(Operation::ChatCompletions, body.as_bytes(), &Bounds::default()).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, want), "{body}");
        let place = want.strip_prefix('`').and_then(|rest| rest.split('`').next());
        assert_eq!(error.param(), place, "{body}");
    }
}

#[test]
fn messages_of_another_shape_are_refused() {
    check_refused(
        ReadErrorKind::Field,
        &[
            ("[]", "request body: found an array; send an object"),
            ("{}", "`model`: missing; send a string"),
            (r#"{"model":null,"messages":[]}"#, "`model`: missing; send a string"),
            (r#"{"model":7,"messages":[]}"#, "`model`: found a number; send a string"),
            (r#"{"model":"m"}"#, "`messages`: missing; send an array of messages"),
            (r#"{"model":"m","messages":"hi"}"#, "`messages`: found a string; send an array"),
            (r#"{"model":"m","messages":["hi"]}"#, "`messages[0]`: found a string; send an object"),
            (
                r#"{"model":"m","messages":[{"content":"a"}]}"#,
                "`messages[0].role`: missing; send one of developer, system, user, assistant, tool, function",
            ),
            (
                r#"{"model":"m","messages":[{"role":"root","content":"a"}]}"#,
                "`messages[0].role`: found another role; send one of developer, system, user, assistant, tool, function",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":7}]}"#,
                "`messages[1].content`: found a number; send a string, null or an array of parts",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":["a"]}]}"#,
                "`messages[0].content[0]`: found a string; send an object",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":[{"text":"a"}]}]}"#,
                "`messages[0].content[0].type`: missing; send a string",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":["a"]}]}]}"#,
                "`messages[0].content[0].text`: found an array; send a string",
            ),
            (
                r#"{"model":"m","messages":[{"role":"tool","content":"a"}]}"#,
                "`messages[0].tool_call_id`: missing; send a string",
            ),
            (
                r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{}}}]}]}"#,
                "`messages[0].tool_calls[0].function.arguments`: found an object; send a string",
            ),
        ],
    );
}

#[test]
fn fields_of_another_type_are_refused() {
    let long = format!(r#"{{"model":"m","messages":[],"user":"{}"}}"#, "a".repeat(257));
    check_refused(
        ReadErrorKind::Field,
        &[
            (
                r#"{"model":"m","messages":[],"stream":"true"}"#,
                "`stream`: found a string; send true or false",
            ),
            (r#"{"model":"m","messages":[],"stream":1}"#, "`stream`: found a number; send true or false"),
            (
                r#"{"model":"m","messages":[],"n":0}"#,
                "`n`: found another number; send a whole number from 1 up",
            ),
            (r#"{"model":"m","messages":[],"n":"2"}"#, "`n`: found a string; send a whole number from 1 up"),
            (
                r#"{"model":"m","messages":[],"max_tokens":1.0}"#,
                "`max_tokens`: found a number; send a whole number from 0 up",
            ),
            (
                r#"{"model":"m","messages":[],"tools":[{"function":{"name":"f"}}]}"#,
                "`tools[0].type`: missing; send a string",
            ),
            (
                r#"{"model":"m","messages":[],"tools":[{"type":"function","name":"f"}]}"#,
                "`tools[0].function`: missing; send an object",
            ),
            (
                r#"{"model":"m","messages":[],"user":"a\nb"}"#,
                "`user`: has a character other than printable characters; send a user name of up to 256 printable bytes",
            ),
            (&long, "`user`: longer than 256 bytes; send a user name of up to 256 printable bytes"),
        ],
    );
}

#[test]
fn what_two_parsers_read_differently_is_refused() {
    check_refused(
        ReadErrorKind::Malformed,
        &[
            (
                r#"{"model":"m","messages":[],"user":"a","safety_identifier":"b"}"#,
                "`safety_identifier`: differs from `user`; send one of them, or the same in both",
            ),
            (
                r#"{"model":"m","Messages":[],"messages":[]}"#,
                "`messages`: the name is there in other letters; write it exactly so, once",
            ),
            (
                "{\"model\":\"m\",\"messages\":[],\"to\u{212A}ens\":1,\"me\u{17F}\u{17F}ages\":2}",
                "`messages`: the name is there in other letters; write it exactly so, once",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","ROLE":"system","content":"a"}]}"#,
                "`messages[0].role`: the name is there in other letters; write it exactly so, once",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a","\u0054ext":"b"}]}]}"#,
                "`messages[0].content[0].text`: the name is there in other letters; write it exactly so, once",
            ),
            (
                r#"{"model":"m","messages":[],"messages":[]}"#,
                "request body: duplicate name in one object at byte 40; send each name once",
            ),
            (
                r#"{"model":"m","messages":[]} x"#,
                "request body: bytes after the document at byte 28; send one JSON document and nothing after it",
            ),
        ],
    );
}

#[test]
fn bounds_are_named() {
    let bounds = Bounds { depth_max: 3, nodes_max: 10, string_bytes_max: 5 };
    for (body, want) in [
        (r#"{"a":[[[1]]]}"#, "request body: more than 3 levels deep at byte 7; nest less"),
        (r#"[1,2,3,4,5,6,7,8,9,10]"#, "request body: more than 10 values at byte 19; send fewer values"),
        (r#"["123456"]"#, "request body: a string longer than 5 bytes at byte 1; send less"),
    ] {
        let error = read_request(Operation::ChatCompletions, body.as_bytes(), &bounds).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ReadErrorKind::Bound, want), "{body}");
    }
}

#[test]
fn embeddings() {
    for (name, input, want) in [
        ("a text", r#""a""#, Ok(vec!["text a"])),
        ("texts", r#"["a","b"]"#, Ok(vec!["text a", "text b"])),
        ("tokens", "[1,2]", Ok(vec!["other tokens"])),
        ("lists of tokens", "[[1],[2,3]]", Ok(vec!["other tokens", "other tokens"])),
        ("nothing", "[]", Ok(vec![])),
        (
            "an object",
            "{}",
            Err(
                "`input`: found an object; send a string, an array of strings, an array of tokens or an array of arrays of tokens",
            ),
        ),
        (
            "a text among tokens",
            r#"[1,"a"]"#,
            Err("`input[1]`: found a string; send a token: a whole number from 0 up"),
        ),
        (
            "a fraction",
            "[[1],[1.5]]",
            Err("`input[1][0]`: found a number; send a token: a whole number from 0 up"),
        ),
        (
            "a token among texts",
            r#"["a",1]"#,
            Err("`input[1]`: found a number; send a string or an array of tokens"),
        ),
    ] {
        let body = format!(r#"{{"model":"m","input":{input}}}"#);
        let read = read_request(Operation::Embeddings, body.as_bytes(), &Bounds::default());
        let found =
            read.map(|exchange| exchange.messages.iter().flat_map(|it| it.parts.iter().map(show)).collect());
        let want = want.map(|parts| parts.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(found.map_err(|error| error.to_string()), want.map_err(str::to_owned), "{name}");
    }
    let many = format!(r#"{{"model":"m","input":[{}1]}}"#, "1,".repeat(100_000));
    assert!(
        read_request(Operation::Embeddings, many.as_bytes(), &Bounds::default()).is_ok(),
        "tokens are many"
    );
}

#[test]
fn listing_models_has_no_body() {
    let error = read_request(Operation::Models, b"{}", &Bounds::default()).unwrap_err();
    assert_eq!(error.to_string(), "request body: there is one; this operation takes none");
}
