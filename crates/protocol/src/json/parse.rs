//! Bytes to nodes.

use std::borrow::Cow;

use super::error::{JsonError, JsonErrorKind};
use super::scan;
use super::value::{Kind, Node, string};
use crate::Bounds;

/// Fewer names than this in an object are compared at a glance first.
const GLANCE_NAMES_MAX: usize = 16;

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
    // A guess that fits chat: one node in ten bytes. Longer bodies are mostly long strings.
    nodes.reserve((body.len() / 10).clamp(8, 512));
    let mut parser = Parser {
        text,
        bytes: body,
        at: 0,
        nodes,
        open: NONE,
        inside: Inside::Nothing,
        depth: 0,
        values: 0,
        bounds: *bounds,
        names: Vec::new(),
    };
    parser.run()?;
    Ok((text, parser.nodes))
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

/// What may come next.
#[derive(Clone, Copy)]
enum Next {
    Value,
    ItemOrEnd,
    Name,
    NameOrEnd,
    CommaOrEnd,
}

/// The innermost open container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Array,
    Object,
}

struct Parser<'d> {
    text: &'d str,
    bytes: &'d [u8],
    at: usize,
    nodes: Vec<Node>,
    /// Where the innermost open container lies in `nodes`, or [`NONE`]. The ones around it are linked by `below`.
    open: u32,
    inside: Inside,
    depth: usize,
    values: usize,
    bounds: Bounds,
    /// Names of the object that was just closed, while they are compared.
    names: Vec<Cow<'d, str>>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), JsonError> {
        let mut next = Next::Value;
        while let Some(byte) = self.peek() {
            next = match next {
                Next::CommaOrEnd => self.after_value(byte)?,
                Next::ItemOrEnd if byte == b']' => self.close(),
                Next::NameOrEnd if byte == b'}' => self.close(),
                Next::Name | Next::NameOrEnd => self.name(byte)?,
                Next::Value | Next::ItemOrEnd => self.value(byte)?,
            };
        }
        match (next, self.inside) {
            (Next::CommaOrEnd, Inside::Nothing) => Ok(()),
            _ => self.refuse(JsonErrorKind::UnexpectedEnd),
        }
    }

    #[inline]
    fn after_value(&mut self, byte: u8) -> Result<Next, JsonError> {
        match (self.inside, byte) {
            (Inside::Object, b',') => Ok(self.step(Next::Name)),
            (Inside::Array, b',') => Ok(self.step(Next::Value)),
            (Inside::Object, b'}') => {
                self.check_names()?;
                Ok(self.close())
            }
            (Inside::Array, b']') => Ok(self.close()),
            (Inside::Nothing, _) => self.refuse(JsonErrorKind::TrailingBytes),
            _ => self.refuse(JsonErrorKind::UnexpectedByte),
        }
    }

    /// The next byte that is not white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn step(&mut self, next: Next) -> Next {
        self.at += 1;
        next
    }

    fn refuse<T>(&self, kind: JsonErrorKind) -> Result<T, JsonError> {
        Err(JsonError::new(self.at, kind))
    }

    #[inline]
    fn value(&mut self, first: u8) -> Result<Next, JsonError> {
        self.values += 1;
        if self.values > self.bounds.nodes_max {
            return self.refuse(JsonErrorKind::Nodes { max: self.bounds.nodes_max });
        }
        match first {
            b'"' => self.string()?,
            b'{' => return self.open(Kind::Object, Inside::Object, Next::NameOrEnd),
            b'[' => return self.open(Kind::Array, Inside::Array, Next::ItemOrEnd),
            b't' => self.literal("true", Kind::Bool)?,
            b'f' => self.literal("false", Kind::Bool)?,
            b'n' => self.literal("null", Kind::Null)?,
            b'-' | b'0'..=b'9' => {
                let end = scan::number_end(self.bytes, self.at)?;
                self.push(Kind::Number, end, false);
            }
            _ => return self.refuse(JsonErrorKind::UnexpectedByte),
        }
        Ok(Next::CommaOrEnd)
    }

    /// A name, the colon after it, and the value after that or its beginning.
    #[inline]
    fn name(&mut self, first: u8) -> Result<Next, JsonError> {
        if first != b'"' {
            return self.refuse(JsonErrorKind::UnexpectedByte);
        }
        self.string()?;
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return self.refuse(JsonErrorKind::UnexpectedByte),
            None => return Ok(Next::Value),
        }
        match self.peek() {
            Some(byte) => self.value(byte),
            None => Ok(Next::Value),
        }
    }

    #[inline]
    fn string(&mut self) -> Result<(), JsonError> {
        let from = self.at + 1;
        let end = scan::string_end(self.bytes, from)?;
        let max = self.bounds.string_bytes_max;
        if end.at - from > max {
            return self.refuse(JsonErrorKind::StringBytes { max });
        }
        self.push(Kind::String, end.at + 1, end.escaped);
        Ok(())
    }

    fn literal(&mut self, word: &str, kind: Kind) -> Result<(), JsonError> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return self.refuse(JsonErrorKind::UnexpectedByte);
        }
        self.push(kind, end, false);
        Ok(())
    }

    /// Keeps a node that begins here and ends before `end`, and goes on there.
    fn push(&mut self, kind: Kind, end: usize, escaped: bool) {
        self.nodes.push(Node { start: offset(self.at), end: offset(end), below: 0, kind, escaped });
        self.at = end;
    }

    fn open(&mut self, kind: Kind, inside: Inside, next: Next) -> Result<Next, JsonError> {
        self.depth += 1;
        if self.depth > self.bounds.depth_max {
            return self.refuse(JsonErrorKind::Depth { max: self.bounds.depth_max });
        }
        let here = offset(self.nodes.len());
        let start = offset(self.at);
        self.nodes.push(Node { start, end: start, below: self.open, kind, escaped: false });
        self.open = here;
        self.inside = inside;
        Ok(self.step(next))
    }

    /// Completes the innermost container and returns to the one around it.
    fn close(&mut self) -> Next {
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
        Next::CommaOrEnd
    }

    /// Refuses the innermost object, which is complete but for its brace, if it has a name twice.
    fn check_names(&mut self) -> Result<(), JsonError> {
        let inside = self.nodes.get(self.open as usize + 1..).unwrap_or_default();
        if names_differ_at_a_glance(self.bytes, inside) {
            return Ok(());
        }
        self.names.clear();
        self.names.extend(names(inside).map(|name| string(self.text, *name)));
        if has_duplicate(&mut self.names) { self.refuse(JsonErrorKind::DuplicateName) } else { Ok(()) }
    }
}

