use super::*;
use crate::json::Document;
use crate::{Bounds, ReadErrorKind};

fn read(body: &str) -> Result<Message, Unread> {
    read_message(body.as_bytes(), &Bounds::default())
}

fn ask(body: &str) -> Ask {
    read(body).unwrap().ask
}

#[test]
fn messages() {
    let call = |name: &str, arguments: &str| Ask::CallTool { name: name.into(), arguments: arguments.into() };
    for (name, body, want) in [
        (
            "the handshake",
            r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c"}}}"#,
            Ask::Initialize { version: "2025-06-18".into() },
        ),
        ("discovery", r#"{"jsonrpc":"2.0","id":"a","method":"server/discover"}"#, Ask::Discover),
        ("a ping", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Ask::Ping),
        (
            "a list",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#,
            Ask::ListTools { cursor: None },
        ),
        (
            "its next page",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"2"}}"#,
            Ask::ListTools { cursor: Some("2".into()) },
        ),
        (
            "a call, its arguments byte for byte",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{ "b":1.0, "a" : "\u00e9"},"name":"x"}}"#,
            call("x", r#"{ "b":1.0, "a" : "\u00e9"}"#),
        ),
        (
            "a name in escapes is the name",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\u0078"}}"#,
            call("x", "{}"),
        ),
        (
            "a cancellation",
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a","reason":"late"}}"#,
            Ask::Cancel { request: id(r#""a""#) },
        ),
        ("another notification", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, Ask::Noted),
        (
            "a method of tricks",
            r#"{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"x"}}"#,
            Ask::Unknown,
        ),
        (
            "a call without an id runs nothing",
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"}}"#,
            Ask::Noted,
        ),
        ("resources", r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#, Ask::Unknown),
    ] {
        assert_eq!(ask(body), want, "{name}");
    }
}

fn id(json: &str) -> Id {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{json},"method":"ping"}}"#);
    read(&body).unwrap().id.unwrap()
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    for (name, body, want) in [
        ("a batch", r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, ReadErrorKind::Field),
        ("not JSON", r#"{"jsonrpc":"2.0""#, ReadErrorKind::Malformed),
        ("two messages", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#, ReadErrorKind::Malformed),
        (
            "a name twice",
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#,
            ReadErrorKind::Malformed,
        ),
        (
            "a name twice, in escapes",
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/list"}"#,
            ReadErrorKind::Malformed,
        ),
        (
            "a name in other letters",
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/list"}"#,
            ReadErrorKind::Malformed,
        ),
        ("no version", r#"{"id":1,"method":"ping"}"#, ReadErrorKind::Field),
        ("another version", r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, ReadErrorKind::Field),
        ("no method", r#"{"jsonrpc":"2.0","id":1}"#, ReadErrorKind::Field),
        ("an id of null", r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, ReadErrorKind::Field),
        ("an id of a fraction", r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, ReadErrorKind::Field),
        ("an id of an object", r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, ReadErrorKind::Field),
        ("an answer", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, ReadErrorKind::Field),
        (
            "a call of nothing",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
            ReadErrorKind::Field,
        ),
        (
            "two tools",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
            ReadErrorKind::Malformed,
        ),
        (
            "an argument twice",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"to":"a","to":"b"}}}"#,
            ReadErrorKind::Malformed,
        ),
        (
            "arguments in a text",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":"{}"}}"#,
            ReadErrorKind::Field,
        ),
        (
            "a task",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","task":{"ttl":1}}}"#,
            ReadErrorKind::Field,
        ),
        (
            "params in a list",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[1]}"#,
            ReadErrorKind::Field,
        ),
    ] {
        let unread = read(body).unwrap_err();
        assert_eq!(unread.error.kind(), want, "{name}: {}", unread.error);
        assert!(!unread.error.to_string().is_empty());
    }
    let unread = read(r#"{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{}}"#).unwrap_err();
    assert_eq!(unread.id.unwrap().as_json(), r#""q""#, "its sender learns which of its requests that was");
}

#[test]
fn ids_stay_as_they_were_written() {
    for text in ["0", "-7", "123456789012345678901234567890", r#""a""#, r#""\u0061""#, r#""""#] {
        let result = result_body(&id(text), b"{}");
        assert_eq!(
            String::from_utf8(result).unwrap(),
            format!(r#"{{"jsonrpc":"2.0","id":{text},"result":{{}}}}"#)
        );
    }
    let long = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "a".repeat(ID_BYTES_MAX));
    assert!(read(&long).is_err());
}

#[test]
fn envelopes_of_the_stateless_era() {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"com.example/user":"mallory"}}}"#;
    let message = read(body).unwrap();
    assert_eq!(message.version.as_deref(), Some(STATELESS_VERSION));
    assert!(message.has_capabilities);
    assert_eq!(message.progress.unwrap().as_json(), "7");
}

