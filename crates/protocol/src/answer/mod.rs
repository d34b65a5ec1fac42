//! Watching an answer go by.

use botwarden_types::{Delivery, Operation};

use crate::call::{Calls, Proposed};
use crate::json::{Document, JsonError, MemberReader, Spare};
use crate::sse::{Event, EventReader, EventTooLarge};
use crate::{Bounds, anthropic, openai};

/// Bytes of one event of a stream. Text comes in hundreds of bytes; a vendor's own tools send whole pages in one event.
pub const EVENT_BYTES_MAX: usize = 1 << 20;

/// Bytes of a whole answer that is held to be read at its end. A longer one passes unread, and what it cost is told by its
/// bytes. Embeddings are not held and have no bound here.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Values in an answer or an event; log probabilities take some fifty a token.
const ANSWER_NODES_MAX: usize = 1_000_000;

/// What the vendor says it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Tokens written, reasoning included.
    pub output_tokens: u64,
}

/// What became of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it cost, if the vendor said so to the end. Zero for what is free: counting tokens, listing models.
    /// Where `ended` is false a vendor that counts along may have stopped counting early.
    pub usage: Option<Usage>,
    /// Bytes of text the model wrote (words, reasoning, names and arguments of calls; escapes resolved), for an
    /// estimate when `usage` is absent. Of a document that could not be read, or was too long to be held: all its bytes.
    pub output_bytes_seen: u64,
    /// Whether it is complete: the whole document, `[DONE]`, or `message_stop`.
    pub ended: bool,
    /// Why the model stopped, in the vendor's word.
    pub finish: Option<String>,
    /// Calls the model proposed, those of the vendor's own tools included.
    pub tool_calls: u32,
}

/// Why an answer must be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// One event of the stream has too many bytes.
    #[error("an event of the answer has more than {max} bytes")]
    Event {
        /// Bytes allowed.
        max: usize,
    },
    /// An event's data is not JSON with one meaning.
    #[error("an event of the answer is not JSON: {0}")]
    Json(#[from] JsonError),
    /// It proposes too many calls.
    #[error("the answer has more than {max} tool calls")]
    Calls {
        /// Calls allowed.
        max: usize,
    },
    /// Its calls are too long to be held until they are complete.
    #[error("the answer's tool calls have more than {max} bytes")]
    CallBytes {
        /// Bytes allowed.
        max: usize,
    },
    /// An event's name and its data's `type` differ: which counts depends on the client.
    #[error("an event of the answer has two names")]
    EventName,
}

impl From<EventTooLarge> for AnswerError {
    fn from(error: EventTooLarge) -> Self {
        Self::Event { max: error.max }
    }
}

/// Reads an answer that passes by, without a hand in it: usage, end, and how much was written.
///
/// Fed the bytes in order, cut in any way: the outcome is the same. Memory: a whole answer is held up to
/// [`ANSWER_BYTES_MAX`] and let go beyond it, of a stream one event up to [`EVENT_BYTES_MAX`], of embeddings their usage alone.
#[derive(Debug)]
pub struct AnswerReader {
    form: Form,
}

#[derive(Debug)]
enum Form {
    Document {
        operation: Operation,
        held: Vec<u8>,
    },
    /// A document that was read at its end.
    Read(Outcome),
    /// A document that is too long to be held; its bytes so far.
    Unread(u64),
    Embeddings(MemberReader),
    Chunks {
        events: EventReader,
        spare: Spare,
        read: openai::ChunkReader,
    },
    Events {
        events: EventReader,
        spare: Spare,
        read: anthropic::StreamReader,
    },
}

