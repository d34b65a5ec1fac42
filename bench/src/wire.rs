//! The bytes that every contestant carries: one question, one answer, one stream, as the vendors' APIs speak them.

use std::fmt::Write as _;

/// The model that all questions name.
pub const MODEL: &str = "gpt-4o-mini";

/// How many events a streamed answer has, `[DONE]` included.
pub const EVENTS: usize = 64;

/// Users that the questions name in turn, so that per-user state is touched and not one hot entry.
pub const USERS: usize = 1024;

/// The header that names the user. Only Botwarden reads it; the others carry the same bytes.
pub const USER_HEADER: &str = "x-botwarden-user";

/// Whether the answer comes whole or as events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    Whole,
    Stream,
}

/// The body of a question, about 350 bytes.
pub fn question(delivery: Delivery) -> String {
    let stream = if delivery == Delivery::Stream { ",\"stream\":true" } else { "" };
    format!(
        "{{\"model\":\"{MODEL}\",\"messages\":[{{\"role\":\"system\",\"content\":\"You are the assistant of a small \
         shop. Answer in one or two friendly sentences.\"}},{{\"role\":\"user\",\"content\":\"Hello! I ordered a blue \
         kettle last Tuesday and the page still says that it is being packed. When will it be sent, and can I change \
         the address until then?\"}}],\"temperature\":0.2,\"max_tokens\":128{stream}}}"
    )
}

/// The whole answer of Chat Completions, about 450 bytes.
pub const ANSWER: &str = concat!(
    r#"{"id":"chatcmpl-9vX2kQ1mZrT4","object":"chat.completion","created":1730000000,"model":"gpt-4o-mini","#,
    r#""choices":[{"index":0,"message":{"role":"assistant","content":"Your kettle leaves our warehouse tomorrow "#,
    r#"morning. You can change the address until then under Orders."},"logprobs":null,"finish_reason":"stop"}],"#,
    r#""usage":{"prompt_tokens":62,"completion_tokens":21,"total_tokens":83},"system_fingerprint":"fp_bench","#,
    r#""service_tier":"default"}"#
);

/// The whole answer of Messages.
pub const MESSAGE: &str = concat!(
    r#"{"id":"msg_01XbenchAAAAAAAAAAAAAAAA","type":"message","role":"assistant","model":"claude-sonnet-4","#,
    r#""content":[{"type":"text","text":"Your kettle leaves our warehouse tomorrow morning. You can change the "#,
    r#"address until then under Orders."}],"stop_reason":"end_turn","stop_sequence":null,"#,
    r#""usage":{"input_tokens":62,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":21}}"#
);

/// The [`EVENTS`] events of a streamed chat answer, each with its closing blank line.
pub fn chat_events() -> Vec<String> {
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-9vX2kQ1mZrT4\",\"object\":\"chat.completion.chunk\",\"created\":1730000000,\
             \"model\":\"{MODEL}\",\"system_fingerprint\":\"fp_bench\",\"choices\":[{{\"index\":0,\"delta\":{delta},\
             \"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let mut events = vec![chunk("{\"role\":\"assistant\",\"content\":\"\"}", "null")];
    for word in 0..EVENTS - 3 {
        events.push(chunk(&format!("{{\"content\":\" word{word}\"}}"), "null"));
    }
    events.push(chunk("{}", "\"stop\""));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// The [`EVENTS`] events of a streamed Messages answer.
pub fn message_events() -> Vec<String> {
    let event = |kind: &str, rest: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n");
    let mut events = vec![
        event(
            "message_start",
            ",\"message\":{\"id\":\"msg_01XbenchAAAAAAAAAAAAAAAA\",\"type\":\"message\",\"role\":\"assistant\",\
             \"model\":\"claude-sonnet-4\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\
             \"usage\":{\"input_tokens\":62,\"output_tokens\":1}}",
        ),
        event("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"),
    ];
    for word in 0..EVENTS - 5 {
        events.push(event(
            "content_block_delta",
            &format!(",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\" word{word}\"}}"),
        ));
    }
    events.push(event("content_block_stop", ",\"index\":0"));
    events.push(event(
        "message_delta",
        ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":59}",
    ));
    events.push(event("message_stop", ""));
    events
}

/// A whole HTTP/1.1 request for `POST /v1/chat/completions`, as an SDK would send it.
pub fn request(authority: &str, key: &str, user: usize, delivery: Delivery) -> Vec<u8> {
    let body = question(delivery);
    let mut text = String::with_capacity(body.len() + 400);
    // Writing to a String does not fail.
    let _ = write!(
        text,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {authority}\r\naccept: application/json\r\n\
         content-type: application/json\r\nuser-agent: botwarden-bench\r\nauthorization: Bearer {key}\r\n\
         {USER_HEADER}: user-{user}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_that_the_report_states() {
        assert!(
            (340..=420).contains(&question(Delivery::Whole).len()),
            "{}",
            question(Delivery::Whole).len()
        );
        assert!((430..=470).contains(&ANSWER.len()), "{}", ANSWER.len());
    }

    #[test]
    fn payloads_are_what_the_dialects_say() {
        for (name, text) in [
            ("question", question(Delivery::Whole)),
            ("streamed question", question(Delivery::Stream)),
            ("answer", ANSWER.to_owned()),
            ("message", MESSAGE.to_owned()),
        ] {
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{name}");
        }
        for (name, events) in [("chat", chat_events()), ("messages", message_events())] {
            assert_eq!(events.len(), EVENTS, "{name}");
            for event in events.iter().filter(|e| !e.contains("[DONE]")) {
                let data = event.split_once("data: ").unwrap().1;
                assert!(event.ends_with("\n\n"), "{name}");
                assert!(serde_json::from_str::<serde_json::Value>(data.trim()).is_ok(), "{name}: {data}");
            }
        }
    }
}
