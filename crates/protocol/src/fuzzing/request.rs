//! A request that is read has every span where it says; one that is refused says why without repeating it.

use botwarden_types::{Exchange, Operation, Part, Span, ToolOffer};

use crate::json::Document;
use crate::{Bounds, ReadErrorKind, read_request, retain_offers};

pub(super) fn check(operation: Operation, bytes: &[u8]) {
    let bounds = Bounds::default();
    match read_request(operation, bytes, &bounds) {
        Ok(exchange) => {
            check_spans(bytes, &exchange);
            check_spacing(operation, bytes, &exchange);
            check_offers(bytes, &exchange);
        }
        Err(error) => {
            assert!(error.to_string().is_ascii(), "only our own words");
            let malformed = Document::parse(bytes, &bounds).is_err();
            assert!(!malformed || error.kind() != ReadErrorKind::Field || operation == Operation::Embeddings);
        }
    }
}

fn check_spans(bytes: &[u8], exchange: &Exchange) {
    let mut end = 0;
    for message in &exchange.messages {
        check_document(bytes, message.span);
        for part in &message.parts {
            check_part(bytes, message.span, part);
        }
        assert!(
            message.span.start >= end || end == 0 || message.span.end <= end,
            "in order, but for `system`"
        );
        end = message.span.end;
    }
    exchange.tools.iter().for_each(|offer| check_document(bytes, offer.span));
}

fn check_part(bytes: &[u8], outer: Span, part: &Part) {
    match part {
        Part::Text { text, span } => check_text(bytes, outer, text, *span),
        Part::ToolCall(call) => check_inside(bytes, outer, call.span),
        Part::ToolResult(result) => {
            check_inside(bytes, outer, result.span);
            result.texts.iter().for_each(|(text, span)| check_text(bytes, result.span, text, *span));
        }
        Part::Other { span, .. } => check_inside(bytes, outer, *span),
    }
}

fn check_inside(bytes: &[u8], outer: Span, span: Span) {
    assert!(outer.start <= span.start && span.end <= outer.end);
    check_document(bytes, span);
}

/// A span holds one whole JSON value.
fn check_document(bytes: &[u8], span: Span) {
    let alone =
        Document::parse(&bytes[span.start..span.end], &Bounds { nodes_max: usize::MAX, ..Bounds::default() });
    assert_eq!(alone.unwrap().root().span(), Span { start: 0, end: span.end - span.start });
}

fn check_text(bytes: &[u8], outer: Span, text: &str, span: Span) {
    assert!(outer.start <= span.start && span.end <= outer.end);
    let alone = Document::parse(&bytes[span.start..span.end], &Bounds::default()).unwrap();
    assert_eq!(alone.root().as_str().unwrap(), text);
}

/// White space around the document changes nothing but offsets.
fn check_spacing(operation: Operation, bytes: &[u8], exchange: &Exchange) {
    let spaced = [b" \n", bytes, b"\t\r "].concat();
    let again = read_request(operation, &spaced, &Bounds::default()).unwrap();
    assert_eq!(exchange.model, again.model);
    assert_eq!(exchange.user, again.user);
    assert_eq!(exchange.tools.len(), again.tools.len());
    let starts = |exchange: &Exchange, add: usize| -> Vec<usize> {
        exchange.messages.iter().map(|message| message.span.start + add).collect()
    };
    assert_eq!(starts(exchange, 2), starts(&again, 0));
}

/// Whichever offers are taken out, what is left says what it said before, and offers exactly the rest.
fn check_offers(bytes: &[u8], exchange: &Exchange) {
    let bounds = Bounds::default();
    for parity in [0, 1] {
        let keep = |offer: &ToolOffer| offer.is_vendors() || offer.name.len() % 2 == parity;
        let (written, left) = retain_offers(exchange, bytes, &bounds, keep).unwrap();
        let wanted = exchange.tools.iter().filter(|offer| keep(offer));
        assert!(left.tools.iter().map(|offer| &offer.name).eq(wanted.map(|offer| &offer.name)));
        assert_eq!((&left.model, &left.user), (&exchange.model, &exchange.user));
        let texts = |exchange: &Exchange| format!("{:?}", exchange.messages).split("span").count();
        assert_eq!(texts(&left), texts(exchange));
        assert_eq!(written.as_slice() == bytes, left.tools.len() == exchange.tools.len());
    }
}
