//! Whole answers.

use super::stream::ChunkReader;
use crate::Bounds;
use crate::answer::{AnswerError, Outcome, Usage};
use crate::call::Calls;
use crate::json::{Document, MemberReader, Value};

/// Reads the answer to Chat Completions. Each choice's message reads like the sum of its deltas.
pub(crate) fn read_chat_answer(answer: Value<'_>, calls: &mut Calls) -> Result<Outcome, AnswerError> {
    let mut reader = ChunkReader::default();
    reader.chunk(answer)?;
    reader.done();
    *calls = std::mem::take(&mut reader.calls);
    Ok(Outcome { tool_calls: calls.count(), ..reader.finish() })
}

/// Reads what is known of the answer to Embeddings.
pub(crate) fn read_embeddings_answer(member: MemberReader) -> Outcome {
    let (usage, ended) = member.finish();
    Outcome { usage: usage.and_then(|bytes| read_embeddings_usage(&bytes)), ended, ..Outcome::default() }
}

fn read_embeddings_usage(bytes: &[u8]) -> Option<Usage> {
    let document = Document::parse(bytes, &Bounds::default()).ok()?;
    let input_tokens = document.root().get("prompt_tokens")?.as_u64()?;
    Some(Usage { input_tokens, output_tokens: 0 })
}
