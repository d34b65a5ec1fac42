//! The OpenAI dialect: Chat Completions, Embeddings, Models.
//!
//! Source of the shapes: OpenAI's published OpenAPI document and the types of its Python SDK 3.54.

mod answer;
mod embeddings;
mod likeness;
mod message;
mod offer;
mod refusal;
mod request;
mod rewrite;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use answer::{read_chat_answer, read_embeddings_answer};
pub(crate) use embeddings::read_embeddings;
pub(crate) use refusal::{error_event, push_error_body};
pub(crate) use request::read_chat;
pub(crate) use rewrite::Rewriter;
pub(crate) use stream::ChunkReader;
