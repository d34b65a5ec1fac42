//! The part of OpenAI's Chat Completions that the script reads. Unknown fields are ignored, as a vendor would.

use serde::Deserialize;

/// A request for an answer.
#[derive(Deserialize)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) stream: bool,
    #[serde(default)]
    pub(super) stream_options: StreamOptions,
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
    #[serde(alias = "max_tokens")]
    pub(super) max_completion_tokens: Option<usize>,
}

impl ChatRequest {
    /// Whether the caller offers the tool `name`.
    pub(super) fn offers(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.function.as_ref().is_some_and(|f| f.name == name))
    }
}

#[derive(Default, Deserialize)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
}

#[derive(Deserialize)]
pub(super) struct Tool {
    function: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// One message of the conversation.
#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    pub(super) tool_calls: Vec<CallMade>,
}

impl Message {
    /// Its words; those of all text parts on lines of their own.
    pub(super) fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => {
                parts.iter().filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<TextPart>),
}

#[derive(Deserialize)]
struct TextPart {
    text: Option<String>,
}

/// A call the model proposed earlier in the conversation.
#[derive(Deserialize)]
pub(super) struct CallMade {
    pub(super) function: FunctionCall,
}

#[derive(Deserialize)]
pub(super) struct FunctionCall {
    pub(super) name: String,
    pub(super) arguments: String,
}
