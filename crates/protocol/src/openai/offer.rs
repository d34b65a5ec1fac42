//! Tools offered to the model.

use std::borrow::Cow;

use botwarden_types::ToolOffer;

use crate::ReadError;
use crate::envelope::{Place, fields, items, required_text, text};
use crate::json::{Kind, Value};
use crate::model_name::tool_models;

/// What a router adds by itself. Source: OpenRouter documentation, "Plugins".
const PLUGIN: &str = "plugin";

/// Reads `tools`, the older `functions`, and what makes the vendor act by itself: `web_search_options`, and the `plugins` of OpenRouter.
/// The models that the vendor's tools may turn to join `models`.
pub(super) fn read_offers(
    tools: Option<Value<'_>>,
    functions: Option<Value<'_>>,
    [web_search, plugins]: [Option<Value<'_>>; 2],
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
    for (place, plugin) in items(plugins, &Place::BODY.field("plugins"))? {
        let [id] = fields(plugin, &["id"], &place)?;
        let name = format!("{PLUGIN}:{}", required_text(id, &place.field("id"))?);
        offers.push(ToolOffer { name, kind: PLUGIN.to_owned(), span: plugin.span() });
    }
    Ok(offers)
}

/// Reads which tools `tool_choice` and the older `function_call` name: one to be called, or several to choose from.
pub(super) fn read_chosen(
    tool_choice: Option<Value<'_>>,
    function_call: Option<Value<'_>>,
) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    if let Some(call) = function_call.filter(|call| call.kind() == Kind::Object) {
        let place = Place::BODY.field("function_call");
        let [name] = fields(call, &["name"], &place)?;
        read_chosen_name(name, &place, &mut names)?;
    }
    let Some(choice) = tool_choice.filter(|choice| choice.kind() == Kind::Object) else { return Ok(names) };
    let place = Place::BODY.field("tool_choice");
    read_choice(choice, &place, &mut names)?;
    let [allowed] = fields(choice, &["allowed_tools"], &place)?;
    if let Some(allowed) = allowed {
        let place = place.field("allowed_tools");
        let [tools] = fields(allowed, &["tools"], &place)?;
        for (place, tool) in items(tools, &place.field("tools"))? {
            read_choice(tool, &place, &mut names)?;
        }
    }
    Ok(names)
}

/// `{"type": "function", "function": {"name": …}}`, and the like for `custom`.
fn read_choice(choice: Value<'_>, place: &Place<'_>, names: &mut Vec<String>) -> Result<(), ReadError> {
    let [function, custom] = fields(choice, &["function", "custom"], place)?;
    for (described, field) in [(function, "function"), (custom, "custom")] {
        if let Some(described) = described {
            let place = place.field(field);
            let [name] = fields(described, &["name"], &place)?;
            read_chosen_name(name, &place, names)?;
        }
    }
    Ok(())
}

fn read_chosen_name(
    name: Option<Value<'_>>,
    place: &Place<'_>,
    names: &mut Vec<String>,
) -> Result<(), ReadError> {
    names.extend(name.map(|name| text(name, &place.field("name"))).transpose()?.map(Cow::into_owned));
    Ok(())
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