/// The names among the nodes inside of an object.
fn names(inside: &[Node]) -> impl Iterator<Item = &Node> {
    let mut rest = inside;
    std::iter::from_fn(move || {
        let [name, value, after @ ..] = rest else { return None };
        rest = after.get(value.below as usize..).unwrap_or_default();
        Some(name)
    })
}

/// Whether an object has so few names, all without escapes, that their lengths and first bytes already tell them apart.
fn names_differ_at_a_glance(bytes: &[u8], inside: &[Node]) -> bool {
    let mut marks = [0_u64; GLANCE_NAMES_MAX];
    let mut names = names(inside);
    for (at, slot) in marks.iter_mut().enumerate() {
        let Some(name) = names.next() else {
            let marks = marks.get(..at).unwrap_or_default();
            return (1..)
                .zip(marks)
                .all(|(after, mark)| marks.get(after..).is_some_and(|rest| !rest.contains(mark)));
        };
        if name.escaped {
            return false;
        }
        *slot = mark(bytes, *name);
    }
    false
}

/// A number that equal names share: the first eight bytes and the length, mixed.
fn mark(bytes: &[u8], name: Node) -> u64 {
    let (start, len) = (name.start as usize + 1, (name.end - name.start).saturating_sub(2));
    let rest = bytes.get(start..).unwrap_or_default();
    let word = rest.first_chunk::<8>().copied().unwrap_or_else(|| padded(rest));
    let foreign_bits = 64 - 8 * len.min(8);
    let own = u64::from_le_bytes(word).checked_shl(foreign_bits).unwrap_or(0);
    own ^ u64::from(len).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The last few bytes of a document, as the beginning of a word.
fn padded(bytes: &[u8]) -> [u8; 8] {
    let mut word = [0; 8];
    word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    word
}

/// Whether two names are equal. Sorts: comparing each with each is a gift to an attacker, and so is a hash he can
/// predict.
fn has_duplicate(names: &mut [Cow<'_, str>]) -> bool {
    names.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// Offsets fit: a body of 4 GiB was refused at the start, and no body has more nodes than bytes.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}
