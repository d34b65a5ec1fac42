//! What the fuzz targets assert, one function a target. Their corpora lie in `testdata/fuzz/<target>` and are replayed
//! as an ordinary test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken assertion ends the fuzzer's run")]

mod answer;
mod document;
mod mcp;
mod request;

#[cfg(test)]
mod tests;

use botwarden_types::{Delivery, Dialect, Operation};

/// The JSON reader against `serde_json`.
pub fn json(bytes: &[u8]) {
    document::check(bytes);
}

/// Chat Completions requests.
pub fn openai_request(bytes: &[u8]) {
    request::check(Operation::ChatCompletions, bytes);
}

/// Embeddings requests.
pub fn openai_embeddings(bytes: &[u8]) {
    request::check(Operation::Embeddings, bytes);
}

/// Messages and count_tokens requests.
pub fn anthropic_request(bytes: &[u8]) {
    request::check(Operation::Messages, bytes);
    request::check(Operation::CountTokens, bytes);
}

/// Streams of chunks.
pub fn openai_stream(bytes: &[u8]) {
    answer::check(Operation::ChatCompletions, Delivery::Streamed, bytes);
}

/// Streams of events.
pub fn anthropic_stream(bytes: &[u8]) {
    answer::check(Operation::Messages, Delivery::Streamed, bytes);
}

/// Whole answers of Chat Completions and Embeddings.
pub fn openai_answer(bytes: &[u8]) {
    answer::check(Operation::ChatCompletions, Delivery::Whole, bytes);
    answer::check(Operation::Embeddings, Delivery::Whole, bytes);
    answer::check_embeddings(bytes);
}

/// Whole answers of Messages.
pub fn anthropic_answer(bytes: &[u8]) {
    answer::check(Operation::Messages, Delivery::Whole, bytes);
}

/// Error bodies of OpenAI.
pub fn openai_error(bytes: &[u8]) {
    answer::check_error(Dialect::OpenAi, bytes);
}

/// Error bodies of Anthropic.
pub fn anthropic_error(bytes: &[u8]) {
    answer::check_error(Dialect::Anthropic, bytes);
}

/// Messages of clients of tools.
pub fn mcp_message(bytes: &[u8]) {
    mcp::check_message(bytes);
}

/// Messages of servers of tools, lists of tools among them.
pub fn mcp_answer(bytes: &[u8]) {
    mcp::check_answer(bytes);
}

/// Lists of models.
pub fn models(bytes: &[u8]) {
    answer::check_models(bytes);
}
