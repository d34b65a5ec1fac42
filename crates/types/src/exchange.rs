//! One request to a model in a form that no vendor owns.
//!
//! Everything carries the [`Span`] of the request's bytes it was read from, so that a finding can be shown and a rewrite
//! can replace just those bytes. Texts are decoded (escapes resolved); spans point at the raw JSON.

use crate::UserName;

/// The bytes `start..end` of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

/// The language a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// OpenAI: Chat Completions, Embeddings, Models.
    OpenAi,
    /// Anthropic: Messages, count_tokens, Models.
    Anthropic,
}

impl Dialect {
    /// The name in configuration, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

/// What is asked of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
    /// `GET /v1/models` and `GET /v1/models/{id}`
    Models,
}

impl Operation {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::ChatCompletions, Self::Embeddings, Self::Messages, Self::CountTokens, Self::Models];

    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Models => "models",
        }
    }
}

/// How the answer is to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// One JSON document.
    #[default]
    Whole,
    /// Server-sent events.
    Streamed,
}

/// A request to a model, read once.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The language it was read from.
    pub dialect: Dialect,
    /// What is asked.
    pub operation: Operation,
    /// The model asked for, as written.
    pub model: String,
    /// Other models the upstream may turn to by itself (`fallbacks`, `models`, those of its own tools): each has to be granted
    /// like `model`.
    pub fallback_models: Vec<String>,
    /// How the answer is to come.
    pub delivery: Delivery,
    /// The user named in the body (`safety_identifier`, `user`, `metadata.user_id`); believed only from a caller with that right.
    pub user: Option<UserName>,
    /// The conversation, oldest first; Anthropic's `system` comes first as [`Role::System`]. Embedding inputs are [`Role::User`].
    pub messages: Vec<Message>,
    /// Tools the model may call, the vendor's own included.
    pub tools: Vec<ToolOffer>,
    /// Tools that the model is told to call, or to choose from, by their names (`tool_choice`, `function_call`).
    pub tools_chosen: Vec<String>,
    /// The most output tokens asked for, per choice.
    pub output_tokens_max: Option<u64>,
    /// Number of answers asked for (`n`); 1 where a dialect has no such field.
    pub choices: u32,
}

/// Who speaks in a message, as the request claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `system` or `developer`.
    System,
    /// `user`.
    User,
    /// `assistant`.
    Assistant,
    /// `tool` or `function`; of a `user` message, that it holds tool results and nothing else.
    Tool,
}

/// One message of a conversation.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// The whole message.
    pub span: Span,
}

/// A piece of a message.
#[derive(Clone, Debug)]
pub enum Part {
    /// Words.
    Text {
        /// The words, escapes resolved.
        text: String,
        /// The JSON string they stand in, quotes included.
        span: Span,
    },
    /// A call the model proposed earlier.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
    /// Something that is not words (image, audio, file) or that this version does not know, by its `type`.
    Other {
        /// The `type` as written.
        kind: String,
        /// The whole part.
        span: Span,
    },
}

/// A tool the model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOffer {
    /// Its name; for a tool the vendor runs itself, its type.
    pub name: String,
    /// `function`, `custom`, or the vendor's own type (`web_search_20250305`).
    pub kind: String,
    /// The whole offer.
    pub span: Span,
}

impl ToolOffer {
    /// Whether the vendor defines it, and mostly runs it too; the others the application describes and runs.
    pub fn is_vendors(&self) -> bool {
        !matches!(self.kind.as_str(), "function" | "custom")
    }
}

/// A tool call as a model proposed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id, which its result names.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments as JSON text: unchecked, as the model wrote it.
    pub arguments: String,
    /// The whole call.
    pub span: Span,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// The call it answers.
    pub call_id: String,
    /// The words of the answer, each with its span. What is not words follows the result as [`Part::Other`].
    pub texts: Vec<(String, Span)>,
    /// The whole result.
    pub span: Span,
}
