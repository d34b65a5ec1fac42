//! One member of an object that is too large to hold.

use memchr::memchr2;

use super::text::unescape;

/// Bytes kept of the member.
const MEMBER_BYTES_MAX: usize = 4096;

/// Finds the member with a given name at the top of an object that passes by in pieces, and keeps its bytes alone.
///
/// It follows strings and brackets and checks nothing else: good for learning what a document of numbers cost, not for
/// deciding about it.
#[derive(Debug)]
pub(crate) struct MemberReader {
    name: &'static str,
    depth: usize,
    string: Option<Letters>,
    /// Whether the next string directly inside the object is a name.
    before_name: bool,
    /// What the last name began with, as far as it matters.
    last_name: Vec<u8>,
    keeping: bool,
    kept: Vec<u8>,
    found: usize,
    ended: bool,
}

/// Inside of a string.
#[derive(Clone, Copy, Debug)]
struct Letters {
    /// The last byte was a backslash that escapes the next.
    escaping: bool,
    /// The string is a name directly inside the object.
    is_name: bool,
}

impl MemberReader {
    pub(crate) fn new(name: &'static str) -> Self {
        let (last_name, kept) = Default::default();
        Self {
            name,
            depth: 0,
            string: None,
            before_name: false,
            last_name,
            keeping: false,
            kept,
            found: 0,
            ended: false,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let taken = match self.string {
                Some(letters) => self.letters(rest, letters),
                None => self.plain(rest),
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// The member's bytes, if the object had it exactly once and it was not too long, and whether the object ended.
    pub(crate) fn finish(self) -> (Option<Vec<u8>>, bool) {
        let once = self.found == 1 && self.ended && self.kept.len() < MEMBER_BYTES_MAX;
        (once.then_some(self.kept), self.ended)
    }

    /// Bytes of a string up to its end or that of `rest`; returns how many.
    fn letters(&mut self, rest: &[u8], mut letters: Letters) -> usize {
        if letters.escaping {
            letters.escaping = false;
            self.string = Some(letters);
            self.keep(rest, 1, letters.is_name);
            return 1;
        }
        let Some(at) = memchr2(b'"', b'\\', rest) else {
            self.keep(rest, rest.len(), letters.is_name);
            return rest.len();
        };
        let ends = rest.get(at) == Some(&b'"');
        self.string = if ends { None } else { Some(Letters { escaping: true, ..letters }) };
        // A name's closing quote stays out of it.
        let kept = if ends && letters.is_name { at } else { at + 1 };
        self.keep(rest, kept, letters.is_name);
        at + 1
    }

    /// Bytes between strings, up to the next that means something; returns how many.
    fn plain(&mut self, rest: &[u8]) -> usize {
        let Some(at) =
            rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b',' | b':'))
        else {
            self.keep(rest, rest.len(), false);
            return rest.len();
        };
        self.keep(rest, at, false);
        if let Some(&byte) = rest.get(at) {
            self.mark(byte);
        }
        at + 1
    }

    fn mark(&mut self, byte: u8) {
        let top = self.depth == 1;
        match byte {
            b'"' => {
                let is_name = top && self.before_name;
                self.string = Some(Letters { escaping: false, is_name });
                if is_name {
                    self.before_name = false;
                    self.last_name.clear();
                }
            }
            b'{' | b'[' => {
                self.before_name = self.depth == 0 && byte == b'{';
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.ended |= self.depth == 0;
                self.keeping &= self.depth > 0;
            }
            b',' if top => {
                self.keeping = false;
                self.before_name = true;
            }
            b':' if top => {
                self.keeping = self.is_named();
                self.found += usize::from(self.keeping);
                return;
            }
            _ => {}
        }
        self.keep(&[byte], 1, false);
    }

    fn is_named(&self) -> bool {
        let whole = self.last_name.len() <= self.spelling_bytes_max();
        whole && str::from_utf8(&self.last_name).is_ok_and(|raw| unescape(raw) == self.name)
    }

    /// The longest way to spell the name: six bytes for each of its own.
    fn spelling_bytes_max(&self) -> usize {
        6 * self.name.len()
    }

    /// Keeps the first `len` of `bytes`, as part of the name or of the member.
    fn keep(&mut self, bytes: &[u8], len: usize, is_name: bool) {
        let spelling = self.spelling_bytes_max();
        let (into, max) = match (is_name, self.keeping) {
            (true, _) => (&mut self.last_name, spelling + 1),
            (false, true) => (&mut self.kept, MEMBER_BYTES_MAX),
            (false, false) => return,
        };
        let room = max.saturating_sub(into.len());
        into.extend_from_slice(bytes.get(..len.min(room)).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]]) -> (Option<String>, bool) {
        let mut reader = MemberReader::new("usage");
        for chunk in chunks {
            reader.push(chunk);
        }
        let (member, ended) = reader.finish();
        (member.map(|bytes| String::from_utf8(bytes).unwrap()), ended)
    }

    #[test]
    fn members() {
        let long = format!(r#"{{"usage":"{}"}}"#, "a".repeat(MEMBER_BYTES_MAX));
        for (name, text, want) in [
            ("last", r#"{"data":[1,2.5],"usage":{"a":[1,"}"]}}"#, (Some(r#"{"a":[1,"}"]}"#), true)),
            ("first", r#"{"usage": 7 ,"data":[]}"#, (Some(" 7 "), true)),
            ("a string", r#"{"usage":"a\",\\","b":1}"#, (Some(r#""a\",\\""#), true)),
            ("spelled with escapes", r#"{"\u0075s\u0061ge":1,"\\usage":2}"#, (Some("1"), true)),
            ("deeper only", r#"{"data":[{"usage":1}]}"#, (None, true)),
            ("as a text only", r#"{"a":"usage","b":"usage\":1"}"#, (None, true)),
            ("a longer name", r#"{"usages":1,"usag":2}"#, (None, true)),
            ("twice", r#"{"usage":1,"usage":2}"#, (None, true)),
            ("cut short", r#"{"usage":1,"data":[1"#, (None, false)),
            ("in an array", r#"["usage",{"usage":1}]"#, (None, true)),
            ("too long", &long, (None, true)),
            ("nothing", "", (None, false)),
        ] {
            let want = (want.0.map(str::to_owned), want.1);
            assert_eq!(read(&[text.as_bytes()]), want, "{name}");
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(read(&bytes), want, "{name}, byte by byte");
        }
    }
}
