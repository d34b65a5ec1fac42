//! Tools in the chat dialects, under a contract: what is offered to the model, and what of its calls reaches the application.

mod offered;
mod proposed;
mod vendors;

use botwarden_testkit::{Answer, Recorded};
use bytes::Bytes;

use crate::support::{CHAT, Setup, anthropic, openai};

/// What the shop's tools do.
pub(crate) const CONTRACT: &str = r#"
format = 1
server = "shop"

[tool.lookup_order]
effect = "read"
[tool.lookup_order.arguments]
order_id = "filter"

[tool.list_orders]
effect = "read"
[tool.list_orders.arguments]
customer_id = { role = "record", claim = "customer_id" }

[tool.refund]
effect  = "pay"
verbs   = ["refund*", "pay*"]
objects = ["refund*", "order*", "money"]
[tool.refund.arguments]
order_id = { role = "record", nouns = ["order"] }
iban     = "party"
"#;

/// A shop of that contract whose application is trusted to say who said what.
pub(crate) fn shop(dialect: &str, more: &str) -> Setup {
    let setup = if dialect == "openai" { openai() } else { anthropic() };
    setup.under(CONTRACT, &format!("user_turns = \"inline\"\n{more}"))
}

/// A function as OpenAI's SDK writes it.
pub(crate) fn function(name: &str) -> String {
    format!(r#"{{"type":"function","function":{{"name":"{name}","parameters":{{"type":"object"}}}}}}"#)
}

/// The same for Anthropic.
pub(crate) fn tool(name: &str) -> String {
    format!(r#"{{"name":"{name}","input_schema":{{"type":"object"}}}}"#)
}

/// A question in the dialect of that path, with more members.
pub(crate) fn ask(path: &str, said: &str, more: &str) -> String {
    let max = if path == CHAT { "" } else { r#""max_tokens":64,"# };
    format!(r#"{{"model":"m",{max}"messages":[{{"role":"user","content":"{said}"}}]{more}}}"#)
}

/// A call that a model proposes: its tool, and its arguments as the model writes them.
pub(crate) type Call = (&'static str, String);

/// A model that proposes those calls, whichever way it is asked, in pieces of some bytes.
pub(crate) fn proposing(
    calls: impl Fn(&Recorded) -> Vec<Call> + Send + Sync + 'static,
) -> impl Fn(&Recorded) -> Answer + Send + Sync + 'static {
    move |asked| {
        let calls = calls(asked);
        let is_stream = asked.body.windows(13).any(|window| window == b"\"stream\":true");
        match (asked.target == CHAT, is_stream) {
            (true, false) => Answer::json(completion(&calls)),
            (false, false) => Answer::json(message(&calls)),
            (true, true) => pieces(&chunks(&calls)),
            (false, true) => pieces(&events(&calls)),
        }
    }
}

fn pieces(stream: &str) -> Answer {
    Answer::events(stream.as_bytes().chunks(61).map(Bytes::copy_from_slice).collect())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

pub(crate) fn completion(calls: &[Call]) -> String {
    let call = |(at, (name, arguments)): (usize, &Call)| {
        format!(
            r#"{{"id":"call_{at}","type":"function","function":{{"name":"{name}","arguments":{}}}}}"#,
            quoted(arguments)
        )
    };
    let calls: Vec<String> = calls.iter().enumerate().map(call).collect();
    format!(
        r#"{{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":null,"tool_calls":[{}]}},"finish_reason":"tool_calls"}}],"usage":{{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}}}"#,
        calls.join(",")
    )
}

pub(crate) fn message(calls: &[Call]) -> String {
    let call = |(at, (name, arguments)): (usize, &Call)| {
        format!(r#"{{"type":"tool_use","id":"toolu_{at}","name":"{name}","input":{arguments}}}"#)
    };
    let calls: Vec<String> = calls.iter().enumerate().map(call).collect();
    format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{}],"stop_reason":"tool_use","stop_sequence":null,"usage":{{"input_tokens":12,"output_tokens":5}}}}"#,
        calls.join(",")
    )
}

/// The arguments a letter an event.
pub(crate) fn chunks(calls: &[Call]) -> String {
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let mut stream = chunk(r#"{"role":"assistant","content":"One moment."}"#, "null");
    for (at, (name, arguments)) in calls.iter().enumerate() {
        stream += &chunk(
            &format!(
                r#"{{"tool_calls":[{{"index":{at},"id":"call_{at}","type":"function","function":{{"name":"{name}","arguments":""}}}}]}}"#
            ),
            "null",
        );
        for letter in arguments.chars() {
            let letter = quoted(&letter.to_string());
            stream += &chunk(
                &format!(r#"{{"tool_calls":[{{"index":{at},"function":{{"arguments":{letter}}}}}]}}"#),
                "null",
            );
        }
    }
    stream + &chunk("{}", "\"tool_calls\"") + "data: [DONE]\n\n"
}

fn event(data: &str) -> String {
    let kind = data.split('"').nth(3).unwrap();
    format!("event: {kind}\ndata: {data}\n\n")
}

pub(crate) fn events(calls: &[Call]) -> String {
    let mut stream = event(
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"output_tokens":1}}}"#,
    );
    for (at, (name, arguments)) in calls.iter().enumerate() {
        stream += &event(&format!(
            r#"{{"type":"content_block_start","index":{at},"content_block":{{"type":"tool_use","id":"toolu_{at}","name":"{name}","input":{{}}}}}}"#
        ));
        for letter in arguments.chars() {
            let letter = quoted(&letter.to_string());
            stream += &event(&format!(
                r#"{{"type":"content_block_delta","index":{at},"delta":{{"type":"input_json_delta","partial_json":{letter}}}}}"#
            ));
        }
        stream += &event(&format!(r#"{{"type":"content_block_stop","index":{at}}}"#));
    }
    stream
        + &event(
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":5}}"#,
        )
        + &event(r#"{"type":"message_stop"}"#)
}

/// What an answer says in words, whichever way it came; and whether there is a call in it.
pub(crate) fn said(path: &str, text: &str) -> (String, bool) {
    let documents: Vec<serde_json::Value> = match serde_json::from_str(text) {
        Ok(whole) => vec![whole],
        Err(_) => text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter_map(|data| serde_json::from_str(data).ok())
            .collect(),
    };
    let words = documents.iter().flat_map(|document| {
        let whole = &document["choices"][0]["message"]["content"];
        let blocks = document["content"].as_array().into_iter().flatten().map(|block| &block["text"]);
        let streamed = [&document["choices"][0]["delta"]["content"], &document["delta"]["text"], whole];
        blocks.chain(streamed).filter_map(|text| text.as_str().map(str::to_owned)).collect::<Vec<_>>()
    });
    let sign = if path == CHAT { "tool_calls" } else { "tool_use" };
    (words.collect(), text.contains(sign))
}
