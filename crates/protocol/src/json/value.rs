//! Walking a parsed document.

use std::borrow::Cow;

use botwarden_types::Span;

use super::error::JsonError;
use super::{parse, text};
use crate::Bounds;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, kept as text.
    Number,
    /// A string.
    String,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

impl Kind {
    /// The kind in words, as error messages say it.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// One value, or the name of a field. Nodes lie in the order of the bytes, so a container's inside directly follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Nodes inside this one, names included. While a container is being read: where the one around it lies. Of a name: a
    /// mark that it shares with every equal name, if neither has escapes.
    pub(super) below: u32,
    pub(super) kind: Kind,
    /// A string with a backslash in it.
    pub(super) escaped: bool,
}

/// A whole JSON document: its text, and where each value of it lies.
#[derive(Debug)]
pub struct Document<'d> {
    text: &'d str,
    nodes: Vec<Node>,
}

/// The memory of a document that was read, to read the next one into.
#[derive(Debug, Default)]
pub struct Spare(Vec<Node>);

impl<'d> Document<'d> {
    /// Reads `body`, all of it. One pass; time linear in its length but for sorting the names of objects with many.
    pub fn parse(body: &'d [u8], bounds: &Bounds) -> Result<Self, JsonError> {
        Self::parse_into(body, bounds, Spare::default())
    }

    /// Like [`Document::parse`], in memory that an earlier document gave back.
    pub fn parse_into(body: &'d [u8], bounds: &Bounds, spare: Spare) -> Result<Self, JsonError> {
        let (text, nodes) = parse::parse(body, bounds, spare.0)?;
        Ok(Self { text, nodes })
    }

    /// Gives the memory back.
    pub fn into_spare(self) -> Spare {
        Spare(self.nodes)
    }

    /// The document's one value.
    pub fn root(&self) -> Value<'_> {
        const EMPTY: Node = Node { start: 0, end: 0, below: 0, kind: Kind::Null, escaped: false };
        let (node, inside) = self.nodes.split_first().unwrap_or((&EMPTY, &[]));
        Value { text: self.text, node, inside }
    }
}

/// A value somewhere in a [`Document`].
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    text: &'d str,
    node: &'d Node,
    inside: &'d [Node],
}

impl<'d> Value<'d> {
    /// What it is.
    pub fn kind(&self) -> Kind {
        self.node.kind
    }

    /// Where it lies; a string's quotes and a container's brackets belong to it.
    pub fn span(&self) -> Span {
        Span { start: self.node.start as usize, end: self.node.end as usize }
    }

    /// The bytes of the span.
    pub fn raw(&self) -> &'d str {
        raw(self.text, self.node)
    }

    /// The text of a string, escapes resolved; borrowed where there are none.
    pub fn as_str(&self) -> Option<Cow<'d, str>> {
        (self.node.kind == Kind::String).then(|| string(self.text, self.node))
    }

    /// A whole number below 2⁶⁴, written without sign, fraction or exponent.
    pub fn as_u64(&self) -> Option<u64> {
        if self.node.kind == Kind::Number { self.raw().parse().ok() } else { None }
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        (self.node.kind == Kind::Bool).then(|| self.raw() == "true")
    }

    /// The field `name`, if this is an object that has it. O(fields).
    #[inline]
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        self.entries().find(|(key, _)| key.is(name)).map(|(_, value)| value)
    }

    /// The fields of an object in the order of the bytes; none for anything else.
    pub fn entries(&self) -> Entries<'d> {
        let inside = if self.node.kind == Kind::Object { self.inside } else { &[] };
        Entries { text: self.text, rest: inside }
    }

    /// The elements of an array in order; none for anything else.
    pub fn items(&self) -> Items<'d> {
        let inside = if self.node.kind == Kind::Array { self.inside } else { &[] };
        Items { text: self.text, rest: inside }
    }
}

/// The name of a field.
#[derive(Clone, Copy, Debug)]
pub struct Name<'d> {
    text: &'d str,
    node: &'d Node,
}

impl<'d> Name<'d> {
    /// The name, escapes resolved.
    pub fn as_str(&self) -> Cow<'d, str> {
        string(self.text, self.node)
    }

    /// Where it lies, quotes included.
    pub fn span(&self) -> Span {
        Span { start: self.node.start as usize, end: self.node.end as usize }
    }

    /// Whether it is `name`, after unescaping.
    #[inline]
    pub fn is(&self, name: &str) -> bool {
        if self.node.escaped {
            return self.is_spelled(name);
        }
        // Two quotes belong to the span. Where the lengths differ, the bytes need no look.
        let (start, end) = (self.node.start as usize, self.node.end as usize);
        end - start == name.len() + 2
            && self.text.as_bytes().get(start + 1..=start + name.len()) == Some(name.as_bytes())
    }

    #[cold]
    fn is_spelled(&self, name: &str) -> bool {
        self.as_str() == name
    }
}

/// Iterator over the fields of an object.
#[derive(Clone, Debug)]
pub struct Entries<'d> {
    text: &'d str,
    rest: &'d [Node],
}

impl<'d> Iterator for Entries<'d> {
    type Item = (Name<'d>, Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.rest.split_first()?;
        let (value, rest) = split_value(self.text, rest)?;
        self.rest = rest;
        Some((Name { text: self.text, node: name }, value))
    }
}

/// Iterator over the elements of an array.
#[derive(Clone, Debug, Default)]
pub struct Items<'d> {
    text: &'d str,
    rest: &'d [Node],
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        let (value, rest) = split_value(self.text, self.rest)?;
        self.rest = rest;
        Some(value)
    }
}

fn split_value<'d>(text: &'d str, nodes: &'d [Node]) -> Option<(Value<'d>, &'d [Node])> {
    let (node, rest) = nodes.split_first()?;
    let (inside, rest) = rest.split_at_checked(node.below as usize)?;
    Some((Value { text, node, inside }, rest))
}

fn raw<'d>(text: &'d str, node: &Node) -> &'d str {
    text.get(node.start as usize..node.end as usize).unwrap_or_default()
}

/// The inside of a string, escapes unresolved.
fn inner<'d>(text: &'d str, node: &Node) -> &'d str {
    text.get(node.start as usize + 1..(node.end as usize).saturating_sub(1)).unwrap_or_default()
}

pub(super) fn string<'d>(text: &'d str, node: &Node) -> Cow<'d, str> {
    let inner = inner(text, node);
    if node.escaped { Cow::Owned(text::unescape(inner)) } else { Cow::Borrowed(inner) }
}
