//! Bytes to nodes.

use std::borrow::Cow;

use super::error::{JsonError, JsonErrorKind};
use super::scan::{self, Scanned};
use super::value::{Kind, Node, string};
use crate::Bounds;

/// Objects of up to this many names are compared by their marks first.
const MARKED_NAMES_MAX: usize = 16;

/// No container is open.
const NONE: u32 = u32::MAX;

/// Reads `body`, all of it, into `nodes` (emptied first).
pub(super) fn parse<'d>(
    body: &'d [u8],
    bounds: &Bounds,
    mut nodes: Vec<Node>,
) -> Result<(&'d str, Vec<Node>), JsonError> {
    let text = check_bytes(body)?;
    nodes.clear();
    // A guess that fits chat: one node in eight bytes. Longer bodies are mostly long strings.
    nodes.reserve((body.len() / 8).clamp(8, 512));
    let mut parser = Parser {
        text,
        bytes: body,
        at: 0,
        nodes: &mut nodes,
        open: NONE,
        inside: Inside::Nothing,
        depth: 0,
        values_left: bounds.nodes_max,
        bounds: *bounds,
    };
    parser.run()?;
    Ok((text, nodes))
}

fn check_bytes(body: &[u8]) -> Result<&str, JsonError> {
    if body.len() >= NONE as usize {
        return Err(JsonError::new(NONE as usize, JsonErrorKind::BodyBytes));
    }
    if body.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonError::new(0, JsonErrorKind::ByteOrderMark));
    }
    str::from_utf8(body).map_err(|error| JsonError::new(error.valid_up_to(), JsonErrorKind::InvalidUtf8))
}

/// The innermost open container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Array,
    Object,
}

struct Parser<'d, 'n> {
    text: &'d str,
    bytes: &'d [u8],
    at: usize,
    nodes: &'n mut Vec<Node>,
    /// Where the innermost open container lies in `nodes`, or [`NONE`]. The ones around it are linked by `below`.
    open: u32,
    inside: Inside,
    depth: usize,
    values_left: usize,
    bounds: Bounds,
}

/// The steps are inlined into one loop, so that its state stays in registers.
impl Parser<'_, '_> {
    #[inline(always)]
    fn run(&mut self) -> Result<(), JsonError> {
        loop {
            if self.inside == Inside::Object {
                self.name()?;
            }
            let opened = self.value()?;
            if !opened && self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Goes to `byte`, which has to come next. Mostly it stands right here.
    #[inline(always)]
    fn require(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.bytes.get(self.at) == Some(&byte) || self.peek() == Some(byte) {
            return Ok(());
        }
        self.refuse_next(self.bytes.get(self.at).copied())
    }

    /// The next byte that is not white space.
    #[inline(always)]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    #[inline(always)]
    fn refuse<T>(&self, kind: JsonErrorKind) -> Result<T, JsonError> {
        Err(JsonError::new(self.at, kind))
    }

    /// The bytes end, or go on with what cannot stand here.
    #[inline(always)]
    fn refuse_next<T>(&self, next: Option<u8>) -> Result<T, JsonError> {
        match next {
            Some(_) => self.refuse(JsonErrorKind::UnexpectedByte),
            None => self.refuse(JsonErrorKind::UnexpectedEnd),
        }
    }

    /// A name and the colon after it.
    #[inline(always)]
    fn name(&mut self) -> Result<(), JsonError> {
        self.require(b'"')?;
        let string = self.string()?;
        let end = self.at + string.len + 2;
        let mark = match string.len {
            0..8 => mark_short(string.head, string.len),
            _ => mark_long(string.head, scan::word(self.bytes, end - 9)),
        };
        self.push(Kind::String, end, mark, string.escaped);
        self.require(b':')?;
        self.at += 1;
        Ok(())
    }

    /// A value; of a container that is not empty its bracket alone, and then the answer is true.
    #[inline(always)]
    fn value(&mut self) -> Result<bool, JsonError> {
        let Some(first) = self.peek() else { return self.refuse(JsonErrorKind::UnexpectedEnd) };
        match self.values_left.checked_sub(1) {
            Some(left) => self.values_left = left,
            None => return self.refuse(JsonErrorKind::Nodes { max: self.bounds.nodes_max }),
        }
        match first {
            b'"' => {
                let string = self.string()?;
                self.push(Kind::String, self.at + string.len + 2, 0, string.escaped);
            }
            b'{' => return self.open(Kind::Object, Inside::Object, b'}'),
            b'[' => return self.open(Kind::Array, Inside::Array, b']'),
            b't' => self.literal(b"true", Kind::Bool)?,
            b'f' => self.literal(b"false", Kind::Bool)?,
            b'n' => self.literal(b"null", Kind::Null)?,
            b'-' | b'0'..=b'9' => {
                let end = scan::number_end(self.bytes, self.at)?;
                self.push(Kind::Number, end, 0, false);
            }
            _ => return self.refuse(JsonErrorKind::UnexpectedByte),
        }
        Ok(false)
    }

    /// What follows a value: brackets that close, then a comma, or the end of the document; then the answer is true.
    #[inline(always)]
    fn after_value(&mut self) -> Result<bool, JsonError> {
        loop {
            // Mostly a comma stands right here.
            if self.inside != Inside::Nothing && self.bytes.get(self.at) == Some(&b',') {
                self.at += 1;
                return Ok(false);
            }
            match (self.inside, self.peek()) {
                (Inside::Object | Inside::Array, Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Inside::Object, Some(b'}')) => {
                    self.check_names()?;
                    self.close();
                }
                (Inside::Array, Some(b']')) => self.close(),
                (Inside::Nothing, None) => return Ok(true),
                (Inside::Nothing, Some(_)) => return self.refuse(JsonErrorKind::TrailingBytes),
                (_, other) => return self.refuse_next(other),
            }
        }
    }

    /// Scans the string that begins here.
    #[inline(always)]
    fn string(&self) -> Result<Scanned, JsonError> {
        let string = scan::string(self.bytes, self.at + 1)?;
        let max = self.bounds.string_bytes_max;
        if string.len > max { self.refuse(JsonErrorKind::StringBytes { max }) } else { Ok(string) }
    }

    #[inline(always)]
    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<(), JsonError> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word) {
            return self.refuse(JsonErrorKind::UnexpectedByte);
        }
        self.push(kind, end, 0, false);
        Ok(())
    }