#[test]
fn what_servers_send() {
    let read = |body: &str| read_answer(body.as_bytes(), &Bounds::default());
    for (name, body, want) in [
        (
            "a result, byte for byte",
            r#"{"jsonrpc":"2.0","id":3,"result":{ "content":[ ] }}"#,
            FromServer::Result {
                id: Id::number(3),
                result: r#"{ "content":[ ] }"#.into(),
                is_complete: true,
            },
        ),
        (
            "a wish for input",
            r#"{"jsonrpc":"2.0","id":3,"result":{"resultType":"input_required"}}"#,
            FromServer::Result {
                id: Id::number(3),
                result: r#"{"resultType":"input_required"}"#.into(),
                is_complete: false,
            },
        ),
        (
            "an error",
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"no"}}"#,
            FromServer::Error { id: Some(Id::number(3)), code: -32602, message: "no".into(), data: None },
        ),
        (
            "an error about nothing",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what"}}"#,
            FromServer::Error { id: None, code: -32700, message: "what".into(), data: None },
        ),
        (
            "progress",
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":9,"progress":0.50,"total":1,"message":"secret"}}"#,
            FromServer::Progress { token: Id::number(9), progress: "0.50".into(), total: Some("1".into()) },
        ),
        (
            "a change",
            r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#,
            FromServer::ToolsChanged,
        ),
        (
            "words for the log",
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#,
            FromServer::Other,
        ),
        (
            "a question to the model",
            r#"{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{}}"#,
            FromServer::Request { id: id(r#""s""#), method: "sampling/createMessage".into() },
        ),
    ] {
        assert_eq!(read(body), Ok(want), "{name}");
    }
    for body in [
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"result":{}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#,
    ] {
        assert!(read(body).is_err(), "{body}");
    }
}

#[test]
fn requests_to_servers() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert_eq!(
        text(call_to_server(5, "pay", r#"{"a": 1.0}"#, true, false)),
        r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"pay","arguments":{"a": 1.0},"_meta":{"progressToken":5}}}"#
    );
    let stateless = text(call_to_server(5, "pay", "{}", false, true));
    assert!(
        stateless.contains(r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28""#),
        "{stateless}"
    );
    for body in [
        stateless.into_bytes(),
        handshake_to_server(1),
        notification_to_server("notifications/cancelled", Some(4)),
        notification_to_server("notifications/initialized", None),
        request_to_server(
            2,
            "tools/list",
            &Params { cursor: Some("a\"b"), is_stateless: true, ..Params::default() },
        ),
        request_to_server(2, "tools/list", &Params::default()),
        reply_to_server(&Id::number(1), "ping"),
        reply_to_server(&Id::number(1), "sampling/createMessage"),
        unsupported_version(None, "2027\""),
        initialized(&Id::number(1), "2025-06-18", Some("be \"kind\"")),
        discovered(&Id::number(1), None),
        progress(&id("\"t\""), "1", Some("2")),
    ] {
        assert!(Document::parse(&body, &Bounds::default()).is_ok(), "{}", String::from_utf8_lossy(&body));
    }
}

