//! Watching an answer go by.

use botwarden_types::{Delivery, Operation};

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

/// Tool calls that are told apart in one answer. More are not counted.
const CALLS_MAX: u32 = 1024;

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
                data => with_document(event, spare, |document| {
                    read.chunk_and_learn(data, document.root());
                    Ok(())
                }),
            }),
            Form::Events { events, spare, read } => events.push(chunk, |event| {
                with_document(event, spare, |document| read.event(event.name, document.root()))
            }),
        }
    }

    /// Tells what became of the answer, complete or not.
    pub fn finish(self) -> Outcome {
        match self.form {
            Form::Document { operation, held } => read_document(operation, &held),
            Form::Unread(bytes) => Outcome { output_bytes_seen: bytes, ..Outcome::default() },
            Form::Embeddings(member) => openai::read_embeddings_answer(member),
            Form::Chunks { read, .. } => read.finish(),
            Form::Events { read, .. } => read.finish(),
        }
    }
}

/// Ends a stream of chunks. The SDKs compare the beginning only.
const DONE: &[u8] = b"[DONE]";

fn hold(held: &mut Vec<u8>, chunk: &[u8]) {
    match held.is_empty() {
        // Most answers come in one piece, which then takes just its own size.
        true => *held = chunk.to_vec(),
        false => held.extend_from_slice(chunk),
    }
}

