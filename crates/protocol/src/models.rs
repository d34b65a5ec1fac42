//! The list of models, cut down to what a bot may use.

use botwarden_types::Dialect;

use crate::envelope::{Place, fields, items, required_text};
use crate::json::{Document, Edits};
use crate::{Bounds, ReadError};

/// Removes the models that are not `granted` from an upstream's list. Every byte of what stays, the space around it and
/// all other fields are as they came; a list of nothing but granted models comes back unchanged.
///
/// Both dialects keep the list in `data` and the name in `id`. Anthropic's `first_id` and `last_id` stay as they are:
/// they are places in the vendor's list, which the caller needs to ask for the next page.
pub fn retain_models(
    _dialect: Dialect,
    body: &[u8],
    bounds: &Bounds,
    granted: impl Fn(&str) -> bool,
) -> Result<Vec<u8>, ReadError> {
    let document = Document::parse(body, bounds)?;
    let [data] = fields(document.root(), &["data"], &Place::BODY)?;
    let place = Place::BODY.field("data");
    let data = data.ok_or_else(|| place.missing("an array of models"))?;
    let mut models = Vec::new();
    for (place, model) in items(Some(data), &place)? {
        let [id] = fields(model, &["id"], &place)?;
        let id = required_text(id, &place.field("id"))?;
        models.push((model.span(), granted(&id)));
    }
    let mut edits = Edits::default();
    edits.remove_members(&models);
    // Members of one list do not overlap; if they did, none of them would be shown.
    edits.apply(body).ok_or_else(|| place.wrong(data, "an array of models"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_are_not_granted_leave_without_a_trace() {
        let granted = |id: &str| id.starts_with("gpt");
        for (name, list, want) in [
            (
                "all granted",
                r#"{"data": [ {"id":"gpt-1"} , {"id":"gpt-2"} ] }"#,
                r#"{"data": [ {"id":"gpt-1"} , {"id":"gpt-2"} ] }"#,
            ),
            ("none granted", r#"{"data": [ {"id":"a"} , {"id":"b"} ] ,"x":1}"#, r#"{"data": [  ] ,"x":1}"#),
            ("the first", r#"{"data":[ {"id":"a"} ,{"id":"gpt-2"}]}"#, r#"{"data":[ {"id":"gpt-2"}]}"#),
            ("the last", r#"{"data":[{"id":"gpt-1"} , {"id":"a"} ]}"#, r#"{"data":[{"id":"gpt-1"} ]}"#),
            (
                "in the middle",
                r#"{"data":[{"id":"gpt-1"},{"id":"a"}, {"id":"gpt-2"}]}"#,
                r#"{"data":[{"id":"gpt-1"}, {"id":"gpt-2"}]}"#,
            ),
            ("an empty list", r#"{"data":[ ]}"#, r#"{"data":[ ]}"#),
            (
                "an escaped name",
                r#"{"data":[{"id":"\u0067pt-1","n":1e999}]}"#,
                r#"{"data":[{"id":"\u0067pt-1","n":1e999}]}"#,
            ),
        ] {
            for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
                let left = retain_models(dialect, list.as_bytes(), &Bounds::default(), granted).unwrap();
                assert_eq!(String::from_utf8(left).unwrap(), want, "{name}");
            }
        }
    }

    #[test]
    fn lists_that_cannot_be_judged_are_refused() {
        for (list, want) in [
            ("{}", "`data`: missing; send an array of models"),
            (r#"{"data":{}}"#, "`data`: found an object; send an array"),
            (r#"{"data":["gpt-1"]}"#, "`data[0]`: found a string; send an object"),
            (r#"{"data":[{"name":"gpt-1"}]}"#, "`data[0].id`: missing; send a string"),
            (
                r#"{"data":[{"id":"gpt-1","ID":"a"}]}"#,
                "`data[0].id`: the name is there in other letters; write it exactly so, once",
            ),
            ("<html>", "request body: unexpected byte at byte 0; send JSON as in RFC 8259"),
        ] {
            let error =
                retain_models(Dialect::OpenAi, list.as_bytes(), &Bounds::default(), |_| true).unwrap_err();
            assert_eq!(error.to_string(), want, "{list}");
        }
    }
}
