//! Tools offered to the model.

use botwarden_types::ToolOffer;

use crate::ReadError;
use crate::envelope::{Place, fields, items, required_text};
use crate::json::Value;
use crate::model_name::tool_models;

/// Reads `tools`, the older `functions`, and `web_search_options`, which makes the vendor search by itself.
/// The models that the vendor's tools may turn to join `models`.
pub(super) fn read_offers(
    tools: Option<Value<'_>>,
    functions: Option<Value<'_>>,
    web_search: Option<Value<'_>>,
    models: &mut Vec<String>,
) -> Result<Vec<ToolOffer>, ReadError> {
    let mut offers = Vec::new();
    for (place, tool) in items(tools, &Place::BODY.field("tools"))? {
        offers.push(read_tool(tool, &place, models)?);
    }
    for (place, function) in items(functions, &Place::BODY.field("functions"))? {
        offers.push(ToolOffer {
            name: read_name(Some(function), &place)?,
            kind: "function".to_owned(),
            span: function.span(),
        });
    }
    offers.extend(web_search.map(|options| ToolOffer {
        name: "web_search".to_owned(),
        kind: "web_search_options".to_owned(),
        span: options.span(),
    }));
    Ok(offers)
}

fn read_tool(tool: Value<'_>, place: &Place<'_>, models: &mut Vec<String>) -> Result<ToolOffer, ReadError> {
    let [kind, function, custom] = fields(tool, &["type", "function", "custom"], place)?;
    let kind = required_text(kind, &place.field("type"))?;
    let name = match kind.as_str() {
        "function" => read_name(function, &place.field("function"))?,
        "custom" => read_name(custom, &place.field("custom"))?,
        _ => {
            tool_models(tool, place, models)?;
            kind.clone()
        }
    };
    Ok(ToolOffer { name, kind, span: tool.span() })
}

fn read_name(described: Option<Value<'_>>, place: &Place<'_>) -> Result<String, ReadError> {
    let described = described.ok_or_else(|| place.missing("an object"))?;
    let [name] = fields(described, &["name"], place)?;
    required_text(name, &place.field("name"))
}
