//! Tools that the vendor runs by itself: denied unless granted, whatever becomes of the others.

use botwarden_testkit::Answer;

use super::{CONTRACT, ask, shop};
use crate::audit::{entries, of_request};
use crate::support::{CHAT, MESSAGES, anthropic, pieces};

const SAID: &str = "Where is order 1001?";
const SEARCH: &str = r#","tools":[{"type":"web_search_20250305","name":"web_search"}]"#;
const OTHERS: [(&str, &str, &str); 9] = [
    ("openai", r#","plugins":[{"id":"web"}]"#, "plugin:web"),
    ("openai", r#","web_search_options":{}"#, "web_search"),
    ("openai", r#","tools":[{"type":"web_search_preview"}]"#, "web_search_preview"),
    ("openai", r#","tools":[{"type":"mcp","server_url":"https://evil.example"}]"#, "mcp"),
    // A name of the application's own beside the type changes nothing.
    (
        "anthropic",
        r#","tools":[{"type":"code_execution_20250825","name":"lookup_order"}]"#,
        "code_execution_20250825",
    ),
    ("anthropic", r#","tools":[{"type":"Custom","name":"lookup_order"}]"#, "Custom"),
    ("anthropic", r#","tools":[{"type":"mcp_toolset","mcp_server_name":"lookup_order"}]"#, "mcp_toolset"),
    (
        "anthropic",
        r#","mcp_servers":[{"type":"url","name":"x","url":"https://evil.example/mcp"}]"#,
        "mcp_server:https://evil.example/mcp",
    ),
    (
        "anthropic",
        r#","mcp_servers":[{"type":"url","name":"x","url":"https://tools.example.com@evil.example/mcp"}]"#,
        "",
    ),
];

fn path_of(dialect: &str) -> &'static str {
    if dialect == "openai" { CHAT } else { MESSAGES }
}

#[tokio::test]
async fn they_are_refused_unless_granted() {
    const GRANTED: &str = r#"vendor_tools = ["web_search_2025*", "mcp_server:https://tools.example.com/*"]"#;
    for dialect in ["openai", "anthropic"] {
        for mode in ["filter", "refuse"] {
            let shop = shop(dialect, &format!("tools_offered = \"{mode}\"\n{GRANTED}")).start().await;
            let mut client = shop.client_for("alice").await;
            let path = path_of(dialect);
            for (_, more, name) in OTHERS.into_iter().filter(|(of, ..)| *of == dialect) {
                let reply = client.post(path, ask(path, SAID, more)).await;
                assert_eq!(reply.decision(), (403, "vendor-tool-not-granted"), "{mode} {more}");
                let shown = if name.is_empty() { "a tool".to_owned() } else { format!("`{name}`") };
                assert!(reply.text().contains(&format!("the vendor runs {shown} by itself")), "{reply:?}");
            }
            assert_eq!(shop.upstream.requests(), 0);
            let servers =
                r#","mcp_servers":[{"type":"url","name":"x","url":"https://tools.example.com/mcp"}]"#;
            let fine = if path == CHAT { &[SEARCH][..] } else { &[SEARCH, servers] };
            for more in fine {
                assert_eq!(client.post(path, ask(path, SAID, more)).await.decision(), (200, "allowed"));
                assert_eq!(String::from_utf8_lossy(&shop.forwarded_last().body), ask(path, SAID, more));
            }
        }
    }
}

/// Where nothing is to be decided, nothing is.
#[tokio::test]
async fn an_open_bot_may_use_them_all() {
    let shop = anthropic().start().await;
    let mut client = shop.client_for("alice").await;
    for (_, more, _) in OTHERS.into_iter().filter(|(of, ..)| *of == "anthropic") {
        assert_eq!(client.post(MESSAGES, ask(MESSAGES, SAID, more)).await.decision(), (200, "allowed"));
        assert_eq!(String::from_utf8_lossy(&shop.forwarded_last().body), ask(MESSAGES, SAID, more));
    }
}

const RAN: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"server_tool_use","id":"s1","name":"NAME","input":{"query":"secret"}},{"type":"text","text":"Found it."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":12,"output_tokens":5}}"#;
const RAN_EVENTS: [&str; 4] = [
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":12,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"server_tool_use\",\"id\":\"s1\",\"name\":\"NAME\",\"input\":{\"query\":\"secret\"}}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
];

/// An upstream that runs what nobody asked it to run does not get its answer through.
#[tokio::test]
async fn an_answer_in_which_another_was_run_ends() {
    for (name, more, want) in [
        ("web_search", SEARCH, true),
        ("code_execution", SEARCH, false),
        ("web_search", "", false),
        ("Web_Search", SEARCH, false),
        ("fetch_page", "", true), // granted by that name
    ] {
        let shop = anthropic()
            .under(CONTRACT, "vendor_tools = [\"web_search_*\", \"fetch_page\"]")
            .answering(move |asked| {
                if asked.body.windows(13).any(|window| window == b"\"stream\":true") {
                    Answer::events(pieces(
                        &RAN_EVENTS.map(|text| text.replace("NAME", name)).each_ref().map(String::as_str),
                    ))
                } else {
                    Answer::json(RAN.replace("NAME", name))
                }
            })
            .await;
        let mut client = shop.client_for("alice").await;
        let whole = client.post(MESSAGES, ask(MESSAGES, SAID, more)).await;
        let streamed = client.post(MESSAGES, ask(MESSAGES, SAID, &format!(r#"{more},"stream":true"#))).await;
        if want {
            assert_eq!(
                (whole.decision(), whole.text()),
                ((200, "allowed"), RAN.replace("NAME", name).as_str())
            );
            assert_eq!(streamed.text(), RAN_EVENTS.concat().replace("NAME", name));
            continue;
        }
        assert_eq!(whole.decision(), (403, "vendor-tool-not-granted"), "{name} {more}");
        assert!(!whole.text().contains("secret"), "{whole:?}");
        assert!(
            streamed.text().contains("event: error") && !streamed.text().contains("secret"),
            "{streamed:?}"
        );
        let ids = [whole, streamed].map(|reply| reply.header("x-request-id").to_owned());
        let is_over =
            |all: &[serde_json::Value]| ids.iter().all(|id| !of_request(all, id, "outcome").is_empty());
        let all = entries(&shop.gateway, is_over).await;
        for id in &ids {
            let (ran, outcome) = (of_request(&all, id, "tool_call")[0], of_request(&all, id, "outcome")[0]);
            assert_eq!((&ran["tool"], &ran["verdict"]), (&name.into(), &"denied".into()));
            for entry in [ran, outcome] {
                assert_eq!(entry["reason"], "vendor-tool-not-granted");
            }
        }
    }
}
