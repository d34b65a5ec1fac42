//! Messages of a conversation and what they hold.

use botwarden_types::{Message, Part, Role, ToolCall, ToolResult};

use crate::ReadError;
use crate::envelope::{Place, fields, items, required_text, text};
use crate::error::Fault;
use crate::json::{Kind, Value};

const MESSAGE: [&str; 10] = [
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "tool_call_id",
    "name",
    "audio",
    "reasoning_content",
    "reasoning",
];

/// Reads one message.
pub(super) fn read_message(message: Value<'_>, place: &Place<'_>) -> Result<Message, ReadError> {
    let [role, content, refusal, tool_calls, function_call, tool_call_id, name, audio, reasoning, thoughts] =
        fields(message, &MESSAGE, place)?;
    let (role, speaker) = read_role(role, &place.field("role"))?;
    let mut parts = read_content(content, &place.field("content"))?;
    if let Some(refusal) = refusal {
        parts.push(text_part(refusal, &place.field("refusal"))?);
    }
    // Fields of other vendors that speak this dialect: their models read them, so they may not pass unseen.
    let unread = [("audio", audio), ("reasoning_content", reasoning), ("reasoning", thoughts)];
    for (kind, value) in unread {
        if let Some(value) = value {
            parts.push(other(kind, value));
        }
    }
    for (place, call) in items(tool_calls, &place.field("tool_calls"))? {
        parts.push(read_call(call, &place)?);
    }
    if let Some(call) = function_call {
        parts.push(read_function_call(call, &place.field("function_call"))?);
    }
    if role == Role::Tool {
        let (id, id_place) = match speaker {
            Speaker::Function => (name, place.field("name")),
            Speaker::Other => (tool_call_id, place.field("tool_call_id")),
        };
        parts = as_result(required_text(id, &id_place)?, parts, message);
    }
    Ok(Message { role, parts, span: message.span() })
}

/// The two kinds of message that carry a result name their call by different fields.
#[derive(Clone, Copy)]
enum Speaker {
    Function,
    Other,
}

fn read_role(role: Option<Value<'_>>, place: &Place<'_>) -> Result<(Role, Speaker), ReadError> {
    const EXPECTED: &str = "one of developer, system, user, assistant, tool, function";
    let role = role.ok_or_else(|| place.missing(EXPECTED))?;
    match &*text(role, place)? {
        "system" | "developer" => Ok((Role::System, Speaker::Other)),
        "user" => Ok((Role::User, Speaker::Other)),
        "assistant" => Ok((Role::Assistant, Speaker::Other)),
        "tool" => Ok((Role::Tool, Speaker::Other)),
        "function" => Ok((Role::Tool, Speaker::Function)),
        _ => Err(place.refuse(Fault::Shape { found: "another role", expected: EXPECTED })),
    }
}

fn read_content(content: Option<Value<'_>>, place: &Place<'_>) -> Result<Vec<Part>, ReadError> {
    match content {
        None => Ok(Vec::new()),
        Some(content) => match content.kind() {
            Kind::String => Ok(vec![text_part(content, place)?]),
            Kind::Array => {
                items(Some(content), place)?.map(|(place, part)| read_part(part, &place)).collect()
            }
            _ => Err(place.wrong(content, "a string, null or an array of parts")),
        },
    }
}

fn read_part(part: Value<'_>, place: &Place<'_>) -> Result<Part, ReadError> {
    let [kind, text, refusal] = fields(part, &["type", "text", "refusal"], place)?;
    let kind = required_text(kind, &place.field("type"))?;
    match kind.as_str() {
        "text" => required_text_part(text, &place.field("text")),
        "refusal" => required_text_part(refusal, &place.field("refusal")),
        _ => Ok(Part::Other { kind, span: part.span() }),
    }
}

fn required_text_part(value: Option<Value<'_>>, place: &Place<'_>) -> Result<Part, ReadError> {
    text_part(value.ok_or_else(|| place.missing("a string"))?, place)
}

fn text_part(value: Value<'_>, place: &Place<'_>) -> Result<Part, ReadError> {
    Ok(Part::Text { text: text(value, place)?.into_owned(), span: value.span() })
}

fn other(kind: &str, value: Value<'_>) -> Part {
    Part::Other { kind: kind.to_owned(), span: value.span() }
}

fn read_call(call: Value<'_>, place: &Place<'_>) -> Result<Part, ReadError> {
    let [id, kind, function, custom] = fields(call, &["id", "type", "function", "custom"], place)?;
    let kind = kind.map(|kind| text(kind, &place.field("type"))).transpose()?;
    let (inner, inner_place, arguments) = match kind.as_deref() {
        Some("function") | None => (function, place.field("function"), "arguments"),
        Some("custom") => (custom, place.field("custom"), "input"),
        Some(kind) => return Ok(other(kind, call)),
    };
    let inner = inner.ok_or_else(|| inner_place.missing("an object"))?;
    let (name, arguments) = read_called(inner, arguments, &inner_place)?;
    let id = required_text(id, &place.field("id"))?;
    Ok(Part::ToolCall(ToolCall { id, name, arguments, span: call.span() }))
}

/// The form before `tool_calls`; it has no id, and its result names it by the function.
fn read_function_call(call: Value<'_>, place: &Place<'_>) -> Result<Part, ReadError> {
    let (name, arguments) = read_called(call, "arguments", place)?;
    Ok(Part::ToolCall(ToolCall { id: name.clone(), name, arguments, span: call.span() }))
}

fn read_called(
    called: Value<'_>,
    arguments: &'static str,
    place: &Place<'_>,
) -> Result<(String, String), ReadError> {
    let [name, input] = fields(called, &["name", arguments], place)?;
    Ok((required_text(name, &place.field("name"))?, required_text(input, &place.field(arguments))?))
}

/// Turns what a `tool` message says into a result; what is not words stays beside it.
fn as_result(call_id: String, parts: Vec<Part>, message: Value<'_>) -> Vec<Part> {
    let mut texts = Vec::new();
    let mut beside = Vec::new();
    for part in parts {
        match part {
            Part::Text { text, span } => texts.push((text, span)),
            other => beside.push(other),
        }
    }
    let mut result = vec![Part::ToolResult(ToolResult { call_id, texts, span: message.span() })];
    result.append(&mut beside);
    result
}
