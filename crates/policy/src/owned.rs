//! Whose a record is.

use crate::data::Data;
use crate::value::Canon;

/// Takes out of `data` every record whose `field` is not `claim`. Whether anything was taken out; `None` if it cannot be told whose
/// something is: then nothing of it may be shown.
///
/// A record is a map that has the field. What stands inside a record of the person's own is theirs. Around records there may be lists
/// and maps, but no value that belongs to nobody.
pub fn retain(data: &mut Data, field: &str, claim: &Canon) -> Option<bool> {
    match data {
        Data::Null => Some(false),
        Data::List(items) => {
            let before = items.len();
            let mut changed = false;
            let mut kept = Vec::with_capacity(before);
            for mut item in std::mem::take(items) {
                match owner_of(&item, field) {
                    Some(owner) if owner == *claim => kept.push(item),
                    Some(_) => changed = true,
                    None => {
                        changed |= retain(&mut item, field, claim)?;
                        kept.push(item);
                    }
                }
            }
            *items = kept;
            Some(changed)
        }
        Data::Map(entries) => {
            match owner_of(&Data::Map(entries.clone()), field) {
                Some(owner) if owner == *claim => return Some(false),
                Some(_) => {
                    entries.clear();
                    return Some(true);
                }
                None => {}
            }
            let mut changed = false;
            for (name, value) in entries.iter_mut() {
                match value {
                    Data::List(_) | Data::Map(_) | Data::Null => changed |= retain(value, field, claim)?,
                    // How many there are, and where the next ones begin, is nobody's.
                    Data::Number(_) | Data::Bool(_) => {}
                    Data::Text(_) if is_paging(name) => {}
                    Data::Text(_) => return None,
                }
            }
            Some(changed)
        }
        Data::Bool(_) | Data::Number(_) | Data::Text(_) => None,
    }
}

fn is_paging(name: &str) -> bool {
    matches!(name, "next" | "cursor" | "nextCursor" | "next_cursor" | "page" | "status" | "ok")
}

fn owner_of(data: &Data, field: &str) -> Option<Canon> {
    match data.get(field)? {
        Data::Text(text) | Data::Number(text) => Some(Canon::of(text)),
        // A record that belongs to nobody is nobody's to read.
        _ => Some(Canon::Text(String::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;
    use crate::read::read_json;

    #[test]
    fn records_of_others_are_taken_out() {
        for (name, json, want) in [
            ("a list", r#"[{"c":"7","a":1},{"c":"8","a":2}]"#, Some(r#"[{"a":1,"c":"7"}]"#)),
            ("one's own", r#"{"c":"7","items":[{"x":"y"}]}"#, Some(r#"{"c":"7","items":[{"x":"y"}]}"#)),
            ("another's", r#"{"c":"8","items":[1]}"#, Some("{}")),
            ("a number as an id", r#"[{"c":7}]"#, Some(r#"[{"c":7}]"#)),
            (
                "inside",
                r#"{"total":2,"orders":[{"c":"8"},{"c":"7"}],"next":"x"}"#,
                Some(r#"{"next":"x","orders":[{"c":"7"}],"total":2}"#),
            ),
            ("nobody's", r#"[{"c":null}]"#, Some("[]")),
            ("a list as owner", r#"[{"c":["7","8"]}]"#, Some("[]")),
            ("words of nobody", r#"{"note":"secret","orders":[]}"#, None),
            ("names alone", r#"["Ann","Bob"]"#, None),
            ("a word", r#""x""#, None),
        ] {
            let mut data = read_json(json).unwrap();
            let told = retain(&mut data, "c", &Canon::of("7")).map(|_| canonical(&data).to_string());
            assert_eq!(told.as_deref(), want, "{name}");
        }
    }
}
