//! Messages and count_tokens requests.

use botwarden_types::{Delivery, Dialect, Exchange, Message, Operation, Part, Role, UserName};

use super::block::read_content;
use super::offer::{read_chosen, read_offers};
use crate::ReadError;
use crate::envelope::{Place, fields, flag, items, text, user_name, whole_number};
use crate::error::Fault;
use crate::json::Value;
use crate::model_name::{OTHERS, other_models, required_model};

const BODY: [&str; 13] = [
    "model",
    "messages",
    "system",
    "stream",
    "metadata",
    "tools",
    "mcp_servers",
    "tool_choice",
    "max_tokens",
    OTHERS[0],
    OTHERS[1],
    OTHERS[2],
    OTHERS[3],
];

/// Reads the body of `POST /v1/messages` or `POST /v1/messages/count_tokens`.
pub(crate) fn read_messages(operation: Operation, body: Value<'_>) -> Result<Exchange, ReadError> {
    let at = Place::BODY;
    let [model, messages, system, stream, metadata, tools, mcp_servers, tool_choice, max_tokens, others @ ..] =
        fields(body, &BODY, &at)?;
    let mut fallback_models = other_models(others)?;
    Ok(Exchange {
        dialect: Dialect::Anthropic,
        operation,
        model: required_model(model, &at.field("model"))?,
        delivery: if flag(stream, &at.field("stream"))? { Delivery::Streamed } else { Delivery::Whole },
        user: read_user(metadata, &at.field("metadata"))?,
        messages: read_conversation(system, messages)?,
        tools: read_offers(tools, mcp_servers, &mut fallback_models)?,
        tools_chosen: read_chosen(tool_choice)?,
        output_tokens_max: whole_number(max_tokens, &at.field("max_tokens"))?,
        choices: 1,
        fallback_models,
    })
}

fn read_user(metadata: Option<Value<'_>>, place: &Place<'_>) -> Result<Option<UserName>, ReadError> {
    match metadata {
        Some(metadata) => {
            let [id] = fields(metadata, &["user_id"], place)?;
            user_name(id, &place.field("user_id"))
        }
        None => Ok(None),
    }
}

fn read_conversation(
    system: Option<Value<'_>>,
    messages: Option<Value<'_>>,
) -> Result<Vec<Message>, ReadError> {
    let place = Place::BODY.field("messages");
    if messages.is_none() {
        return Err(place.missing("an array of messages"));
    }
    let mut conversation = Vec::new();
    if let Some(system) = system {
        let parts = read_content(Some(system), &Place::BODY.field("system"))?;
        conversation.push(Message { role: Role::System, parts, span: system.span() });
    }
    for (place, message) in items(messages, &place)? {
        conversation.push(read_message(message, &place)?);
    }
    Ok(conversation)
}

fn read_message(message: Value<'_>, place: &Place<'_>) -> Result<Message, ReadError> {
    let [role, content] = fields(message, &["role", "content"], place)?;
    let parts = read_content(content, &place.field("content"))?;
    let role = match read_role(role, &place.field("role"))? {
        Role::User if is_result(&parts) => Role::Tool,
        role => role,
    };
    Ok(Message { role, parts, span: message.span() })
}

fn read_role(role: Option<Value<'_>>, place: &Place<'_>) -> Result<Role, ReadError> {
    const EXPECTED: &str = "one of user, assistant, system";
    let role = role.ok_or_else(|| place.missing(EXPECTED))?;
    match &*text(role, place)? {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "system" => Ok(Role::System),
        _ => Err(place.refuse(Fault::Shape { found: "another role", expected: EXPECTED })),
    }
}

/// Whether a user's message says nothing of the user's own. A part that is not words counts as a result's only if it
/// lies within one.
fn is_result(parts: &[Part]) -> bool {
    let mut end = 0;
    !parts.is_empty()
        && parts.iter().all(|part| match part {
            Part::ToolResult(result) => {
                end = result.span.end;
                true
            }
            Part::Other { span, .. } => span.end <= end,
            Part::Text { .. } | Part::ToolCall(_) => false,
        })
}