    /// Keeps a node that begins here and ends before `end`, and goes on there.
    #[inline(always)]
    fn push(&mut self, kind: Kind, end: usize, below: u32, escaped: bool) {
        self.nodes.push(Node { start: offset(self.at), end: offset(end), below, kind, escaped });
        self.at = end;
    }

    /// Opens a container, and closes it again if `closing` follows; otherwise the answer is true.
    #[inline(always)]
    fn open(&mut self, kind: Kind, inside: Inside, closing: u8) -> Result<bool, JsonError> {
        if self.depth >= self.bounds.depth_max {
            return self.refuse(JsonErrorKind::Depth { max: self.bounds.depth_max });
        }
        let here = offset(self.nodes.len());
        let start = offset(self.at);
        self.at += 1;
        if self.peek() == Some(closing) {
            self.at += 1;
            self.nodes.push(Node { start, end: offset(self.at), below: 0, kind, escaped: false });
            return Ok(false);
        }
        self.nodes.push(Node { start, end: start, below: self.open, kind, escaped: false });
        self.depth += 1;
        self.open = here;
        self.inside = inside;
        Ok(true)
    }

    /// Completes the innermost container and returns to the one around it.
    #[inline(always)]
    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
        let below = offset(self.nodes.len()).saturating_sub(self.open + 1);
        let mut around = NONE;
        if let Some(node) = self.nodes.get_mut(self.open as usize) {
            around = std::mem::replace(&mut node.below, below);
            node.end = offset(self.at);
        }
        self.open = around;
        self.inside = match self.nodes.get(around as usize).map(|node| node.kind) {
            Some(Kind::Object) => Inside::Object,
            Some(_) => Inside::Array,
            None => Inside::Nothing,
        };
    }

    /// Refuses the innermost object, which is complete but for its brace, if it has a name twice.
    #[inline(always)]
    fn check_names(&self) -> Result<(), JsonError> {
        let inside = self.nodes.get(self.open as usize + 1..).unwrap_or_default();
        let differ = names_differ_at_a_glance(inside)
            || names_differ_by_marks(inside)
            || names_differ(self.text, inside);
        if differ {
            return Ok(());
        }
        self.refuse(JsonErrorKind::DuplicateName)
    }
}

/// The names among the nodes inside of an object.
fn names(inside: &[Node]) -> impl Iterator<Item = &Node> {
    let mut rest = inside;
    std::iter::from_fn(move || {
        let [name, value, after @ ..] = rest else { return None };
        rest = after.get(value.below as usize..)?;
        Some(name)
    })
}

/// Whether the names of an object, all without escapes, fall on different ones of 64 bits, as few names mostly do.
#[inline(always)]
fn names_differ_at_a_glance(inside: &[Node]) -> bool {
    let (mut seen, mut again) = (0_u64, false);
    for name in names(inside) {
        let bit = 1_u64 << (name.below % 64);
        again |= name.escaped | (seen & bit != 0);
        seen |= bit;
    }
    !again
}

/// Whether an object has so few names, all without escapes, that their marks tell them apart.
#[inline(never)]
fn names_differ_by_marks(inside: &[Node]) -> bool {
    let mut marks = [0; MARKED_NAMES_MAX];
    for (seen, name) in names(inside).enumerate() {
        let (before, rest) = marks.split_at_mut_checked(seen).unwrap_or_default();
        let Some(slot) = rest.first_mut() else { return false };
        if name.escaped || before.contains(&name.below) {
            return false;
        }
        *slot = name.below;
    }
    true
}

/// Whether all names of an object differ. Sorts: comparing each with each is a gift to an attacker, and so is a hash he
/// can predict.
#[inline(never)]
fn names_differ(text: &str, inside: &[Node]) -> bool {
    let mut names: Vec<Cow<'_, str>> = names(inside).map(|name| string(text, name)).collect();
    names.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    !names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// A number that equal names of up to seven bytes share, if they have no escapes. `head` begins with the name; what
/// stands behind its closing quote is shifted out.
#[inline(always)]
fn mark_short(head: u64, len: usize) -> u32 {
    mix(head << (56 - 8 * len))
}

/// A number that equal longer names share, if they have no escapes: their first and last eight bytes, mixed.
#[inline(always)]
fn mark_long(head: u64, tail: u64) -> u32 {
    mix(head ^ tail.rotate_left(29))
}

fn mix(word: u64) -> u32 {
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// Offsets fit: a body of 4 GiB was refused at the start, and no body has more nodes than bytes.
#[inline(always)]
fn offset(at: usize) -> u32 {
    at as u32
}