impl AnswerReader {
    /// A reader for an answer to `operation` that comes as `delivery`: go by the answer's media type.
    pub fn new(operation: Operation, delivery: Delivery) -> Self {
        let (events, spare) = (EventReader::new(EVENT_BYTES_MAX), Spare::default());
        let form = match (delivery, operation) {
            (Delivery::Streamed, Operation::ChatCompletions) => {
                Form::Chunks { events, spare, read: openai::ChunkReader::default() }
            }
            (Delivery::Streamed, Operation::Messages) => {
                Form::Events { events, spare, read: anthropic::StreamReader::default() }
            }
            (_, Operation::Embeddings) => Form::Embeddings(MemberReader::new("usage")),
            _ => Form::Document { operation, held: Vec::new() },
        };
        Self { form }
    }

    /// Takes the next bytes. After an error the answer is not to be trusted and the reader has nothing more to say.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), AnswerError> {
        match &mut self.form {
            Form::Document { held, .. } if held.len() + chunk.len() > ANSWER_BYTES_MAX => {
                self.form = Form::Unread(held.len() as u64 + chunk.len() as u64);
                Ok(())
            }
            Form::Document { held, .. } => {
                hold(held, chunk);
                Ok(())
            }
            Form::Read(_) => Ok(()),
            Form::Unread(bytes) => {
                *bytes = bytes.saturating_add(chunk.len() as u64);
                Ok(())
            }
            Form::Embeddings(member) => {
                member.push(chunk);
                Ok(())
            }
            Form::Chunks { events, spare, read } => events.push(chunk, |event| match event.data {
                data if data.starts_with(DONE) => {
                    read.done();
                    Ok(())
                }
                data if read.alike(data, &bounds(), spare) => Ok(()),
                data => with_document(event, spare, |document| read.chunk_and_learn(data, document.root())),
            }),
            Form::Events { events, spare, read } => events.push(chunk, |event| {
                with_document(event, spare, |document| read.event(event.name, document.root()))
            }),
        }
    }

    /// Of the bytes that were pushed last, how many belong to an event that is not complete: they are to be held back, for a call may be in it.
    pub fn unfinished(&self) -> usize {
        match &self.form {
            Form::Chunks { events, .. } | Form::Events { events, .. } => events.unfinished(),
            _ => 0,
        }
    }

    /// Whether a call of a tool has begun that is not complete: what came since is to be held back, for nobody can say yet what it asks.
    pub fn is_in_call(&self) -> bool {
        match &self.form {
            Form::Chunks { read, .. } => read.calls.is_open(),
            Form::Events { read, .. } => read.calls.is_open(),
            _ => false,
        }
    }

    /// Whether it is a document in which calls may stand: they are known at its end, so it is to be held back until then.
    pub fn is_read_at_its_end(&self) -> bool {
        matches!(
            self.form,
            Form::Document { operation: Operation::ChatCompletions | Operation::Messages, .. }
        )
    }

    /// How many calls have begun that the application is to run.
    pub fn proposed(&self) -> usize {
        match &self.form {
            Form::Chunks { read, .. } => read.calls.for_application(),
            Form::Events { read, .. } => read.calls.for_application(),
            _ => 0,
        }
    }

    /// Whether there are words before its first call, which something said instead of the call would run into.
    pub fn spoke(&self) -> bool {
        matches!(&self.form, Form::Chunks { read, .. } if read.spoke)
    }

    /// Whether a stream has said that it is over, though more may come: `[DONE]`, or `message_stop`.
    pub fn has_ended(&self) -> bool {
        match &self.form {
            Form::Chunks { read, .. } => read.has_ended(),
            Form::Events { read, .. } => read.has_ended(),
            _ => false,
        }
    }

    /// The calls that have become complete since they were asked for last.
    pub fn take_calls(&mut self) -> Vec<Proposed> {
        match &mut self.form {
            Form::Chunks { read, .. } => read.calls.take(),
            Form::Events { read, .. } => read.calls.take(),
            _ => Vec::new(),
        }
    }

    /// No more bytes come: the calls that are left, those of a document among them. Calls that are not complete are taken as they are, and so is
    /// an event that is: some clients take it for one.
    ///
    /// A document in which calls may stand and that has not one meaning is an error: what a more lenient reader finds in it, nobody wrote down.
    pub fn end(&mut self) -> Result<Vec<Proposed>, AnswerError> {
        match &mut self.form {
            Form::Document { operation, held } => {
                let mut calls = Calls::default();
                let outcome = read_document(*operation, held, &mut calls)?;
                self.form = Form::Read(outcome);
                Ok(calls.take())
            }
            Form::Chunks { .. } | Form::Events { .. } => {
                self.push(b"\n\n")?;
                match &mut self.form {
                    Form::Chunks { read, .. } => read.calls.close(|_| true),
                    Form::Events { read, .. } => read.calls.close(|_| true),
                    _ => {}
                }
                Ok(self.take_calls())
            }
            Form::Read(_) | Form::Unread(_) | Form::Embeddings(_) => Ok(Vec::new()),
        }
    }

    /// Tells what became of the answer, complete or not.
    pub fn finish(mut self) -> Outcome {
        if matches!(self.form, Form::Document { .. }) {
            let _ = self.end(); // what cannot be read is told by its bytes
        }
        match self.form {
            Form::Document { held, .. } => {
                Outcome { output_bytes_seen: held.len() as u64, ..Outcome::default() }
            }
            Form::Read(outcome) => outcome,
            Form::Unread(bytes) => Outcome { output_bytes_seen: bytes, ..Outcome::default() },
            Form::Embeddings(member) => openai::read_embeddings_answer(member),
            Form::Chunks { read, .. } => read.finish(),
            Form::Events { read, .. } => read.finish(),
        }
    }
}