#[test]
fn versions_are_negotiated() {
    for (asked, want) in [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("zzz", "2025-11-25"),
    ] {
        let body = initialized(&Id::number(1), asked, None);
        let document = Document::parse(&body, &Bounds::default()).unwrap();
        let version = document.root().get("result").unwrap().get("protocolVersion").unwrap();
        assert_eq!(version.as_str().unwrap(), want, "{asked}");
    }
}

#[test]
fn a_list_keeps_every_byte_but_the_name() {
    let first = r#"{ "description":"Pays.\u00e9", "name" : "pay", "x":1.0 }"#;
    let second =
        r#"{"name":"r\u0065ad","inputSchema":{"type":"object","properties":{"name":{"type":"string"}}}}"#;
    let page = format!(r#"{{"tools":[{first},{second}],"nextCursor":"n"}}"#);
    let page = read_page(page.as_bytes(), &Bounds::default()).unwrap();
    assert_eq!(page.next.as_deref(), Some("n"));
    let names: Vec<_> = page.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["pay", "read"]);
    let renamed = |at: usize, name: &str| {
        let mut out = Vec::new();
        rename(&mut out, &page.tools[at], name);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(renamed(0, "bank__pay"), first.replace("\"pay\"", "\"bank__pay\""));
    assert_eq!(renamed(1, "b__read"), second.replace("\"r\\u0065ad\"", "\"b__read\""));
    let plain = page.tools.iter().map(|tool| (tool.name.as_str().into(), tool));
    let body = String::from_utf8(listed(&Id::number(1), plain, None, false)).unwrap();
    assert_eq!(body, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{first},{second}]}}}}"#));
}

#[test]
fn results_say_their_type_where_they_must() {
    let result = |result: &str, stateless: bool| {
        String::from_utf8(call_result(&Id::number(1), result.as_bytes(), stateless, &Bounds::default()))
            .unwrap()
    };
    for (text, want) in [
        (r#"{"content":[]}"#, r#"{"resultType":"complete","content":[]}"#),
        ("{ }", r#"{"resultType":"complete" }"#),
        (r#"{"resultType":"complete","content":[]}"#, r#"{"resultType":"complete","content":[]}"#),
        (
            r#"{"content":[{"type":"text","text":"\"resultType\""}]}"#,
            r#"{"resultType":"complete","content":[{"type":"text","text":"\"resultType\""}]}"#,
        ),
    ] {
        assert_eq!(result(text, true), format!(r#"{{"jsonrpc":"2.0","id":1,"result":{want}}}"#));
        assert_eq!(result(text, false), format!(r#"{{"jsonrpc":"2.0","id":1,"result":{text}}}"#));
    }
}

/// Vectors of `encode_header_value`, `mcp/shared/inbound.py` of the Python SDK 2.3.0.
#[test]
fn header_values() {
    for (plain, header) in [
        ("get_weather", "get_weather"),
        ("", ""),
        (" edge", "=?base64?IGVkZ2U=?="),
        ("héllo", "=?base64?aMOpbGxv?="),
        ("a\nb", "=?base64?YQpi?="),
        ("=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?="),
    ] {
        assert_eq!(header_value(plain), header);
        assert_eq!(plain_value(header).as_deref(), Some(plain));
    }
    for bad in ["=?base64?YR==?=", "=?base64?Y?=", "=?base64?_w==?=", "=?base64?/w==?="] {
        assert_eq!(plain_value(bad), None, "{bad}");
    }
}

#[test]
fn arguments_that_a_schema_wants_in_headers() {
    let definition = r#"{"name":"q","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"deep":{"properties":{"n":{"type":"integer","x-mcp-header":"N"}}},"free":{"type":"string"},"odd":{"x-mcp-header":"a b"}}}}"#;
    let arguments = r#"{"region":"eu","deep":{"n":4},"free":"x","odd":"y"}"#;
    let headers = param_headers(definition, arguments, &Bounds::default());
    let want = [("mcp-param-region", "eu"), ("mcp-param-n", "4")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(headers, want);
    assert!(param_headers(r#"{"name":"q"}"#, "{}", &Bounds::default()).is_empty());
}
