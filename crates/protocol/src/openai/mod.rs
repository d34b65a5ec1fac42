//! The OpenAI dialect: Chat Completions, Embeddings, Models.
//!
//! Source of the shapes: OpenAI's published OpenAPI document and the types of its Python SDK, 2.x.

mod embeddings;
mod message;
mod offer;
mod refusal;
mod request;

pub(crate) use embeddings::read_embeddings;
pub(crate) use refusal::{error_event, push_error_body};
pub(crate) use request::read_chat;
