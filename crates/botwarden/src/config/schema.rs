//! The schema of `botwarden.toml`, from the same types that read it.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use super::raw::RawConfig;

/// The JSON Schema (2020-12) of the configuration file.
pub(crate) fn schema() -> Value {
    generate(Subschemas::Named)
}

/// The same with every part in its place, for [`super::shape`] to walk.
pub(super) fn unfolded() -> Value {
    generate(Subschemas::Inline)
}

#[derive(PartialEq, Eq)]
enum Subschemas {
    Named,
    Inline,
}

fn generate(subschemas: Subschemas) -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
        settings.inline_subschemas = subschemas == Subschemas::Inline;
    });
    let settings = settings.with_transform(RecursiveTransform(without_null as fn(&mut Schema)));
    settings.into_generator().into_root_schema_for::<RawConfig>().to_value()
}

/// TOML has no null: an optional key is left out. What schemars writes for `Option` loses its other half.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|it| it.get("type").is_none_or(|it| it != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            for (key, value) in only {
                // The words of the place say more than those of the type.
                if schema.get(&key).is_none() {
                    schema.insert(key, value);
                }
            }
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|it| !it.is_null());
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
}
