//! The Anthropic dialect: Messages, count_tokens, Models.
//!
//! Source of the shapes: Anthropic's published API reference and the types of its Python SDK 2.12.

mod answer;
mod block;
mod offer;
mod refusal;
mod request;
mod rewrite;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use answer::read_message_answer;
pub(crate) use refusal::{error_event, push_error_body};
pub(crate) use request::read_messages;
pub(crate) use rewrite::{Rewriter, rewrite_message};
pub(crate) use stream::StreamReader;
