//! Streams of chunks.

use std::borrow::Cow;

use super::likeness::Likeness;
use crate::Bounds;
use crate::answer::{AnswerError, Outcome, Usage};
use crate::call::{CallKind, Calls, Place};
use crate::json::{Kind, Name, Spare, Value};
use crate::word::word;

/// Stands for the older `function_call`, which has no index, among a choice's calls.
const FUNCTION_CALL: u64 = u64::MAX;

/// Fields of a message whose texts the model wrote.
const WORDS: [&str; 4] = ["content", "refusal", "reasoning_content", "reasoning"];

/// Sums up the chunks of an answer.
#[derive(Debug, Default)]
pub(crate) struct ChunkReader {
    outcome: Outcome,
    /// Calls, by choice and index: one comes in many pieces, and is complete when its choice is.
    pub(crate) calls: Calls,
    /// Whether there are words before the first call.
    pub(crate) spoke: bool,
    likeness: Likeness,
}

impl ChunkReader {
    /// Takes one chunk, or a whole answer, which has `message` where a chunk has `delta`.
    pub(crate) fn chunk(&mut self, chunk: Value<'_>) -> Result<(), AnswerError> {
        for (name, value) in chunk.entries() {
            if name.is("choices") {
                (0..).zip(value.items()).try_for_each(|(at, choice)| self.choice(at, choice))?;
            } else if name.is("usage") {
                self.outcome.usage = read_usage(value).or(self.outcome.usage);
            }
        }
        Ok(())
    }

    /// Takes one chunk's data if it differs from the one before in its words alone; false if it has to be read whole.
    pub(crate) fn alike(&mut self, data: &[u8], bounds: &Bounds, spare: &mut Spare) -> bool {
        let bytes = self.likeness.text_bytes(data, bounds, spare);
        self.outcome.output_bytes_seen += bytes.unwrap_or(0);
        self.spoke |= bytes.is_some_and(|bytes| bytes > 0);
        bytes.is_some()
    }

    /// Takes one chunk that was read whole, and remembers what surrounds its text.
    pub(crate) fn chunk_and_learn(&mut self, data: &[u8], chunk: Value<'_>) -> Result<(), AnswerError> {
        let (before, begun) = (self.outcome.output_bytes_seen, self.calls.count());
        let was_in_call = self.calls.is_open();
        self.chunk(chunk)?;
        let counted = self.outcome.output_bytes_seen - before;
        // Everything else a chunk says (its end, its cost) says the same when said again, unless a call begins in it.
        match only_text(chunk) {
            Some((text, bytes))
                if bytes == counted
                    && begun == self.calls.count()
                    && !was_in_call
                    && !self.calls.is_open() =>
            {
                self.likeness.learn(data, text)
            }
            _ => self.likeness.forget(),
        }
        Ok(())
    }

    /// Takes the end.
    pub(crate) fn done(&mut self) {
        self.outcome.ended = true;
        self.calls.close(|_| true);
    }

    /// Whether the end has been said.
    pub(crate) fn has_ended(&self) -> bool {
        self.outcome.ended
    }

    /// What became of the answer.
    pub(crate) fn finish(mut self) -> Outcome {
        self.outcome.tool_calls = self.calls.count();
        self.outcome
    }

    /// Takes a choice, which stands at a place of its list.
    fn choice(&mut self, at: u64, choice: Value<'_>) -> Result<(), AnswerError> {
        let index = choice.get("index").and_then(|index| index.as_u64()).unwrap_or(at);
        let mut is_over = false;
        for (name, value) in choice.entries() {
            if name.is("delta") {
                self.message(index, value, false)?;
            } else if name.is("message") {
                // Clients go by the place in the list.
                self.message(at, value, true)?;
            } else if name.is("finish_reason") {
                let finish = word(value);
                is_over = finish.is_some();
                self.outcome.finish = finish.or(self.outcome.finish.take());
            }
        }
        if is_over {
            self.calls.close(|(of, _)| of == index);
        }
        Ok(())
    }

    fn message(&mut self, choice: u64, message: Value<'_>, is_whole: bool) -> Result<(), AnswerError> {
        for (name, value) in message.entries() {
            if WORDS.iter().any(|known| name.is(known)) {
                self.count(value);
                self.spoke |= self.calls.count() == 0 && is_words(name, value);
            } else if name.is("tool_calls") {
                let mut before = None;
                for (at, call) in (0..).zip(value.items()) {
                    let index = call.get("index").and_then(|index| index.as_u64()).filter(|_| !is_whole);
                    let place = (choice, index.unwrap_or(at));
                    let id = call.get("id").and_then(|id| id.as_str()).filter(|id| !id.is_empty());
                    // Some servers count every call as the first: another id is another call, and so is a second in one list.
                    let is_other =
                        id.is_some_and(|id| self.calls.id_of(place).is_some_and(|known| known != id));
                    if is_other || before.replace(place) == Some(place) {
                        self.calls.close(|open| open == place);
                    }
                    self.calls.open(place, kind_of(call))?;
                    self.calls.identify(place, call.get("id"))?;
                    for (kind, arguments) in [("function", "arguments"), ("custom", "input")] {
                        call.get(kind).map_or(Ok(()), |called| self.called(place, called, arguments))?;
                    }
                }
            } else if name.is("function_call") && ["name", "arguments"].iter().any(|field| says(value, field))
            {
                let place = (choice, FUNCTION_CALL);
                self.calls.open(place, None)?;
                self.called(place, value, "arguments")?;
            }
        }
        Ok(())
    }

    fn called(&mut self, place: Place, called: Value<'_>, arguments: &str) -> Result<(), AnswerError> {
        for field in ["name", arguments] {
            let Some(text) = called.get(field) else { continue };
            self.count(text);
            let is_name = field == "name";
            if !is_name {
                self.calls.sighted(place, text.span());
            }
            // Arguments are a text, but for servers that send the object itself.
            let piece = text.as_str().unwrap_or_else(|| Cow::Borrowed(text.raw()));
            self.calls.append(
                place,
                |call| if is_name { &mut call.name } else { &mut call.arguments },
                &piece,
            )?;
        }
        Ok(())
    }

    fn count(&mut self, text: Value<'_>) {
        self.outcome.output_bytes_seen += text.as_str().map_or(0, |text| text.len() as u64);
    }
}

/// What kind of call a piece of it says it is; nothing, if it says nothing about that.
fn kind_of(call: Value<'_>) -> Option<CallKind> {
    let is_there = |name| call.get(name).is_some_and(|value| value.kind() != Kind::Null);
    let told = call.get("type").and_then(|told| told.as_str()).filter(|told| !told.is_empty());
    match (is_there("function"), is_there("custom"), told.as_deref()) {
        (_, false, Some("function")) | (true, false, None) => Some(CallKind::Function),
        (false, _, Some("custom")) | (false, true, None) => Some(CallKind::Custom),
        (false, false, None) => None,
        _ => Some(CallKind::Unclear),
    }
}

/// Whether a field of a message holds words that people are shown.
pub(super) fn is_words(name: Name<'_>, value: Value<'_>) -> bool {
    name.is("content") && value.as_str().is_some_and(|text| !text.is_empty())
}

/// Whether a field is there and not empty.
pub(super) fn says(object: Value<'_>, field: &str) -> bool {
    object
        .get(field)
        .is_some_and(|value| value.as_str().is_none_or(|text| !text.is_empty()) && value.raw() != "null")
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
