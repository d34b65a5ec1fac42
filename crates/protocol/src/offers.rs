//! Tools offered to a model, cut down to what a bot may use.

use botwarden_types::{Exchange, Span, ToolOffer};

use crate::json::{Document, Edits, Kind, Value};
use crate::{Bounds, read_request};

/// Each list of offers, with what says how to use it and nothing else: an upstream refuses an empty list, and a choice without one.
const LISTS: [(&str, &[&str]); 2] =
    [("tools", &["tool_choice", "parallel_tool_calls"]), ("functions", &["function_call"])];

/// Takes the offers for which `keep` does not say so out of `body`, from which `exchange` was read. Every other byte stays as it came; a
/// list of which nothing is left goes, together with what says how to use it.
///
/// Only what stands in `tools` and `functions` can be taken out. `None` if what is written would offer anything else than what is to be
/// kept: then nothing of it may be sent.
pub fn retain_offers(
    exchange: &Exchange,
    body: &[u8],
    bounds: &Bounds,
    keep: impl Fn(&ToolOffer) -> bool,
) -> Option<(Vec<u8>, Exchange)> {
    let kept: Vec<&ToolOffer> = exchange.tools.iter().filter(|offer| keep(offer)).collect();
    let document = Document::parse(body, bounds).ok()?;
    let mut edits = Edits::default();
    let mut gone: Vec<&str> = Vec::new();
    for (list, uses) in LISTS {
        let Some(offers) = document.root().get(list).filter(|offers| offers.kind() == Kind::Array) else {
            continue;
        };
        let offers: Vec<(Span, bool)> = offers
            .items()
            .map(|offer| (offer.span(), kept.iter().any(|kept| kept.span == offer.span())))
            .collect();
        let is_all_gone = !offers.is_empty() && offers.iter().all(|(_, keep)| !keep);
        if is_all_gone {
            gone.push(list);
            gone.extend(uses);
        } else {
            edits.remove_members(&offers);
        }
    }
    edits.remove_members(&fields_but(document.root(), &gone));
    let written = edits.apply(body)?;
    // Whatever was overlooked, the reader is the judge of it.
    let left = read_request(exchange.operation, &written, bounds).ok()?;
    let name = |offer: &ToolOffer| (offer.name.clone(), offer.kind.clone());
    let is_right = left.tools.iter().map(name).eq(kept.into_iter().map(name));
    is_right.then_some((written, left))
}

/// The fields of an object, each with whether it is none of those.
fn fields_but(object: Value<'_>, names: &[&str]) -> Vec<(Span, bool)> {
    let field = |(name, value): (crate::json::Name<'_>, Value<'_>)| {
        let span = Span { start: name.span().start, end: value.span().end };
        (span, !names.iter().any(|other| name.is(other)))
    };
    object.entries().map(field).collect()
}

#[cfg(test)]
mod tests {
    use botwarden_types::Operation;
    use proptest::prelude::*;

    use super::*;

    const CHAT: Operation = Operation::ChatCompletions;

