//! Whole answers, and how the vendor counts tokens.

use std::borrow::Cow;

use crate::answer::{AnswerError, Outcome, Usage};
use crate::call::{CallKind, Calls, ProposedCall};
use crate::json::Value;
use crate::word::word;

/// The vendor's counts as far as they have come; a later one replaces an earlier one, since they are cumulative.
/// Source: Anthropic API reference, "Streaming messages", and `MessageDeltaUsage` of the SDK.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_written: Option<u64>,
    cache_read: Option<u64>,
    output: Option<u64>,
}

impl Counts {
    /// Takes the counts in a `usage` object.
    pub(super) fn update(&mut self, usage: Option<Value<'_>>) {
        for (name, value) in usage.iter().flat_map(Value::entries) {
            let count = match &*name.as_str() {
                "input_tokens" => &mut self.input,
                "cache_creation_input_tokens" => &mut self.cache_written,
                "cache_read_input_tokens" => &mut self.cache_read,
                "output_tokens" => &mut self.output,
                _ => continue,
            };
            *count = value.as_u64().or(*count);
        }
    }

    /// The sum. Input that came from or went to the cache is counted apart from `input_tokens`.
    pub(super) fn usage(&self) -> Option<Usage> {
        let cached = self.cache_written.unwrap_or(0).saturating_add(self.cache_read.unwrap_or(0));
        Some(Usage { input_tokens: self.input?.saturating_add(cached), output_tokens: self.output? })
    }
}

/// Reads the answer to Messages.
pub(crate) fn read_message_answer(answer: Value<'_>, calls: &mut Calls) -> Result<Outcome, AnswerError> {
    let mut counts = Counts::default();
    counts.update(answer.get("usage"));
    let mut outcome = Outcome {
        usage: counts.usage(),
        ended: true,
        finish: answer.get("stop_reason").and_then(word),
        ..Outcome::default()
    };
    for block in answer.get("content").iter().flat_map(Value::items) {
        read_block(block, &mut outcome);
        if let Some(kind) = call_kind(block) {
            calls.whole(read_call(block), kind)?;
        }
    }
    outcome.tool_calls = calls.count();
    Ok(outcome)
}

/// What kind of call a block is, if it is one. Every `…tool_use` but the plain one is of a tool that the vendor runs.
pub(super) fn call_kind(block: Value<'_>) -> Option<CallKind> {
    match &*block.get("type")?.as_str()? {
        "tool_use" => Some(CallKind::Function),
        kind if kind.ends_with("tool_use") => Some(CallKind::Vendor),
        _ => None,
    }
}

fn read_call(block: Value<'_>) -> ProposedCall {
    let text = |name| block.get(name).and_then(|text| text.as_str()).map(Cow::into_owned);
    ProposedCall {
        id: text("id"),
        name: text("name").unwrap_or_default(),
        arguments: block.get("input").map(|input| input.raw().to_owned()).unwrap_or_default(),
    }
}

fn read_block(block: Value<'_>, outcome: &mut Outcome) {
    for (name, value) in block.entries() {
        let bytes = match &*name.as_str() {
            "text" | "thinking" | "name" => value.as_str().map_or(0, |text| text.len()),
            "input" => value.raw().len(),
            _ => 0,
        };
        outcome.output_bytes_seen += bytes as u64;
    }
}
