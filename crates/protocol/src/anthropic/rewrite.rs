//! Answers whose calls are not to be run as they are.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::call_kind;
use crate::answer::bounds;
use crate::call::CallKind;
use crate::json::{Document, Edits, Kind, ObjectText, Value, array, quoted};
use crate::rewrite::{Change, push_event};
use crate::sse::Event;

/// Writes a whole answer anew.
pub(crate) fn rewrite_message(answer: &[u8], root: Value<'_>, change: Change<'_>) -> Option<Vec<u8>> {
    let content = root.get("content")?;
    let is_call = |block: &Value<'_>| call_kind(*block) == Some(CallKind::Function);
    let mut edits = Edits::default();
    match change {
        Change::Refused { text, .. } => {
            let first = content.items().position(|block| is_call(&block))?;
            let said = text_block(text);
            let mut blocks = Vec::new();
            for (at, block) in content.items().enumerate() {
                match is_call(&block) {
                    true if at == first => blocks.push(said.as_str()),
                    true => {}
                    false => blocks.push(block.raw()),
                }
            }
            edits.replace(content, array(blocks));
            if let Some(reason) = root.get("stop_reason") {
                edits.replace(reason, quoted("end_turn"));
            }
        }
        Change::Arguments(arguments) => {
            let mut arguments = arguments.iter();
            for block in content.items().filter(is_call) {
                if let Some(new) = arguments.next()? {
                    edits.replace(block.get("input")?, new.as_str());
                }
            }
        }
    }
    edits.apply(answer)
}

fn text_block(text: &str) -> String {
    format!(r#"{{"type":"text","text":{}}}"#, quoted(text))
}

/// Writes the events of a stream anew.
pub(crate) struct Rewriter<'c> {
    change: Change<'c>,
    /// Calls begun so far.
    calls: usize,
    /// Blocks that are open and are calls: their pieces go, or were written already.
    open: BTreeSet<u64>,
    /// Where blocks that are open have gone, since clients go by their place, and which of them are calls that stay.
    moved: BTreeMap<u64, (u64, bool)>,
    /// Blocks that were left out.
    left_out: u64,
}

impl<'c> Rewriter<'c> {
    pub(crate) fn new(change: Change<'c>) -> Self {
        Self { change, calls: 0, open: BTreeSet::new(), moved: BTreeMap::new(), left_out: 0 }
    }

    /// Whether all was said that was to be said.
    pub(crate) fn is_done(&self) -> bool {
        match self.change {
            Change::Refused { .. } => self.calls > 0,
            Change::Arguments(arguments) => self.calls == arguments.len(),
        }
    }

    /// Writes what is to stand for an event.
    pub(crate) fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> Option<()> {
        let document = Document::parse(event.data, &bounds()).ok()?;
        let data = document.root();
        let kind = data.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
        let index = data.get("index").and_then(|index| index.as_u64()).unwrap_or(0);
        match &*kind {
            "content_block_start" => {
                let block = data.get("content_block")?;
                let call = call_kind(block);
                self.open.remove(&index);
                self.moved.insert(index, (index.checked_sub(self.left_out)?, call.is_some()));
                if call == Some(CallKind::Function) {
                    return self.call(event, index, block, out);
                }
                self.elsewhere(event, data, index, out)
            }
            "content_block_delta" if self.open.contains(&index) => Some(()),
            "content_block_delta" => self.elsewhere(event, data, index, out),
            "content_block_stop" => {
                let is_gone = self.open.remove(&index) && matches!(self.change, Change::Refused { .. });
                let written = if is_gone { Some(()) } else { self.elsewhere(event, data, index, out) };
                self.moved.remove(&index);
                written
            }
            "message_delta" if matches!(self.change, Change::Refused { .. }) => {
                let mut edits = Edits::default();
                let reason = data.get("delta").and_then(|delta| delta.get("stop_reason"));
                if let Some(reason) = reason.filter(|reason| reason.kind() != Kind::Null) {
                    edits.replace(reason, quoted("end_turn"));
                }
                push_event(out, event.name, &edits.apply(event.data)?);
                Some(())
            }
            // Calls in it are not told apart here.
            "message_start" if has_content(data) => None,
            _ => {
                push_event(out, event.name, event.data);
                Some(())
            }
        }
    }

    /// A call begins.
    fn call(&mut self, event: Event<'_>, index: u64, block: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
        let number = self.calls;
        self.calls += 1;
        match self.change {
            Change::Refused { text, .. } => {
                self.open.insert(index);
                if number > 0 {
                    self.left_out += 1;
                    return Some(());
                }
                let (at, _) = self.moved.get(&index)?;
                let begin = format!(
                    r#"{{"type":"content_block_start","index":{at},"content_block":{}}}"#,
                    text_block("")
                );
                let delta = format!(r#"{{"type":"text_delta","text":{}}}"#, quoted(text));
                push_event(out, b"content_block_start", begin.as_bytes());
                push_delta(out, *at, &delta);
                let end = format!(r#"{{"type":"content_block_stop","index":{at}}}"#);
                push_event(out, b"content_block_stop", end.as_bytes());
            }
            Change::Arguments(arguments) => {
                let Some(new) = arguments.get(number)? else {
                    push_event(out, event.name, event.data);
                    return Some(());
                };
                self.open.insert(index);
                let mut edits = Edits::default();
                if let Some(input) = block.get("input") {
                    edits.replace(input, "{}");
                }
                push_event(out, event.name, &edits.apply(event.data)?);
                push_delta(
                    out,
                    index,
                    &format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, quoted(new)),
                );
            }
        }
        Some(())
    }

    /// An event of a block that stays, perhaps at another place.
    fn elsewhere(&self, event: Event<'_>, data: Value<'_>, index: u64, out: &mut Vec<u8>) -> Option<()> {
        // One that began before the first call stays where it is.
        let (at, is_call) = self.moved.get(&index).copied().unwrap_or((index, false));
        // A piece of a call outside of any call: some clients put it together all the same.
        if !is_call && data.get("delta").is_some_and(|delta| delta.get("partial_json").is_some()) {
            return None;
        }
        let mut edits = Edits::default();
        if at != index {
            edits.replace(data.get("index")?, at.to_string());
        }
        push_event(out, event.name, &edits.apply(event.data)?);
        Some(())
    }
}

fn has_content(data: Value<'_>) -> bool {
    let content = data.get("message").and_then(|message| message.get("content"));
    content.is_some_and(|content| content.items().next().is_some())
}

fn push_delta(out: &mut Vec<u8>, index: u64, delta: &str) {
    let data = ObjectText::of([
        ("type", r#""content_block_delta""#),
        ("index", &index.to_string()),
        ("delta", delta),
    ]);
    push_event(out, b"content_block_delta", &data);
}