    fn retain(operation: Operation, body: &str, keep: impl Fn(&ToolOffer) -> bool) -> String {
        let bounds = Bounds::default();
        let exchange = read_request(operation, body.as_bytes(), &bounds).unwrap();
        let (written, left) = retain_offers(&exchange, body.as_bytes(), &bounds, keep).unwrap();
        assert_eq!(left.messages.len(), exchange.messages.len());
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn offers_that_are_not_kept_leave_without_a_trace() {
        let chat = |tools: &str| format!(r#"{{"model":"m", "n" : 1{tools},"messages":[ ]}}"#);
        let function = |name: &str| format!(r#"{{"type":"function","function":{{"name":"{name}"}}}}"#);
        let (a, b, c) = (function("a"), function("b"), function("c"));
        for (name, tools, want) in [
            ("all kept", format!(r#","tools":[ {b} , {b}]"#), format!(r#","tools":[ {b} , {b}]"#)),
            ("the first", format!(r#","tools":[ {a} , {b}]"#), format!(r#","tools":[ {b}]"#)),
            ("the last", format!(r#","tools":[{b} , {c} ]"#), format!(r#","tools":[{b} ]"#)),
            ("around it", format!(r#","tools":[{a},{b},{c},{c}]"#), format!(r#","tools":[{b}]"#)),
            (
                "an escaped name",
                format!(r#","tools":[{a},{}]"#, function(r"\u0062")),
                format!(r#","tools":[{}]"#, function(r"\u0062")),
            ),
            (
                "all",
                format!(r#", "tools":[{a},{c}] ,"tool_choice":"auto", "parallel_tool_calls" : true"#),
                String::new(),
            ),
            (
                "all of one list",
                format!(r#","tools":[{b}],"functions":[{{"name":"a"}}],"function_call":"auto""#),
                format!(r#","tools":[{b}]"#),
            ),
            ("an empty list is the caller's", r#","tools":[]"#.to_owned(), r#","tools":[]"#.to_owned()),
        ] {
            assert_eq!(retain(CHAT, &chat(&tools), |offer| offer.name == "b"), chat(&want), "{name}");
        }
        let body = r#"{"tools":[{"name":"a","input_schema":{}}],"tool_choice":{"type":"any"},"model":"m","messages":[]}"#;
        assert_eq!(retain(Operation::Messages, body, |_| false), r#"{"model":"m","messages":[]}"#);
        let body = r#"{"model":"m","messages":[],"tools":[{"type":"custom","name":"a"},{"type":"web_search_20250305","name":"web_search"}]}"#;
        assert_eq!(
            retain(Operation::Messages, body, ToolOffer::is_vendors),
            r#"{"model":"m","messages":[],"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#
        );
    }

    #[test]
    fn what_stands_elsewhere_cannot_be_taken_out() {
        let body = br#"{"model":"m","messages":[],"web_search_options":{}}"#;
        let exchange = read_request(CHAT, body, &Bounds::default()).unwrap();
        assert!(retain_offers(&exchange, body, &Bounds::default(), |_| false).is_none());
    }

    /// An offer of either dialect with that name, written somehow.
    fn offer(operation: Operation, name: &str, space: &str) -> String {
        match operation {
            Operation::Messages => format!(r#"{{{space}"name":"{name}","input_schema":{{"tools":[1]}}}}"#),
            _ => format!(r#"{{"type":"function",{space}"function":{{"name":"{name}"}}}}"#),
        }
    }

    proptest! {
        /// Read again, it offers exactly what was to be kept; and what is to be kept is all that counts.
        #[test]
        fn what_is_left_is_what_was_kept(
            names in prop::collection::vec("[a-c]|\\\\u0061", 0..6),
            functions in prop::collection::vec("[a-c]", 0..3),
            space in "[ \n\t]{0,2}",
            kept in "[a-c]{0,2}",
            first in any::<bool>(),
        ) {
            for operation in [CHAT, Operation::Messages] {
                let tools: Vec<String> = names.iter().map(|name| offer(operation, name, &space)).collect();
                let separator = format!("{space},");
                let functions: Vec<String> = functions.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
                let mut members = vec![
                    r#""model":"m""#.to_owned(),
                    r#""messages":[{"role":"user","content":"tools"}]"#.to_owned(),
                    format!(r#""tools":[{}]"#, tools.join(&separator)),
                    r#""tool_choice":"auto""#.to_owned(),
                ];
                if operation == CHAT {
                    members.push(format!(r#""functions" : [{}]"#, functions.join(&separator)));
                    members.push(r#""function_call":"auto""#.to_owned());
                }
                if first {
                    members.reverse();
                }
                let body = format!("{{{space}{}{space}}}", members.join(&separator));
                let bounds = Bounds::default();
                let exchange = read_request(operation, body.as_bytes(), &bounds).unwrap();
                let keep = |offer: &ToolOffer| kept.contains(&offer.name);
                let (written, left) = retain_offers(&exchange, body.as_bytes(), &bounds, keep).unwrap();
                let wanted = exchange.tools.iter().filter(|offer| keep(offer)).map(|offer| &offer.name);
                prop_assert!(left.tools.iter().map(|offer| &offer.name).eq(wanted));
                if left.tools.len() == exchange.tools.len() {
                    prop_assert_eq!(String::from_utf8(written).unwrap(), body);
                }
            }
        }
    }
}
