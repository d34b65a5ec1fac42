//! Holds a file against the schema: unknown keys, keys that are missing, values of the wrong type; all of them at once.
//!
//! Serde stops at the first of these. It still has the last word: what passes here is deserialized by it, with the same types
//! that the schema comes from.

use std::ops::Range;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::{FINDINGS_MAX, Place};
use super::{Finding, Source, unknown};

/// What a schema asks for, as far as configuration types need it.
enum Kind<'s> {
    Table {
        properties: &'s Map<String, Value>,
        required: Vec<&'s str>,
    },
    List(&'s Value),
    /// Values of several types.
    AnyOf(&'s [Value]),
    OneOf(Vec<&'s str>),
    Text,
    Whole {
        min: i128,
        max: i128,
    },
    Truth,
    /// Something this reader has no opinion on; serde has.
    Anything,
}

/// Everything about `tree` that does not fit `schema`.
pub(super) fn check(source: &Source<'_>, schema: &Value, tree: &Spanned<DeValue<'_>>) -> Vec<Finding> {
    let mut walk = Walk { source, schema, findings: Vec::new() };
    walk.value("", schema, tree);
    walk.findings
}

struct Walk<'a, 's> {
    source: &'a Source<'a>,
    schema: &'s Value,
    findings: Vec<Finding>,
}

impl<'s> Walk<'_, 's> {
    fn value(&mut self, path: &str, schema: &'s Value, value: &Spanned<DeValue<'_>>) {
        if self.findings.len() >= FINDINGS_MAX {
            return;
        }
        let kind = Kind::of(schema);
        match (&kind, value.get_ref()) {
            (Kind::Table { properties, required }, DeValue::Table(table)) => {
                self.table(path, properties, table);
                self.missing(path, properties, required, table, value.span());
            }
            (Kind::List(items), DeValue::Array(values)) => {
                for (at, value) in values.iter().enumerate() {
                    self.value(&format!("{path}[{at}]"), items, value);
                }
            }
            (Kind::AnyOf(choices), written) if choices.iter().any(|it| Kind::of(it).is_type_of(written)) => {
                for choice in choices.iter().filter(|it| Kind::of(it).is_type_of(written)) {
                    self.value(path, choice, value);
                }
            }
            (Kind::OneOf(names), DeValue::String(text)) if names.contains(&text.as_ref()) => {}
            (Kind::Whole { min, max }, DeValue::Integer(number))
                if i128::from_str_radix(number.as_str(), number.radix())
                    .is_ok_and(|it| (*min..=*max).contains(&it)) => {}
            (Kind::Text, DeValue::String(_)) | (Kind::Truth, DeValue::Boolean(_)) | (Kind::Anything, _) => {}
            _ => self.misfit(path, schema, &kind, value),
        }
    }

    fn table(&mut self, path: &str, properties: &'s Map<String, Value>, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let below = join(path, name);
            match properties.get(name) {
                Some(schema) => self.value(&below, schema, value),
                None if self.findings.len() >= FINDINGS_MAX => return,
                None => {
                    let advice = unknown::advice(self.schema, path, properties, name);
                    let place = without_rest(self.source.place(&key.span()));
                    let finding =
                        Finding::error(&below, "a key that does not exist here", &unknown::keys(properties));
                    self.findings.push(finding.with_help(&advice).at(Some(place)));
                }
            }
        }
    }

    fn missing(
        &mut self,
        path: &str,
        properties: &'s Map<String, Value>,
        required: &[&str],
        table: &DeTable<'_>,
        span: Range<usize>,
    ) {
        for name in required.iter().filter(|name| !table.contains_key(**name)) {
            let schema = properties.get(*name).unwrap_or(&Value::Null);
            let place = (!path.is_empty()).then(|| self.source.place(&span));
            let place = if is_credential_place(path) { place.map(hidden) } else { place };
            let finding = Finding::error(&join(path, name), "nothing", &Kind::of(schema).words());
            self.findings.push(explained(finding, schema).at(place));
        }
    }

    fn misfit(&mut self, path: &str, schema: &Value, kind: &Kind<'_>, value: &Spanned<DeValue<'_>>) {
        let mut place = self.source.place(&value.span());
        let mut found = describe(value.get_ref());
        if is_credential_place(path) {
            place = hidden(place);
            found = "something that is not shown, as it may be a secret".to_owned();
        }
        let finding = Finding::error(path, &found, &kind.words());
        self.findings.push(explained(finding, schema).at(Some(place)));
    }
}

impl<'s> Kind<'s> {
    fn of(schema: &'s Value) -> Self {
        let names = names(schema);
        if !names.is_empty() {
            return Self::OneOf(names);
        }
        if let Some(Value::Array(choices)) = schema.get("anyOf") {
            return Self::AnyOf(choices);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => match schema.get("properties").and_then(Value::as_object) {
                Some(properties) => Self::Table { properties, required: texts(schema.get("required")) },
                None => Self::Anything,
            },
            Some("array") => schema.get("items").map_or(Self::Anything, Self::List),
            Some("string") => Self::Text,
            Some("integer") => Self::whole(schema),
            Some("boolean") => Self::Truth,
            _ => Self::Anything,
        }
    }

