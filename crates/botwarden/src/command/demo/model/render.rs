//! Writes an answer in the OpenAI dialect: as one document, or as the events of a stream.

use bytes::Bytes;
use serde_json::{Value, json};

use super::script::{Call, Move};
use super::wire::ChatRequest;

/// Marks every answer as scripted.
const FINGERPRINT: &str = "scripted";

/// An answer before it is written down.
pub(super) struct Answer {
    /// Numbers the answers of one run, for ids.
    pub(super) number: u64,
    /// Seconds since 1970.
    pub(super) created: u64,
    pub(super) model: String,
    content: Move,
    finish: &'static str,
    prompt_tokens: usize,
    completion_tokens: usize,
}

impl Answer {
    /// `content` cut to what the request allows.
    pub(super) fn new(
        request: &ChatRequest,
        body_bytes: usize,
        content: Move,
        number: u64,
        created: u64,
    ) -> Self {
        let (content, finish) = match content {
            Move::Say(text) => cut(text, request.max_completion_tokens),
            calls @ Move::Call(_) => (calls, "tool_calls"),
        };
        let completion_tokens = match &content {
            Move::Say(text) => tokens(text.len()),
            Move::Call(calls) => calls.iter().map(|call| tokens(call.arguments.to_string().len()) + 8).sum(),
        };
        let model = request.model.clone();
        Self { number, created, model, content, finish, prompt_tokens: tokens(body_bytes), completion_tokens }
    }

    /// `chat.completion`
    pub(super) fn document(&self) -> Bytes {
        let message = match &self.content {
            Move::Say(text) => json!({ "role": "assistant", "content": text, "refusal": null }),
            Move::Call(calls) => {
                json!({ "role": "assistant", "content": null, "tool_calls": self.calls(calls) })
            }
        };
        let choice =
            json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": self.finish });
        let mut document = self.head("chat.completion", json!([choice]));
        insert(&mut document, "usage", self.usage());
        Bytes::from(document.to_string())
    }

    /// `chat.completion.chunk`s, word by word, and `[DONE]`.
    pub(super) fn events(&self, usage: Usage) -> Vec<Bytes> {
        let mut deltas = vec![json!({ "role": "assistant", "content": "" })];
        match &self.content {
            Move::Say(text) => {
                deltas.extend(text.split_inclusive(' ').map(|word| json!({ "content": word })))
            }
            Move::Call(calls) => deltas.extend(self.call_deltas(calls)),
        }
        let mut events: Vec<_> = deltas.into_iter().map(|delta| self.chunk(delta, Value::Null)).collect();
        events.push(self.chunk(json!({}), json!(self.finish)));
        if usage == Usage::Told {
            let mut last = self.head("chat.completion.chunk", json!([]));
            insert(&mut last, "usage", self.usage());
            events.push(event(&last.to_string()));
        }
        events.push(event("[DONE]"));
        events
    }

    fn chunk(&self, delta: Value, finish: Value) -> Bytes {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        event(&self.head("chat.completion.chunk", json!([choice])).to_string())
    }

    fn head(&self, object: &str, choices: Value) -> Value {
        json!({
            "id": format!("chatcmpl-scripted-{}", self.number),
            "object": object,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        })
    }

    fn calls(&self, calls: &[Call]) -> Vec<Value> {
        let made = calls.iter().enumerate();
        made.map(|(at, call)| {
            let function = json!({ "name": call.tool, "arguments": call.arguments.to_string() });
            json!({ "id": self.call_id(at), "type": "function", "function": function })
        })
        .collect()
    }

    /// Each call as a delta that names it and deltas with its arguments in pieces.
    fn call_deltas(&self, calls: &[Call]) -> Vec<Value> {
        let mut deltas = Vec::new();
        for (at, call) in calls.iter().enumerate() {
            let function = json!({ "name": call.tool, "arguments": "" });
            deltas.push(json!({ "tool_calls": [
                { "index": at, "id": self.call_id(at), "type": "function", "function": function },
            ] }));
            for piece in call.arguments.to_string().split_inclusive([':', ',']) {
                let function = json!({ "arguments": piece });
                deltas.push(json!({ "tool_calls": [{ "index": at, "function": function }] }));
            }
        }
        deltas
    }

