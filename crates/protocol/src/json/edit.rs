//! Writing a document anew where it has to say something else, and byte for byte where not.

use botwarden_types::Span;

use super::text::push_quoted;
use super::value::{Name, Value};

/// What is to stand in a document instead of what stands there. No two of them overlap.
#[derive(Debug, Default)]
pub(crate) struct Edits(Vec<(Span, Vec<u8>)>);

impl Edits {
    /// `json` instead of a value.
    pub(crate) fn replace(&mut self, value: Value<'_>, json: impl Into<Vec<u8>>) {
        self.replace_span(value.span(), json);
    }

    /// `json` instead of what stands at `span`.
    pub(crate) fn replace_span(&mut self, span: Span, json: impl Into<Vec<u8>>) {
        self.0.push((span, json.into()));
    }

    /// Nothing instead of those members of a list that are marked `false`. Each takes what stands between it and the one before it
    /// along; where none stays before it, what stands between it and the next one.
    pub(crate) fn remove_members(&mut self, members: &[(Span, bool)]) {
        let mut kept = None;
        let mut members = members.iter().peekable();
        while let Some(&(span, keep)) = members.next() {
            if keep {
                kept = Some(span.end);
                continue;
            }
            let span = match (kept, members.peek()) {
                (Some(before), _) => Span { start: before, end: span.end },
                (None, Some((next, _))) => Span { start: span.start, end: next.start },
                (None, None) => span,
            };
            kept = kept.map(|_| span.end);
            self.replace_span(span, []);
        }
    }

    /// The document with all of them in it; `None` if two overlap, so that nobody could tell what was meant.
    pub(crate) fn apply(mut self, document: &[u8]) -> Option<Vec<u8>> {
        self.0.sort_by_key(|(span, _)| span.start);
        let mut out = Vec::with_capacity(document.len());
        let mut from = 0;
        for (span, json) in self.0 {
            out.extend_from_slice(document.get(from..span.start)?);
            out.extend_from_slice(&json);
            from = span.end;
        }
        out.extend_from_slice(document.get(from..)?);
        Some(out)
    }
}

/// An object being written.
#[derive(Debug)]
pub(crate) struct ObjectText(Vec<u8>);

impl ObjectText {
    /// The fields of `object` for which `keep` says so, as they stand there.
    pub(crate) fn keeping(object: Value<'_>, keep: impl Fn(Name<'_>) -> bool) -> Self {
        let mut text = Self(vec![b'{']);
        for (name, value) in object.entries() {
            if keep(name) {
                text.push_raw(&name.as_str(), value.raw());
            }
        }
        text
    }

    /// An object of those fields, whose values are JSON.
    pub(crate) fn of<const N: usize>(fields: [(&str, &str); N]) -> Vec<u8> {
        let mut text = Self(vec![b'{']);
        for (name, json) in fields {
            text.push_raw(name, json);
        }
        text.finish()
    }

    /// Adds a field whose value is JSON.
    pub(crate) fn push_raw(&mut self, name: &str, json: &str) {
        if !self.is_empty() {
            self.0.push(b',');
        }
        push_quoted(&mut self.0, name);
        self.0.push(b':');
        self.0.extend_from_slice(json.as_bytes());
    }

    /// Adds a field whose value is a text.
    pub(crate) fn push_text(&mut self, name: &str, text: &str) {
        self.push_raw(name, &quoted(text));
    }

    /// Whether it has no field yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// The whole object.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

/// An array of those items.
pub(crate) fn array<'i>(items: impl IntoIterator<Item = &'i str>) -> Vec<u8> {
    let mut out = vec![b'['];
    for item in items {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(item.as_bytes());
    }
    out.push(b']');
    out
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    String::from_utf8_lossy(&out).into_owned() // of a text and ASCII: nothing is lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bounds;
    use crate::json::Document;

    #[test]
    fn what_is_not_replaced_stays_as_it_was() {
        let body = br#" {"a" : [1.50, {"b":"\u00e4"}], "c":null }"#;
        let document = Document::parse(body, &Bounds::default()).unwrap();
        let (a, c) = (document.root().get("a").unwrap(), document.root().get("c").unwrap());
        let mut edits = Edits::default();
        edits.replace(c, "7");
        edits.replace(a.items().nth(1).unwrap(), array(["1", "2"]));
        let text = String::from_utf8(edits.apply(body).unwrap()).unwrap();
        assert_eq!(text, r#" {"a" : [1.50, [1,2]], "c":7 }"#);
        let mut edits = Edits::default();
        edits.replace(a, "1");
        edits.replace(a.items().next().unwrap(), "2");
        assert_eq!(edits.apply(body), None, "one within the other");
        let mut object = ObjectText::keeping(document.root(), |name| !name.is("c"));
        object.push_text("d", "\"\n");
        assert_eq!(object.finish(), br#"{"a":[1.50, {"b":"\u00e4"}],"d":"\"\n"}"#);
    }
}
