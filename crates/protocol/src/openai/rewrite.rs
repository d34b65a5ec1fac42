//! Answers whose calls are not to be run as they are.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::stream::{ChunkReader, is_words, says};
use crate::answer::{DONE, bounds};
use crate::json::{Document, Edits, Kind, Name, ObjectText, Value, quoted};
use crate::rewrite::{Change, push_event};
use crate::sse::Event;

/// Writes chunks anew, or a whole answer, which has `message` where a chunk has `delta`.
pub(crate) struct Rewriter<'c> {
    change: Change<'c>,
    /// Choices whose calls were refused: the words are said once in each.
    refused: BTreeSet<u64>,
    /// Tells which piece belongs to which call, as whoever decided about them saw it.
    reader: ChunkReader,
    /// Calls whose new arguments are written.
    written: BTreeSet<usize>,
}

impl<'c> Rewriter<'c> {
    pub(crate) fn new(change: Change<'c>) -> Self {
        let mut reader = ChunkReader::default();
        reader.calls.sightings = Some(Vec::new());
        Self { change, refused: BTreeSet::new(), reader, written: BTreeSet::new() }
    }

    /// Writes what is to stand for an event.
    pub(crate) fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> Option<()> {
        if event.data.starts_with(DONE) {
            push_event(out, event.name, event.data);
            return Some(());
        }
        let document = Document::parse(event.data, &bounds()).ok()?;
        if let Some(data) = self.chunk(event.data, document.root())? {
            push_event(out, event.name, &data);
        }
        Some(())
    }

    /// What is to stand for a chunk; nothing, if it was about a call and nothing else.
    pub(crate) fn chunk(&mut self, data: &[u8], chunk: Value<'_>) -> Option<Option<Vec<u8>>> {
        match self.change {
            Change::Refused { text, after_words } => self.without_calls(data, chunk, text, after_words),
            Change::Arguments(arguments) => self.with_arguments(data, chunk, arguments).map(Some),
        }
    }

    /// Whether all was said that was to be said.
    pub(crate) fn is_done(&self) -> bool {
        match self.change {
            Change::Refused { .. } => !self.refused.is_empty(),
            Change::Arguments(arguments) => {
                (0..).zip(arguments).all(|(at, new)| new.is_none() || self.written.contains(&at))
            }
        }
    }

    fn without_calls(
        &mut self,
        data: &[u8],
        chunk: Value<'_>,
        text: &str,
        after_words: bool,
    ) -> Option<Option<Vec<u8>>> {
        let mut edits = Edits::default();
        let mut says_nothing = chunk.get("usage").is_none_or(|usage| usage.kind() == Kind::Null);
        let choices = chunk.get("choices");
        for (at, choice) in (0..).zip(choices.iter().flat_map(Value::items)) {
            let index = choice.get("index").and_then(|index| index.as_u64()).unwrap_or(at);
            let mut is_left = true;
            for (name, message) in choice.entries().filter(|(name, _)| name.is("delta") || name.is("message"))
            {
                if !message.entries().any(|(name, _)| is_call(name)) {
                    continue;
                }
                let is_first = has_call(message) && self.refused.insert(index);
                let words = is_first.then(|| joined(words_of(message), text, after_words));
                let mut rest = ObjectText::keeping(message, |name| {
                    !(is_call(name) || words.is_some() && name.is("content"))
                });
                if let Some(words) = &words {
                    rest.push_text("content", words);
                }
                is_left = !rest.is_empty() || name.is("message");
                edits.replace(message, rest.finish());
            }
            let finish = choice.get("finish_reason").filter(|finish| finish.kind() != Kind::Null);
            if let Some(finish) = finish.filter(|_| self.refused.contains(&index)) {
                edits.replace(finish, quoted("stop"));
            }
            says_nothing &= !is_left && finish.is_none();
        }
        says_nothing &= choices.is_some_and(|choices| choices.items().next().is_some());
        if says_nothing { Some(None) } else { edits.apply(data).map(Some) }
    }

    fn with_arguments(
        &mut self,
        data: &[u8],
        chunk: Value<'_>,
        arguments: &[Option<String>],
    ) -> Option<Vec<u8>> {
        self.reader.chunk(chunk).ok()?;
        let sightings = self.reader.calls.sightings.replace(Vec::new())?;
        let mut edits = Edits::default();
        for sighting in sightings {
            let Some(new) = arguments.get(sighting.number)? else { continue };
            let is_text = data.get(sighting.span.start) == Some(&b'"');
            let json = match self.written.insert(sighting.number) {
                true if is_text => quoted(new),
                true => new.clone(),
                false if is_text => quoted(""),
                false => return None, // an object, said twice
            };
            edits.replace_span(sighting.span, json);
        }
        edits.apply(data)
    }
}

fn is_call(name: Name<'_>) -> bool {
    name.is("tool_calls") || name.is("function_call")
}

/// Whether a call begins or goes on in a message: as [`ChunkReader`] has it.
fn has_call(message: Value<'_>) -> bool {
    message.entries().any(|(name, value)| {
        (name.is("tool_calls") && value.items().next().is_some())
            || (name.is("function_call") && ["name", "arguments"].iter().any(|field| says(value, field)))
    })
}

fn words_of(message: Value<'_>) -> Cow<'_, str> {
    let words = message.entries().find(|(name, value)| is_words(*name, *value));
    words.and_then(|(_, words)| words.as_str()).unwrap_or_default()
}

fn joined(words: Cow<'_, str>, text: &str, after_words: bool) -> String {
    let between = if after_words || !words.is_empty() { "\n\n" } else { "" };
    format!("{words}{between}{text}")
}