    fn call_id(&self, at: usize) -> String {
        format!("call_scripted_{}_{at}", self.number)
    }

    fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        })
    }
}

/// Whether a stream ends with its token counts (`stream_options.include_usage`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Told,
    Untold,
}

/// Four characters a token, about what vendors' tokenizers make of English.
fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(4)
}

/// At most `max` tokens of `text`, cut after a word.
fn cut(text: String, max: Option<usize>) -> (Move, &'static str) {
    let Some(max) = max.filter(|max| tokens(text.len()) > *max) else { return (Move::Say(text), "stop") };
    let mut kept = String::new();
    for word in text.split_inclusive(' ') {
        if tokens(kept.len() + word.len()) > max {
            break;
        }
        kept.push_str(word);
    }
    (Move::Say(kept), "length")
}

fn event(data: &str) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(map) = object {
        map.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content: Move, max: Option<usize>) -> Answer {
        let request = json!({ "model": "shop-assistant", "messages": [], "max_tokens": max });
        Answer::new(&serde_json::from_value(request).unwrap(), 40, content, 7, 0)
    }

    /// The words of all chunks of a stream in a row.
    fn streamed_text(events: &[Bytes]) -> String {
        let chunks = events.iter().filter_map(|event| {
            let text = std::str::from_utf8(event).unwrap().strip_prefix("data: ").unwrap();
            serde_json::from_str::<Value>(text).ok()
        });
        chunks
            .filter_map(|chunk| Some(chunk.pointer("/choices/0/delta/content")?.as_str()?.to_owned()))
            .collect()
    }

    #[test]
    fn a_stream_says_what_the_document_says() {
        let spoken = answer(Move::Say("One, two  three.".into()), None);
        let document: Value = serde_json::from_slice(&spoken.document()).unwrap();
        assert_eq!(document["choices"][0]["message"]["content"], "One, two  three.");
        assert_eq!(document["system_fingerprint"], "scripted");
        assert_eq!(document["usage"]["total_tokens"], 14);
        let events = spoken.events(Usage::Told);
        assert_eq!(streamed_text(&events), "One, two  three.");
        assert_eq!(events.last().unwrap(), "data: [DONE]\n\n");
    }

    #[test]
    fn usage_is_told_when_asked_for() {
        let spoken = answer(Move::Say("Hi".into()), None);
        assert_eq!(spoken.events(Usage::Told).len(), spoken.events(Usage::Untold).len() + 1);
    }

    #[test]
    fn answers_keep_to_the_maximum() {
        for (max, want, finish) in [
            (None, "One two three", "stop"),
            (Some(4), "One two three", "stop"),
            (Some(2), "One two ", "length"),
            (Some(0), "", "length"),
        ] {
            let document: Value =
                serde_json::from_slice(&answer(Move::Say("One two three".into()), max).document()).unwrap();
            assert_eq!(document["choices"][0]["message"]["content"], want, "{max:?}");
            assert_eq!(document["choices"][0]["finish_reason"], finish, "{max:?}");
        }
    }

    #[test]
    fn a_streamed_call_has_all_its_arguments() {
        let arguments = json!({ "order_id": "1002", "amount": "59.00" });
        let called = answer(Move::Call(vec![Call { tool: "refund", arguments: arguments.clone() }]), None);
        let pieces = called.events(Usage::Untold).into_iter().filter_map(|event| {
            let text = std::str::from_utf8(&event).unwrap().strip_prefix("data: ").unwrap();
            let chunk: Value = serde_json::from_str(text).ok()?;
            Some(chunk.pointer("/choices/0/delta/tool_calls/0/function/arguments")?.as_str()?.to_owned())
        });
        assert_eq!(serde_json::from_str::<Value>(&pieces.collect::<String>()).unwrap(), arguments);
    }
}
