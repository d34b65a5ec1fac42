//! Content blocks: what a message, a system prompt or a tool's result holds.

use botwarden_types::{Part, Span, ToolCall, ToolResult};

use crate::ReadError;
use crate::envelope::{Place, fields, items, required_text, text};
use crate::error::Fault;
use crate::json::{Kind, Value};

const BLOCK: [&str; 10] =
    ["type", "text", "id", "name", "input", "tool_use_id", "content", "source", "title", "context"];

/// Blocks within blocks. The schema has three levels: a result, a document in it, a text in that. The reader calls itself
/// for each, so this bounds its stack.
const LEVELS_MAX: usize = 4;

/// Reads `content` or `system`: a string or an array of blocks.
pub(super) fn read_content(content: Option<Value<'_>>, place: &Place<'_>) -> Result<Vec<Part>, ReadError> {
    read_level(content, place, LEVELS_MAX)
}

/// The same within `levels` levels of blocks.
fn read_level(content: Option<Value<'_>>, place: &Place<'_>, levels: usize) -> Result<Vec<Part>, ReadError> {
    let Some(content) = content else { return Ok(Vec::new()) };
    match content.kind() {
        Kind::String => Ok(vec![text_part(content, place)?]),
        Kind::Array if levels == 0 => Err(place.refuse(Fault::Nested { max: LEVELS_MAX })),
        Kind::Array => {
            let mut parts = Vec::new();
            for (place, block) in items(Some(content), place)? {
                read_block(block, &place, levels - 1, &mut parts)?;
            }
            Ok(parts)
        }
        _ => Err(place.wrong(content, "a string or an array of content blocks")),
    }
}

/// Reads one block. One that holds words without being words (`document`, `search_result`) is followed by them.
fn read_block(
    block: Value<'_>,
    place: &Place<'_>,
    levels: usize,
    parts: &mut Vec<Part>,
) -> Result<(), ReadError> {
    let [kind, words, id, name, input, call_id, content, source, title, context] =
        fields(block, &BLOCK, place)?;
    let kind = required_text(kind, &place.field("type"))?;
    match kind.as_str() {
        "text" => {
            let place = place.field("text");
            parts.push(text_part(words.ok_or_else(|| place.missing("a string"))?, &place)?);
        }
        "tool_use" => parts.push(Part::ToolCall(ToolCall {
            id: required_text(id, &place.field("id"))?,
            name: required_text(name, &place.field("name"))?,
            arguments: read_input(input, &place.field("input"))?,
            span: block.span(),
        })),
        "tool_result" => {
            let call_id = required_text(call_id, &place.field("tool_use_id"))?;
            let content = read_level(content, &place.field("content"), levels)?;
            push_result(call_id, content, block.span(), parts);
        }
        "document" | "search_result" => {
            parts.push(Part::Other { kind, span: block.span() });
            for (name, value) in [("title", title), ("context", context)] {
                parts.extend(value.map(|value| text_part(value, &place.field(name))).transpose()?);
            }
            parts.extend(read_level(content, &place.field("content"), levels)?);
            read_source(source, &place.field("source"), levels, parts)?;
        }
        _ => parts.push(Part::Other { kind, span: block.span() }),
    }
    Ok(())
}

fn text_part(value: Value<'_>, place: &Place<'_>) -> Result<Part, ReadError> {
    Ok(Part::Text { text: text(value, place)?.into_owned(), span: value.span() })
}

fn read_input(input: Option<Value<'_>>, place: &Place<'_>) -> Result<String, ReadError> {
    const EXPECTED: &str = "an object";
    match input {
        Some(input) if input.kind() == Kind::Object => Ok(input.raw().to_owned()),
        Some(input) => Err(place.wrong(input, EXPECTED)),
        None => Err(place.missing(EXPECTED)),
    }
}

/// The result with all its words, those inside of documents too, then whatever in it is not words.
fn push_result(call_id: String, content: Vec<Part>, span: Span, parts: &mut Vec<Part>) {
    let mut texts = Vec::new();
    let mut beside = Vec::new();
    for part in content {
        match part {
            Part::Text { text, span } => texts.push((text, span)),
            other => beside.push(other),
        }
    }
    parts.push(Part::ToolResult(ToolResult { call_id, texts, span }));
    parts.append(&mut beside);
}

/// The words of a document that came as text or as blocks; a search result's source is a plain address.
fn read_source(
    source: Option<Value<'_>>,
    place: &Place<'_>,
    levels: usize,
    parts: &mut Vec<Part>,
) -> Result<(), ReadError> {
    let Some(source) = source else { return Ok(()) };
    if source.kind() == Kind::String {
        parts.push(text_part(source, place)?);
        return Ok(());
    }
    let [kind, data, content] = fields(source, &["type", "data", "content"], place)?;
    match required_text(kind, &place.field("type"))?.as_str() {
        "text" => {
            let place = place.field("data");
            parts.push(text_part(data.ok_or_else(|| place.missing("a string"))?, &place)?);
        }
        "content" => parts.extend(read_level(content, &place.field("content"), levels)?),
        _ => {}
    }
    Ok(())
}
