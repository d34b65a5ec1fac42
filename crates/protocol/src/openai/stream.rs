//! Streams of chunks.

use std::collections::BTreeSet;

use super::likeness::Likeness;
use crate::Bounds;
use crate::answer::{Outcome, Usage, counts_more};
use crate::json::{Spare, Value};
use crate::word::word;

/// Stands for the older `function_call`, which has no index, among a choice's calls.
const FUNCTION_CALL: u64 = u64::MAX;

/// Fields of a message whose texts the model wrote.
const WORDS: [&str; 4] = ["content", "refusal", "reasoning_content", "reasoning"];

/// Sums up the chunks of an answer.
#[derive(Debug, Default)]
pub(crate) struct ChunkReader {
    outcome: Outcome,
    /// Calls seen, by choice and index: a call comes in many pieces.
    calls: BTreeSet<(u64, u64)>,
    likeness: Likeness,
}

impl ChunkReader {
    /// Takes one chunk, or a whole answer, which has `message` where a chunk has `delta`.
    pub(crate) fn chunk(&mut self, chunk: Value<'_>) {
        for (name, value) in chunk.entries() {
            if name.is("choices") {
                value.items().for_each(|choice| self.choice(choice));
            } else if name.is("usage") {
                self.outcome.usage = read_usage(value).or(self.outcome.usage);
            }
        }
    }

    /// Takes one chunk's data if it differs from the one before in its words alone; false if it has to be read whole.
    pub(crate) fn alike(&mut self, data: &[u8], bounds: &Bounds, spare: &mut Spare) -> bool {
        let bytes = self.likeness.text_bytes(data, bounds, spare);
        self.outcome.output_bytes_seen += bytes.unwrap_or(0);
        bytes.is_some()
    }

    /// Takes one chunk that was read whole, and remembers what surrounds its text.
    pub(crate) fn chunk_and_learn(&mut self, data: &[u8], chunk: Value<'_>) {
        let before = self.outcome.output_bytes_seen;
        self.chunk(chunk);
        let counted = self.outcome.output_bytes_seen - before;
        // Everything else a chunk says (its call, its end, its cost) says the same when said again.
        match only_text(chunk) {
            Some((text, bytes)) if bytes == counted => self.likeness.learn(data, text),
            _ => self.likeness.forget(),
        }
    }

    /// Takes the end.
    pub(crate) fn done(&mut self) {
        self.outcome.ended = true;
    }

    /// What became of the answer.
    pub(crate) fn finish(mut self) -> Outcome {
        self.outcome.tool_calls = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        self.outcome
    }

    fn choice(&mut self, choice: Value<'_>) {
        let index = choice.get("index").and_then(|index| index.as_u64()).unwrap_or(0);
        for (name, value) in choice.entries() {
            if name.is("delta") || name.is("message") {
                self.message(index, value);
            } else if name.is("finish_reason") {
                self.outcome.finish = word(value).or(self.outcome.finish.take());
            }
        }
    }

    fn message(&mut self, choice: u64, message: Value<'_>) {
        for (name, value) in message.entries() {
            if WORDS.iter().any(|known| name.is(known)) {
                self.count(value);
            } else if name.is("tool_calls") {
                for (at, call) in (0..).zip(value.items()) {
                    let index = call.get("index").and_then(|index| index.as_u64()).unwrap_or(at);
                    self.call(choice, index);
                    ["function", "custom"]
                        .iter()
                        .filter_map(|kind| call.get(kind))
                        .for_each(|f| self.called(f));
                }
            } else if name.is("function_call") && value.entries().next().is_some() {
                self.call(choice, FUNCTION_CALL);
                self.called(value);
            }
        }
    }

    fn call(&mut self, choice: u64, index: u64) {
        if counts_more(self.calls.len()) {
            self.calls.insert((choice, index));
        }
    }

    fn called(&mut self, called: Value<'_>) {
        ["name", "arguments", "input"]
            .iter()
            .filter_map(|field| called.get(field))
            .for_each(|text| self.count(text));
    }

    fn count(&mut self, text: Value<'_>) {
        self.outcome.output_bytes_seen += text.as_str().map_or(0, |text| text.len() as u64);
    }
}

/// The text of a chunk's first choice, and its bytes.
fn only_text(chunk: Value<'_>) -> Option<(Value<'_>, u64)> {
    let text = chunk.get("choices")?.items().next()?.get("delta")?.get("content")?;
    let bytes = text.as_str()?.len() as u64;
    Some((text, bytes))
}

fn read_usage(usage: Value<'_>) -> Option<Usage> {
    let input_tokens = usage.get("prompt_tokens")?.as_u64()?;
    let output_tokens = usage.get("completion_tokens")?.as_u64()?;
    Some(Usage { input_tokens, output_tokens })
}
