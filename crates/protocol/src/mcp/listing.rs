//! Lists of tools: each definition as its server wrote it.

use botwarden_types::Span;

use crate::envelope::{Place, fields, items, required_text, text};
use crate::json::{Document, Kind, push_quoted};
use crate::{Bounds, ReadError};

/// One page of a server's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its tools in order.
    pub tools: Vec<Listed>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// One tool of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its definition, as written: an object.
    pub definition: String,
    /// Where in the definition the name stands, quotes included.
    pub name_at: Span,
}

/// Reads the result of `tools/list`.
pub fn read_page(result: &[u8], bounds: &Bounds) -> Result<Page, ReadError> {
    let document = Document::parse(result, bounds)?;
    let [tools, next] = fields(document.root(), &["tools", "nextCursor"], &Place::BODY)?;
    let place = Place::BODY.field("tools");
    if tools.is_none() {
        return Err(place.missing("an array"));
    }
    let mut read = Vec::new();
    for (place, tool) in items(tools, &place)? {
        let [name] = fields(tool, &["name"], &place)?;
        let (span, from) = (name.map(|name| name.span()), tool.span().start);
        let name = required_text(name, &place.field("name"))?;
        let span = span.unwrap_or(Span { start: from, end: from });
        let name_at = Span { start: span.start.saturating_sub(from), end: span.end.saturating_sub(from) };
        read.push(Listed { name, definition: tool.raw().to_owned(), name_at });
    }
    let next = next.filter(|next| next.kind() != Kind::Null);
    let next = next.map(|next| text(next, &Place::BODY.field("nextCursor")).map(|next| next.into_owned()));
    Ok(Page { tools: read, next: next.transpose()?.filter(|next| !next.is_empty()) })
}

/// Appends the definition under another name and not a byte else changed.
pub fn rename(out: &mut Vec<u8>, tool: &Listed, name: &str) {
    let (before, rest) = tool.definition.split_at_checked(tool.name_at.start).unwrap_or_default();
    let after = rest.get(tool.name_at.end - tool.name_at.start..).unwrap_or_default();
    out.extend_from_slice(before.as_bytes());
    push_quoted(out, name);
    out.extend_from_slice(after.as_bytes());
}
