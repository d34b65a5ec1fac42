//! The models a request names, wherever it names them: each has to be granted.

use crate::ReadError;
use crate::envelope::{Place, fields, items, text};
use crate::error::Fault;
use crate::json::{Kind, Value};

/// Vendors' names are shorter.
const NAME_BYTES_MAX: usize = 256;

/// The fields that let an upstream turn to other models by itself: OpenRouter's, Anthropic's, and those of LiteLLM's router.
pub(crate) const OTHERS: [&str; 4] =
    ["models", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks"];

/// Whether it is a model's name and one alone: letters, digits and what vendors put between them, fine-tunes
/// (`ft:gpt-4o:org::id`) included. No comma and no control character, where another reader might see a second name; no `%`
/// and no `..`, which it could resolve to another path.
pub fn is_model_name(name: &str) -> bool {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'@'));
    plain
        && (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.split('/').all(|piece| !matches!(piece, "" | "." | ".."))
}

/// The name of a model that has to be there.
pub(crate) fn required_model(value: Option<Value<'_>>, place: &Place<'_>) -> Result<String, ReadError> {
    let name = text(value.ok_or_else(|| place.missing("a string"))?, place)?;
    if is_model_name(&name) { Ok(name.into_owned()) } else { Err(place.refuse(Fault::Model)) }
}

/// The models in the fields [`OTHERS`] of a body. What cannot be read as names is refused: the upstream might.
pub(crate) fn other_models(values: [Option<Value<'_>>; 4]) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    for (field, value) in OTHERS.into_iter().zip(values) {
        if let Some(value) = value {
            read_names(value, &Place::BODY.field(field), &mut names)?;
        }
    }
    Ok(names)
}

/// The models that a tool of a vendor's may turn to: `model`, and `model` within `parameters`. Of a tool that the
/// application runs itself, these are the application's own words.
pub(crate) fn tool_models(
    tool: Value<'_>,
    place: &Place<'_>,
    names: &mut Vec<String>,
) -> Result<(), ReadError> {
    let [model, parameters] = fields(tool, &["model", "parameters"], place)?;
    if let Some(model) = model {
        read_names(model, &place.field("model"), names)?;
    }
    let Some(parameters) = parameters else { return Ok(()) };
    let place = place.field("parameters");
    let [model] = fields(parameters, &["model"], &place)?;
    model.map_or(Ok(()), |model| read_names(model, &place.field("model"), names))
}

/// A name (`default` is one), or several.
fn read_names(value: Value<'_>, place: &Place<'_>, names: &mut Vec<String>) -> Result<(), ReadError> {
    if value.kind() == Kind::String {
        names.push(required_model(Some(value), place)?);
        return Ok(());
    }
    for (place, item) in items(Some(value), place)? {
        if item.kind() == Kind::Object {
            read_turn(item, &place, names)?;
        } else {
            names.push(required_model(Some(item), &place)?);
        }
    }
    Ok(())
}

/// One turn: `{"model": "b", …}` with other settings beside it, or `{"a": ["b", "c"]}`, from one model to others. A list
/// beside `model` may be of the second form too, so lists are names whatever they are called.
fn read_turn(turn: Value<'_>, place: &Place<'_>, names: &mut Vec<String>) -> Result<(), ReadError> {
    let [model] = fields(turn, &["model"], place)?;
    let before = names.len();
    for (_, value) in turn.entries() {
        if value.kind() == Kind::Array {
            for item in value.items() {
                names.push(name_of(item, place)?);
            }
        }
    }
    match model {
        Some(model) if model.kind() == Kind::Array => Ok(()),
        None if names.len() > before => Ok(()),
        model => {
            names.push(required_model(model, &place.field("model"))?);
            Ok(())
        }
    }
}

/// A name, or an object with `model`.
fn name_of(item: Value<'_>, place: &Place<'_>) -> Result<String, ReadError> {
    if item.kind() != Kind::Object {
        return required_model(Some(item), place);
    }
    let [model] = fields(item, &["model"], place)?;
    required_model(model, &place.field("model"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bounds;
    use crate::json::Document;

    fn read(field: usize, json: &str) -> Result<Vec<String>, String> {
        let document = Document::parse(json.as_bytes(), &Bounds::default()).unwrap();
        let mut values = [None; 4];
        values[field] = Some(document.root());
        other_models(values).map_err(|error| error.param().unwrap().to_owned())
    }

    #[test]
    fn every_way_to_name_another_model_is_read() {
        for (json, want) in [
            (r#""default""#, &["default"][..]),
            (r#"["a","b"]"#, &["a", "b"]),
            (r#"[{"model":"a","max_tokens":5,"speed":"fast"},"b"]"#, &["a", "b"]),
            (r#"[{"model":["a","b"]}]"#, &["a", "b"]),
            (r#"[{"x":["a"]},{"y":["b","c"]}]"#, &["a", "b", "c"]),
            (r#"[{"x":[{"model":"a"}]}]"#, &["a"]),
            (r#"[{"x":["a"],"model":"b"}]"#, &["a", "b"]),
            (r#"[{"model":"a","fallbacks":["b"]}]"#, &["b", "a"]),
            ("[]", &[]),
        ] {
            for field in 0..4 {
                assert_eq!(read(field, json).unwrap(), want, "{json}");
            }
        }
    }

    #[test]
    fn what_could_be_read_as_other_names_is_refused() {
        for (json, want) in [
            ("7", "models"),
            (r#"{"x":["a"]}"#, "models"),
            (r#""a,b""#, "models"),
            (r#"["a","b c"]"#, "models[1]"),
            (r#"[["a"]]"#, "models[0]"),
            ("[{}]", "models[0].model"),
            (r#"[{"x":"a"}]"#, "models[0].model"),
            (r#"[{"x":[]}]"#, "models[0].model"),
            (r#"[{"model":{}}]"#, "models[0].model"),
            (r#"[{"Model":"a"}]"#, "models[0].model"),
            (r#"[{"model":"a","x":[["b"]]}]"#, "models[0]"),
            (r#"[{"model":"a","x":[{"y":["b"]}]}]"#, "models[0].model"),
            (r#"[{"model":"a","x":[7]}]"#, "models[0]"),
        ] {
            assert_eq!(read(0, json).unwrap_err(), want, "{json}");
        }
    }

    #[test]
    fn names() {
        let longest = "a".repeat(256);
        for (name, want) in [
            ("gpt-4o-mini", true),
            ("ft:gpt-4o:org::7p", true),
            ("org/model:free", true),
            ("@cf/meta/llama-3.1", true),
            (longest.as_str(), true),
            (&format!("{longest}a"), false),
            ("", false),
            ("gpt-5,forbidden", false),
            ("gpt-5 ", false),
            ("gpt-5\n", false),
            ("gpt-5\0", false),
            ("gpt-5;x", false),
            ("gpt-%35", false),
            ("gpt-\u{ff15}", false),
            ("a/../b", false),
            ("a//b", false),
        ] {
            assert_eq!(is_model_name(name), want, "{name:?}");
        }
    }
}
