//! Streams of events.

use super::answer::{Counts, call_kind};
use crate::answer::{AnswerError, Outcome};
use crate::call::{CallKind, Calls};
use crate::json::Value;
use crate::word::word;

/// Sums up the events of an answer.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    outcome: Outcome,
    counts: Counts,
    /// Calls, by the index of their block: one is complete when its block is.
    pub(crate) calls: Calls,
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
            "content_block_delta" => self.delta(index(data), data.get("delta"))?,
            "content_block_start" => self.block(index(data), data.get("content_block"))?,
            "content_block_stop" => {
                let index = index(data);
                self.calls.close(|(_, of)| of == index);
            }
            "message_start" => {
                let message = data.get("message");
                self.counts.update(message.and_then(|message| message.get("usage")));
                let content = message.and_then(|message| message.get("content"));
                for (index, block) in (0..).zip(content.iter().flat_map(Value::items)) {
                    self.block(index, Some(block))?;
                }
            }
            "message_delta" => self.closing(data),
            "message_stop" => {
                self.outcome.ended = true;
                self.calls.close(|_| true);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the end has been said.
    pub(crate) fn has_ended(&self) -> bool {
        self.outcome.ended
    }

    /// What became of the answer.
    pub(crate) fn finish(self) -> Outcome {
        let usage = self.counts.usage().filter(|_| self.counted);
        Outcome { usage, tool_calls: self.calls.count(), ..self.outcome }
    }

    fn delta(&mut self, index: u64, delta: Option<Value<'_>>) -> Result<(), AnswerError> {
        for (name, value) in delta.iter().flat_map(Value::entries) {
            if name.is("text") || name.is("partial_json") || name.is("thinking") {
                self.outcome.output_bytes_seen += text_bytes(value);
            }
            if name.is("partial_json") {
                // Of a block that is none, or has ended: some clients add it all the same, so it is written down as a call of its own.
                let place = (0, index);
                let kind = if self.calls.is_open_at(place) { None } else { Some(CallKind::Unclear) };
                self.calls.open(place, kind)?;
                self.calls.append_text(place, |call| &mut call.arguments, Some(value))?;
            }
        }
        Ok(())
    }

    fn block(&mut self, index: u64, block: Option<Value<'_>>) -> Result<(), AnswerError> {
        let Some(block) = block else { return Ok(()) };
        if let Some(kind) = call_kind(block) {
            // A block that begins where one did not end is a call of its own.
            self.calls.close(|(_, of)| of == index);
            let place = (0, index);
            self.calls.open(place, Some(kind))?;
            self.calls.identify(place, block.get("id"))?;
            self.calls.append_text(place, |call| &mut call.name, block.get("name"))?;
            // Empty at the start of a stream, where the input follows in pieces.
            if let Some(input) = block.get("input").filter(|input| input.entries().next().is_some()) {
                self.calls.append(place, |call| &mut call.arguments, input.raw())?;
            }
        }
        for (name, value) in block.entries() {
            if name.is("text") || name.is("thinking") || name.is("name") {
                self.outcome.output_bytes_seen += text_bytes(value);
            }
        }
        Ok(())
    }

    fn closing(&mut self, data: Value<'_>) {
        let reason = data.get("delta").and_then(|delta| delta.get("stop_reason")).and_then(word);
        self.outcome.finish = reason.or(self.outcome.finish.take());
        let usage = data.get("usage");
        self.counted |= usage.and_then(|usage| usage.get("output_tokens")).is_some();
        self.counts.update(usage);
    }
}

/// Of a block.
fn index(data: Value<'_>) -> u64 {
    data.get("index").and_then(|index| index.as_u64()).unwrap_or(0)
}

fn text_bytes(value: Value<'_>) -> u64 {
    value.as_str().map_or(0, |text| text.len() as u64)
}
