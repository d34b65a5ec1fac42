//! Saying something else instead of calls that were proposed, or the same calls with other arguments.
//!
//! What is rewritten is the part of an answer that was held back: a whole document, or a stream from its first call on. All that is
//! not about the calls stays, byte for byte within each event; what was cut into many events comes out as one.

use botwarden_types::{Delivery, Operation};

use crate::answer::{AnswerError, AnswerReader, EVENT_BYTES_MAX, document_bounds, read_answer};
use crate::call::{CallKind, Proposed};
use crate::json::Document;
use crate::sse::{Event, EventReader};
use crate::{anthropic, openai};

/// What becomes of the calls that the application was to run.
#[derive(Clone, Copy, Debug)]
pub enum Change<'c> {
    /// None is released. The model says this instead, and that it has ended its turn.
    Refused {
        /// What it says.
        text: &'c str,
        /// Whether it has said something before, see [`AnswerReader::spoke`](crate::AnswerReader::spoke).
        after_words: bool,
    },
    /// Each goes on, in the order in which they began; those that have one here with other arguments.
    Arguments(&'c [Option<String>]),
}

/// Where an answer's bytes begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At its first byte.
    Start,
    /// Behind an event of it.
    Within,
}

/// The answer with that change. `None` if it cannot be made: then nothing of the answer may be released.
pub fn rewrite(
    operation: Operation,
    delivery: Delivery,
    from: From,
    answer: &[u8],
    change: Change<'_>,
) -> Option<Vec<u8>> {
    let written = write(operation, delivery, from, answer, change)?;
    // Whatever was overlooked, the reader that finds calls is the judge of it.
    let calls = match delivery {
        Delivery::Whole => read_answer(operation, &written).ok()?.0,
        Delivery::Streamed => {
            let mut reader = AnswerReader::new(operation, delivery);
            reader.push(&written).ok()?;
            reader.end().ok()?
        }
    };
    let calls: Vec<_> = calls.into_iter().filter(|call| call.kind != CallKind::Vendor).collect();
    let is_right = match change {
        Change::Refused { .. } => calls.is_empty(),
        Change::Arguments(arguments) => {
            let wanted = |(call, new): (&Proposed, &Option<String>)| {
                new.as_ref().is_none_or(|new| *new == call.call.arguments)
            };
            calls.len() == arguments.len() && calls.iter().zip(arguments).all(wanted)
        }
    };
    is_right.then_some(written)
}

fn write(
    operation: Operation,
    delivery: Delivery,
    from: From,
    answer: &[u8],
    change: Change<'_>,
) -> Option<Vec<u8>> {
    match (operation, delivery) {
        (Operation::ChatCompletions, Delivery::Whole) => {
            let mut writer = openai::Rewriter::new(change);
            let document = Document::parse(answer, &document_bounds(answer)).ok()?;
            let written = writer.chunk(answer, document.root())??;
            writer.is_done().then_some(written)
        }
        (Operation::ChatCompletions, Delivery::Streamed) => {
            let mut writer = openai::Rewriter::new(change);
            let written = each_event(answer, from, |event, out| writer.event(event, out))?;
            writer.is_done().then_some(written)
        }
        (Operation::Messages, Delivery::Whole) => {
            let document = Document::parse(answer, &document_bounds(answer)).ok()?;
            anthropic::rewrite_message(answer, document.root(), change)
        }
        (Operation::Messages, Delivery::Streamed) => {
            let mut writer = anthropic::Rewriter::new(change);
            let written = each_event(answer, from, |event, out| writer.event(event, out))?;
            writer.is_done().then_some(written)
        }
        _ => None,
    }
}

/// Hands each event to `take`, which writes what is to stand for it.
fn each_event(
    answer: &[u8],
    from: From,
    mut take: impl FnMut(Event<'_>, &mut Vec<u8>) -> Option<()>,
) -> Option<Vec<u8>> {
    let mut events = match from {
        From::Start => EventReader::new(EVENT_BYTES_MAX),
        From::Within => EventReader::within(EVENT_BYTES_MAX),
    };
    let mut out = Vec::with_capacity(answer.len());
    let mut is_sound = true;
    // An event that is cut off by the end is one to some clients; so it was to who read the calls.
    for piece in [answer, b"\n\n"] {
        let read = events.push(piece, |event| {
            is_sound &= event.data.is_empty() || take(event, &mut out).is_some();
            Ok::<_, AnswerError>(())
        });
        is_sound &= read.is_ok();
    }
    is_sound.then_some(out)
}

/// Writes one event.
pub(crate) fn push_event(out: &mut Vec<u8>, name: &[u8], data: &[u8]) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name);
        out.push(b'\n');
    }
    for line in data.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
