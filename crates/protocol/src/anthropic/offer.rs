//! Tools offered to the model.

use std::borrow::Cow;

use botwarden_types::ToolOffer;

use crate::ReadError;
use crate::envelope::{Place, fields, items, required_text, text};
use crate::json::{Kind, Value};
use crate::model_name::tool_models;

/// A tool the application runs and describes itself; `type` may be left out.
const CUSTOM: &str = "custom";

/// A server of tools that the vendor calls by itself. What it is depends on where it is, so its address is part of its name.
const MCP_SERVER: &str = "mcp_server";

/// Reads `tools` and `mcp_servers`. Every type but `custom` is one the vendor defines, and goes by its type: the name
/// beside it is the caller's word. The models that the vendor's tools may turn to join `models`.
pub(super) fn read_offers(
    tools: Option<Value<'_>>,
    mcp_servers: Option<Value<'_>>,
    models: &mut Vec<String>,
) -> Result<Vec<ToolOffer>, ReadError> {
    let mut offers = Vec::new();
    for (place, tool) in items(tools, &Place::BODY.field("tools"))? {
        let [kind, name] = fields(tool, &["type", "name"], &place)?;
        let kind = kind.map(|kind| text(kind, &place.field("type"))).transpose()?;
        let kind = kind.map_or_else(|| CUSTOM.to_owned(), |kind| kind.into_owned());
        let name = if kind == CUSTOM {
            required_text(name, &place.field("name"))?
        } else {
            tool_models(tool, &place, models)?;
            kind.clone()
        };
        offers.push(ToolOffer { name, kind, span: tool.span() });
    }
    for (place, server) in items(mcp_servers, &Place::BODY.field("mcp_servers"))? {
        let [url] = fields(server, &["url"], &place)?;
        let url = url.map(|url| text(url, &place.field("url"))).transpose()?.unwrap_or_default();
        let name = format!("{MCP_SERVER}:{url}");
        offers.push(ToolOffer { name, kind: MCP_SERVER.to_owned(), span: server.span() });
    }
    Ok(offers)
}

/// Reads which tool `tool_choice` names.
pub(super) fn read_chosen(tool_choice: Option<Value<'_>>) -> Result<Vec<String>, ReadError> {
    let Some(choice) = tool_choice.filter(|choice| choice.kind() == Kind::Object) else {
        return Ok(Vec::new());
    };
    let place = Place::BODY.field("tool_choice");
    let [name] = fields(choice, &["name"], &place)?;
    let name = name.map(|name| text(name, &place.field("name"))).transpose()?;
    Ok(name.map(Cow::into_owned).into_iter().collect())
}
