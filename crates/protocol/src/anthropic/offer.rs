//! Tools offered to the model.

use botwarden_types::ToolOffer;

use crate::ReadError;
use crate::envelope::{Place, fields, items, required_text, text};
use crate::json::Value;
use crate::model_name::tool_models;

/// A tool the application runs and describes itself; `type` may be left out.
const CUSTOM: &str = "custom";

/// A server of tools that the vendor calls by itself.
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
    for (_, server) in items(mcp_servers, &Place::BODY.field("mcp_servers"))? {
        let (name, kind) = (MCP_SERVER.to_owned(), MCP_SERVER.to_owned());
        offers.push(ToolOffer { name, kind, span: server.span() });
    }
    Ok(offers)
}
