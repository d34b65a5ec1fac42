//! Reads the model's answer, whether it came as a document or as a stream.

use serde_json::Value;

/// What the model said and what it wants called.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) said: String,
    pub(super) calls: Vec<ToolCall>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// Reads `chat.completion`. `None` if it is something else.
pub(super) fn read_document(body: &[u8]) -> Option<Answer> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let mut answer = Answer::default();
    answer.add(document.pointer("/choices/0/message")?);
    Some(answer)
}

/// Reads the events of a stream. `None` unless it ends with `[DONE]`: what broke off is not an answer.
pub(super) fn read_stream(body: &[u8]) -> Option<Answer> {
    let mut answer = Answer::default();
    for line in std::str::from_utf8(body).ok()?.lines() {
        let Some(data) = line.strip_prefix("data: ") else { continue };
        if data == "[DONE]" {
            return Some(answer);
        }
        let chunk: Value = serde_json::from_str(data).ok()?;
        if let Some(delta) = chunk.pointer("/choices/0/delta") {
            answer.add(delta);
        }
    }
    None
}

impl Answer {
    /// Adds a message or a delta of one: both have the same fields, and a delta's calls say which one they continue.
    fn add(&mut self, piece: &Value) {
        self.said.push_str(text(piece, "/content"));
        let calls = piece.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
        for (place, call) in calls.enumerate() {
            let index = call.get("index").and_then(Value::as_u64);
            let at = index.and_then(|index| usize::try_from(index).ok()).unwrap_or(place);
            if at == self.calls.len() {
                self.calls.push(ToolCall::default());
            }
            let Some(known) = self.calls.get_mut(at) else { continue };
            known.id.push_str(text(call, "/id"));
            known.name.push_str(text(call, "/function/name"));
            known.arguments.push_str(text(call, "/function/arguments"));
        }
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called() -> Answer {
        let arguments = r#"{"order_id":"1001"}"#.into();
        let call = ToolCall { id: "call_1".into(), name: "lookup_order".into(), arguments };
        Answer { said: String::new(), calls: vec![call] }
    }

    #[test]
    fn documents_and_streams_read_alike() {
        let document = br#"{"choices":[{"message":{"content":null,"tool_calls":[
            {"id":"call_1","type":"function","function":{"name":"lookup_order","arguments":"{\"order_id\":\"1001\"}"}}]}}]}"#;
        assert_eq!(read_document(document), Some(called()));
        let stream = br#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"lookup_order","arguments":""}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"order_id\":"}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"1001\"}"}}]}}]}

data: {"choices":[],"usage":{"total_tokens":9}}

data: [DONE]

"#;
        assert_eq!(read_stream(stream), Some(called()));
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for (name, got) in [
            ("an error document", read_document(br#"{"error":{"message":"no"}}"#)),
            ("not JSON", read_document(b"<html>")),
            (
                "a stream that broke off",
                read_stream(b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"),
            ),
            ("nothing", read_stream(b"")),
        ] {
            assert_eq!(got, None, "{name}");
        }
    }
}