/// Ends a stream of chunks. The SDKs compare the beginning only.
pub(crate) const DONE: &[u8] = b"[DONE]";

fn hold(held: &mut Vec<u8>, chunk: &[u8]) {
    match held.is_empty() {
        // Most answers come in one piece, which then takes just its own size.
        true => *held = chunk.to_vec(),
        false => held.extend_from_slice(chunk),
    }
}

pub(crate) fn bounds() -> Bounds {
    Bounds { nodes_max: ANSWER_NODES_MAX, string_bytes_max: ANSWER_BYTES_MAX, ..Bounds::default() }
}

/// Of an answer that whoever holds it has bounded.
pub(crate) fn document_bounds(answer: &[u8]) -> Bounds {
    Bounds { string_bytes_max: answer.len(), ..bounds() }
}

/// Reads an event's data in the memory of the event before it. Empty data is what some upstreams keep a line open with.
fn with_document(
    event: Event<'_>,
    spare: &mut Spare,
    read: impl FnOnce(&Document<'_>) -> Result<(), AnswerError>,
) -> Result<(), AnswerError> {
    if event.data.is_empty() {
        return Ok(());
    }
    let document = Document::parse_into(event.data, &bounds(), std::mem::take(spare))?;
    let result = read(&document);
    *spare = document.into_spare();
    result
}

/// Reads a whole answer in which calls may stand: them, and what became of it.
pub fn read_answer(operation: Operation, answer: &[u8]) -> Result<(Vec<Proposed>, Outcome), AnswerError> {
    let mut calls = Calls::default();
    let outcome = read_document(operation, answer, &mut calls)?;
    Ok((calls.take(), outcome))
}

fn read_document(operation: Operation, held: &[u8], calls: &mut Calls) -> Result<Outcome, AnswerError> {
    let document = match Document::parse(held, &document_bounds(held)) {
        Ok(document) => document,
        Err(error) if matches!(operation, Operation::ChatCompletions | Operation::Messages) => {
            return Err(error.into());
        }
        Err(_) => return Ok(Outcome { output_bytes_seen: held.len() as u64, ..Outcome::default() }),
    };
    match operation {
        Operation::ChatCompletions => openai::read_chat_answer(document.root(), calls),
        Operation::Messages => anthropic::read_message_answer(document.root(), calls),
        Operation::CountTokens | Operation::Models | Operation::Embeddings => {
            Ok(Outcome { usage: Some(Usage::default()), ended: true, ..Outcome::default() })
        }
    }
}

#[cfg(test)]
mod tests;