    /// Whether a value is of this type, whatever else is wrong with it.
    fn is_type_of(&self, value: &DeValue<'_>) -> bool {
        matches!(
            (self, value),
            (Self::Table { .. }, DeValue::Table(_)) | (Self::Text | Self::OneOf(_), DeValue::String(_))
        )
    }

    /// The bounds that the schema names, and those of its format.
    fn whole(schema: &Value) -> Self {
        let (low, high) = match schema.get("format").and_then(Value::as_str) {
            Some("uint8") => (0, i128::from(u8::MAX)),
            Some("uint16") => (0, i128::from(u16::MAX)),
            Some("uint32") => (0, i128::from(u32::MAX)),
            Some("uint" | "uint64") => (0, i128::from(i64::MAX)),
            Some("int32") => (i128::from(i32::MIN), i128::from(i32::MAX)),
            _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
        };
        let bound = |key| schema.get(key).and_then(Value::as_i64).map(i128::from);
        Self::Whole {
            min: bound("minimum").unwrap_or(low).max(low),
            max: bound("maximum").unwrap_or(high).min(high),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Table { required, .. } if required.is_empty() => "a table".to_owned(),
            Self::Table { required, .. } => {
                let keys: Vec<String> = required.iter().map(|key| format!("{key} = …")).collect();
                format!("a table such as `{{ {} }}`", keys.join(", "))
            }
            Self::List(items) => match Kind::of(items) {
                Kind::Table { .. } => "a list of tables, each under two brackets: `[[…]]`".to_owned(),
                Kind::Text => "a list of texts such as `[\"…\", \"…\"]`".to_owned(),
                _ => "a list".to_owned(),
            },
            Self::AnyOf(choices) => {
                choices.iter().map(|it| Self::of(it).words()).collect::<Vec<_>>().join(" or ")
            }
            Self::OneOf(names) => unknown::one_of(names.iter().copied()),
            Self::Text => "a text in quotes".to_owned(),
            Self::Whole { min: 0, max } if *max < i128::from(i64::MAX) => {
                format!("a whole number from 0 to {max}")
            }
            Self::Whole { min: 0, .. } => "a whole number from 0, without quotes".to_owned(),
            Self::Whole { .. } => "a whole number without quotes".to_owned(),
            Self::Truth => "`true` or `false`".to_owned(),
            Self::Anything => "a value".to_owned(),
        }
    }
}

/// The values an enumeration allows: `enum`, `const`, or several of these under `oneOf`.
fn names(schema: &Value) -> Vec<&str> {
    if let Some(Value::Array(choices)) = schema.get("oneOf") {
        return choices.iter().flat_map(names).collect();
    }
    match schema.get("const").and_then(Value::as_str) {
        Some(name) => vec![name],
        None => texts(schema.get("enum")),
    }
}

fn texts(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A value in a few words, without the contents of lists and tables.
fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text `{text}`"),
        DeValue::Integer(number) => format!("the number `{number}`"),
        DeValue::Float(number) => format!("the number `{number}`"),
        DeValue::Boolean(truth) => format!("`{truth}`"),
        DeValue::Datetime(date) => format!("the date `{date}`"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Adds what the schema says a key is for.
fn explained(finding: Finding, schema: &Value) -> Finding {
    match schema.get("description").and_then(Value::as_str) {
        Some(words) => finding.with_help(&words.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => finding,
    }
}

/// Whether people may have put a credential there: below a key that is named so, or in the address of the store. (A root key's `key` is a name
/// in a service, a witness's is public.)
pub(super) fn is_credential_place(path: &str) -> bool {
    let names: &[&str] = match path.split('.').next() {
        Some("store") => return true,
        Some("root_key") => &["passphrase", "token"],
        Some("audit") => &["token", "hmac_key"],
        Some(bot) if bot.starts_with("bot") => &["key", "token"],
        _ => &["key"],
    };
    path.split('.').any(|segment| names.contains(&segment))
}

/// The place with what is under the caret replaced by `*`.
pub(super) fn hidden(place: Place) -> Place {
    let under = place.caret_at..place.caret_at + place.caret_chars;
    let chars = place.excerpt.chars().enumerate();
    Place { excerpt: chars.map(|(at, c)| if under.contains(&at) { '*' } else { c }).collect(), ..place }
}

/// The place without what follows the caret: the value of a key that nobody knows may be anything.
fn without_rest(place: Place) -> Place {
    let end = place.caret_at + place.caret_chars;
    let rest = place.excerpt.chars().skip(end).any(|c| !c.is_whitespace());
    let kept: String = place.excerpt.chars().take(end).collect();
    Place { excerpt: if rest { kept + " …" } else { kept }, ..place }
}

/// The path of a key in the table at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
