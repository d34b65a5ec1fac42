//! Streams of events.

use super::answer::Counts;
use crate::answer::{AnswerError, Outcome, one_more};
use crate::json::Value;
use crate::word::word;

/// Sums up the events of an answer.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    outcome: Outcome,
    counts: Counts,
    /// Whether the closing count has come: the one at the start has yet to see the output.
    counted: bool,
}

impl StreamReader {
    /// Takes one event. Types that this version does not know pass.
    pub(crate) fn event(&mut self, name: &[u8], data: Value<'_>) -> Result<(), AnswerError> {
        let kind = data.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
        if !name.is_empty() && name != kind.as_bytes() {
            return Err(AnswerError::EventName);
        }
        match &*kind {
            "content_block_delta" => self.delta(data.get("delta")),
            "content_block_start" => self.block(data.get("content_block")),
            "message_start" => {
                self.counts.update(data.get("message").and_then(|message| message.get("usage")))
            }
            "message_delta" => self.closing(data),
            "message_stop" => self.outcome.ended = true,
            _ => {}
        }
        Ok(())
    }

    /// What became of the answer.
    pub(crate) fn finish(self) -> Outcome {
        let usage = self.counts.usage().filter(|_| self.counted);
        Outcome { usage, ..self.outcome }
    }

    fn delta(&mut self, delta: Option<Value<'_>>) {
        for (name, value) in delta.iter().flat_map(Value::entries) {
            if name.is("text") || name.is("partial_json") || name.is("thinking") {
                self.outcome.output_bytes_seen += text_bytes(value);
            }
        }
    }

    fn block(&mut self, block: Option<Value<'_>>) {
        let Some(block) = block else { return };
        let kind = block.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
        if kind.ends_with("tool_use") {
            self.outcome.tool_calls = one_more(self.outcome.tool_calls);
        }
        for (name, value) in block.entries() {
            if name.is("text") || name.is("thinking") || name.is("name") {
                self.outcome.output_bytes_seen += text_bytes(value);
            }
        }
    }

    fn closing(&mut self, data: Value<'_>) {
        let reason = data.get("delta").and_then(|delta| delta.get("stop_reason")).and_then(word);
        self.outcome.finish = reason.or(self.outcome.finish.take());
        let usage = data.get("usage");
        self.counted |= usage.and_then(|usage| usage.get("output_tokens")).is_some();
        self.counts.update(usage);
    }
}

fn text_bytes(value: Value<'_>) -> u64 {
    value.as_str().map_or(0, |text| text.len() as u64)
}
