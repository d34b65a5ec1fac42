//! Tools offered.

use crate::synthetic::Truth;
use crate::synthetic::json::{Json, Object};
use crate::synthetic::random::Random;
use crate::synthetic::words;

pub(super) fn offers(random: &Random, body: Object, truth: &mut Truth) -> Object {
    let mut body = body;
    if random.chance(40) {
        let tools: Vec<Json> = (0..random.between(1, 4)).map(|_| offer(random, truth)).collect();
        truth.tools += tools.len();
        body = body.with("tools", tools).maybe(random, 50, "tool_choice", choice);
    }
    if random.chance(4) {
        truth.tools += 1;
        truth.vendor_tools = true;
        let server =
            Object::of("url").with("url", "https://mcp.example.com").with("name", words::word(random));
        body = body.with("mcp_servers", vec![Json::from(server)]);
    }
    body
}

fn offer(random: &Random, truth: &mut Truth) -> Json {
    if random.chance(85) {
        let tool =
            Object::default().with("name", words::word(random)).with("input_schema", words::schema(random));
        let tool = tool.maybe(random, 20, "type", |random| {
            if random.chance(50) { Json::from("custom") } else { Json::null() }
        });
        let tool = tool.maybe(random, 80, "description", words::text);
        let tool = tool.maybe(random, 20, "cache_control", |_| Object::of("ephemeral").with("ttl", "1h"));
        return words::with_unknown(random, tool.maybe(random, 10, "strict", |_| true)).into();
    }
    truth.vendor_tools = true;
    let (kind, name) = random.pick(&[
        ("bash_20250124", "bash"),
        ("text_editor_20250728", "str_replace_based_edit_tool"),
        ("web_search_20250305", "web_search"),
        ("web_fetch_20250910", "web_fetch"),
        ("code_execution_20250825", "code_execution"),
        ("memory_20250818", "memory"),
    ]);
    Object::of(kind).with("name", name).maybe(random, 40, "max_uses", |_| 5_usize).into()
}

fn choice(random: &Random) -> Json {
    match random.below(4) {
        0 => Object::of("auto").with("disable_parallel_tool_use", true).into(),
        1 => Object::of("any").into(),
        2 => Object::of("none").into(),
        _ => Object::of("tool").with("name", words::word(random)).into(),
    }
}