fn bounds() -> Bounds {
    Bounds { nodes_max: ANSWER_NODES_MAX, string_bytes_max: ANSWER_BYTES_MAX, ..Bounds::default() }
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

fn read_document(operation: Operation, held: &[u8]) -> Outcome {
    let Ok(document) = Document::parse(held, &bounds()) else {
        return Outcome { output_bytes_seen: held.len() as u64, ..Outcome::default() };
    };
    match operation {
        Operation::ChatCompletions => openai::read_chat_answer(document.root()),
        Operation::Messages => anthropic::read_message_answer(document.root()),
        Operation::CountTokens | Operation::Models | Operation::Embeddings => {
            Outcome { usage: Some(Usage::default()), ended: true, ..Outcome::default() }
        }
    }
}

/// Adds one to a count of calls, up to the bound.
pub(crate) fn one_more(calls: u32) -> u32 {
    calls.saturating_add(1).min(CALLS_MAX)
}

/// Whether a further call can be told apart.
pub(crate) fn counts_more(calls: usize) -> bool {
    calls < CALLS_MAX as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(operation: Operation, delivery: Delivery, answer: &str) -> Result<Outcome, AnswerError> {
        let mut reader = AnswerReader::new(operation, delivery);
        reader.push(answer.as_bytes())?;
        Ok(reader.finish())
    }

    fn chunks(stream: &str) -> Result<Outcome, AnswerError> {
        read(Operation::ChatCompletions, Delivery::Streamed, stream)
    }

    fn events(stream: &str) -> Result<Outcome, AnswerError> {
        read(Operation::Messages, Delivery::Streamed, stream)
    }

    /// A chunk that is like the one before is not read whole; whatever it says beside its words must still be seen.
    #[test]
    fn alike_chunks_say_the_same_as_when_read_alone() {
        let chunk = |text: &str, rest: &str| {
            format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}{rest}}}}}]}}\n\n")
        };
        let plain = chunk("\"abc\"", "");
        for (name, next, bytes) in [
            ("the same", plain.clone(), 6),
            ("other words", chunk("\"defgh\"", ""), 8),
            ("escapes", chunk(r#""\u00e4\"\n""#, ""), 7),
            ("empty", chunk("\"\"", ""), 3),
            ("null", chunk("null", ""), 3),
            ("more behind the words", chunk("\"a\"", ",\"refusal\":\"bc\""), 6),
            ("words that look like more", chunk(r#""a\",\"refusal\":\"bc""#, ""), 3 + 16),
        ] {
            let outcome = chunks(&format!("{plain}{next}{plain}")).unwrap();
            assert_eq!(outcome.output_bytes_seen, bytes + 3, "{name}");
        }
        for (name, bad) in [
            ("a name twice", chunk("\"a\"", ",\"content\":\"b\"")),
            ("a lone surrogate", chunk(r#""\ud800""#, "")),
            ("a control character", chunk("\"a\u{1}\"", "")),
        ] {
            assert!(chunks(&format!("{plain}{bad}")).is_err(), "{name}");
        }
    }

    #[test]
    fn streams_that_end_early_have_not_ended() {
        let begun = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"abc\"}}]}\n\n";
        let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
        let spent = Some(Usage { input_tokens: 1, output_tokens: 2 });
        for (name, stream, ended, usage) in [
            ("cut", begun.to_owned(), false, None),
            ("no usage asked for", format!("{begun}data: [DONE]\n\n"), true, None),
            ("usage and end", format!("{begun}{usage}data: [DONE]\n\n"), true, spent),
            ("usage, then cut", format!("{begun}{usage}data: [DONE]\n"), false, spent),
            ("an error in between", format!("{begun}data: {{\"error\":{{}}}}\n\n"), false, None),
        ] {
            let outcome = chunks(&stream).unwrap();
            assert_eq!(
                (outcome.ended, outcome.usage, outcome.output_bytes_seen),
                (ended, usage, 3),
                "{name}"
            );
        }
    }

    #[test]
    fn the_first_count_of_a_stream_is_not_the_last() {
        let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":7,\"output_tokens\":1}}}\n\n";
        let delta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n";
        assert_eq!(events(start).unwrap().usage, None);
        let outcome = events(&format!("{start}{delta}")).unwrap();
        assert_eq!(outcome.usage, Some(Usage { input_tokens: 12, output_tokens: 9 }));
        assert_eq!((outcome.ended, outcome.finish.as_deref()), (false, Some("end_turn")));
    }

    #[test]
    fn streams_that_are_cut() {
        let long = format!("data: \"{}\"\n\n", "a".repeat(EVENT_BYTES_MAX));
        for (name, found, want) in [
            ("too long an event", chunks(&long), "an event of the answer has more than 1048576 bytes"),
            (
                "not JSON",
                chunks("data: hello\n\n"),
                "an event of the answer is not JSON: unexpected byte at byte 0",
            ),
            (
                "a name twice",
                chunks("data: {\"a\":1,\"a\":2}\n\n"),
                "an event of the answer is not JSON: duplicate name in one object at byte 12",
            ),
            (
                "two names",
                events("event: ping\ndata: {\"type\":\"message_stop\"}\n\n"),
                "an event of the answer has two names",
            ),
        ] {
            assert_eq!(found.unwrap_err().to_string(), want, "{name}");
        }
    }

    #[test]
    fn whole_answers_that_make_no_sense_have_not_ended() {
        for operation in [Operation::ChatCompletions, Operation::Messages, Operation::CountTokens] {
            for answer in ["", "{\"usage\":", "<html>"] {
                let outcome = read(operation, Delivery::Whole, answer).unwrap();
                let want = Outcome { output_bytes_seen: answer.len() as u64, ..Outcome::default() };
                assert_eq!(outcome, want, "{operation:?} {answer}");
            }
        }
    }

    #[test]
    fn a_whole_answer_is_read_up_to_the_bound_and_passes_beyond_it() {
        let usage = br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        let half = vec![b' '; ANSWER_BYTES_MAX / 2];
        let fills = &half[usage.len()..];
        for (name, pieces, spent, bytes) in [
            (
                "at the bound",
                vec![&usage[..], fills, &half],
                Some(Usage { input_tokens: 1, output_tokens: 2 }),
                0,
            ),
            ("a byte more", vec![&usage[..], fills, &half, b" "], None, ANSWER_BYTES_MAX as u64 + 1),
            ("much more", vec![&usage[..], fills, &half, &half, b"{"], None, half.len() as u64 * 3 + 1),
        ] {
            let mut reader = AnswerReader::new(Operation::ChatCompletions, Delivery::Whole);
            for piece in pieces {
                assert_eq!(reader.push(piece), Ok(()), "{name}");
            }
            let outcome = reader.finish();
            let found = (outcome.usage, outcome.ended, outcome.output_bytes_seen);
            assert_eq!(found, (spent, spent.is_some(), bytes), "{name}");
        }
        let mut reader = AnswerReader::new(Operation::Embeddings, Delivery::Whole);
        for _ in 0..3 {
            assert_eq!(reader.push(&half), Ok(()), "embeddings are not held");
        }
    }

    #[test]
    fn calls_are_counted_up_to_a_bound() {
        let call = |index| {
            format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":{index}}}]}}}}]}}\n\n")
        };
        let stream: String = (0..2000).map(call).collect();
        assert_eq!(chunks(&stream).unwrap().tool_calls, CALLS_MAX);
    }
}
