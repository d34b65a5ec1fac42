//! The list of models, cut down to what a bot may use.

use botwarden_types::{Dialect, Span};

use crate::envelope::{Place, fields, items, required_text};
use crate::json::Document;
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
    Ok(splice(body, data.span(), &models))
}

/// Copies `body` without the elements of the array at `array` that are marked `false`. Each element takes the bytes
/// between it and the one before it along; the first one that stays takes the bytes after the bracket.
fn splice(body: &[u8], array: Span, elements: &[(Span, bool)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut copy = |start: usize, end: usize| out.extend_from_slice(body.get(start..end).unwrap_or_default());
    let first = elements.first().map_or(array.end.saturating_sub(1), |(span, _)| span.start);
    let last = elements.last().map_or(first, |(span, _)| span.end);
    copy(0, first);
    let mut before = None;
    let mut kept = false;
    for &(span, keep) in elements {
        if keep {
            copy(if kept { before.unwrap_or(span.start) } else { span.start }, span.end);
            kept = true;
        }
        before = Some(span.end);
    }
    copy(last, body.len());
    out
}
