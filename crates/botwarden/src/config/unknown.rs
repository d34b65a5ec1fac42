//! What somebody may have meant by a key that does not exist.

use serde_json::{Map, Value};

/// Keys nearer than this are taken for a slip of the finger (1 is the same word).
const NEAR: f64 = 0.8;

/// `one of `a`, `b` and `c``, in the order of the file's documentation.
pub(super) fn keys(properties: &Map<String, Value>) -> String {
    one_of(properties.keys().map(String::as_str))
}

/// `` `a`, `b` or `c` ``
pub(crate) fn one_of<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// The likeliest reading of the unknown key `name` in the table at `path`, as advice.
pub(super) fn advice(schema: &Value, path: &str, properties: &Map<String, Value>, name: &str) -> String {
    if let Some(near) = nearest(name, properties.keys().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    let mut elsewhere = Vec::new();
    homes(schema, "", name, &mut elsewhere);
    match elsewhere.first() {
        Some(home) if home.is_empty() => {
            format!("`{name}` belongs at the top of the file, before the first table")
        }
        Some(home) => format!("`{name}` belongs in `{home}`"),
        None if path.is_empty() => "`botwarden config schema` prints everything there is".to_owned(),
        None => format!("`botwarden config schema` prints everything that `{path}` may hold"),
    }
}

/// The name most like `name`, if any is like it.
pub(crate) fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let likeness =
        |it: &str| strsim::normalized_damerau_levenshtein(name, it).max(strsim::jaro_winkler(name, it) - 0.1);
    let scored = names.into_iter().map(|it| (likeness(it), it));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= NEAR).then_some(best.1)
}

/// The tables that know `name`, as headers: `[[bot]]`, `[listen]`; the top is empty.
fn homes(schema: &Value, header: &str, name: &str, found: &mut Vec<String>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    if properties.contains_key(name) {
        found.push(header.to_owned());
    }
    for (key, below) in properties {
        let bare = header.trim_matches(['[', ']']);
        let path = if bare.is_empty() { key.clone() } else { format!("{bare}.{key}") };
        match below.get("items") {
            Some(items) => homes(items, &format!("[[{path}]]"), name, found),
            None => homes(below, &format!("[{path}]"), name, found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger() {
        let names = ["gateway", "backend", "ops", "models", "name"];
        for (typed, want) in [
            ("gatway", Some("gateway")),
            ("Gateway", Some("gateway")),
            ("modles", Some("models")),
            ("model", Some("models")),
            ("nmae", Some("name")),
            ("console", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), want, "{typed}");
        }
    }

    #[test]
    fn lists_of_names() {
        for (names, want) in [
            (vec![], "nothing"),
            (vec!["a"], "`a`"),
            (vec!["a", "b"], "`a` or `b`"),
            (vec!["a", "b", "c"], "`a`, `b` or `c`"),
        ] {
            assert_eq!(one_of(names), want);
        }
    }
}
