//! Event streams: bytes to events, however they are cut.
//!
//! Source: WHATWG HTML §9.2.6, "Interpreting an event stream". `id` and `retry` mean nothing here and are passed over;
//! an event that the stream ends in the middle of is dropped, as the standard has it.

use memchr::memchr2;

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'e> {
    /// Its name; empty where it has none.
    pub name: &'e [u8],
    /// Its data lines, joined by line feeds.
    pub data: &'e [u8],
}

/// One event, with the line being read, has more than `max` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLarge {
    /// Bytes allowed.
    pub max: usize,
}

/// Assembles events. Holds at most one, of at most `bytes_max` bytes.
#[derive(Debug)]
pub struct EventReader {
    bytes_max: usize,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    name: Vec<u8>,
    /// Data lines, each followed by a line feed.
    data: Vec<u8>,
    /// The last byte was a carriage return: a line feed that comes next belongs to it.
    after_return: bool,
    /// Bytes at the end of what was taken last that belong to an event that is not complete.
    unfinished: usize,
    /// No line has been read: the first may begin with a byte order mark.
    at_start: bool,
}

impl EventReader {
    /// With nothing read yet.
    pub fn new(bytes_max: usize) -> Self {
        let (line, name, data) = Default::default();
        Self { bytes_max, line, name, data, after_return: false, unfinished: 0, at_start: true }
    }

    /// Like [`EventReader::new`], for a stream of which something has passed already.
    pub(crate) fn within(bytes_max: usize) -> Self {
        Self { at_start: false, ..Self::new(bytes_max) }
    }

    /// Takes the next bytes and hands each event that they complete to `take`.
    pub fn push<E: From<EventTooLarge>>(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = chunk;
        self.unfinished = chunk.len();
        while let Some(at) = memchr2(b'\n', b'\r', rest) {
            let (line, tail) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            let (end, tail) = tail.split_first().unwrap_or((&b'\n', &[]));
            rest = tail;
            let paired = std::mem::replace(&mut self.after_return, *end == b'\r');
            if paired && *end == b'\n' && line.is_empty() {
                self.unfinished = if self.is_in_event() { self.unfinished } else { rest.len() };
                continue;
            }
            // Nearly every event is one line of data and an empty one, in one piece: it is taken where it lies.
            if *end == b'\n'
                && self.is_between_lines()
                && let Some(data) = line.strip_prefix(b"data: ")
                && let Some(tail) = rest.strip_prefix(b"\n")
            {
                rest = tail;
                self.check(line.len())?;
                let result = take(Event { name: &self.name, data });
                self.name.clear();
                self.unfinished = rest.len();
                result?;
                continue;
            }
            self.take_line(line, &mut take)?;
            self.unfinished = if self.is_in_event() { self.unfinished } else { rest.len() };
        }
        self.hold(rest)?;
        Ok(())
    }

    /// How many of the bytes that were taken last belong to an event that is not complete, or to a line.
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Whether an event has begun that is not complete.
    fn is_in_event(&self) -> bool {
        !(self.line.is_empty() && self.data.is_empty() && self.name.is_empty())
    }

    /// Whether nothing is held but perhaps a name, so that a line of data means the same by itself.
    fn is_between_lines(&self) -> bool {
        self.line.is_empty() && self.data.is_empty() && !self.at_start
    }

    /// Keeps the beginning of a line.
    fn hold(&mut self, start: &[u8]) -> Result<(), EventTooLarge> {
        if !start.is_empty() {
            self.after_return = false;
            self.check(self.line.len() + start.len())?;
            self.line.extend_from_slice(start);
        }
        Ok(())
    }

    fn check(&self, line_bytes: usize) -> Result<(), EventTooLarge> {
        let max = self.bytes_max;
        if self.data.len() + line_bytes > max { Err(EventTooLarge { max }) } else { Ok(()) }
    }

    fn take_line<E: From<EventTooLarge>>(
        &mut self,
        end: &[u8],
        take: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.line.is_empty() {
            return self.interpret(end, take);
        }
        self.check(self.line.len() + end.len())?;
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(end);
        let result = self.interpret(&line, take);
        line.clear();
        self.line = line;
        result
    }

    fn interpret<E: From<EventTooLarge>>(
        &mut self,
        line: &[u8],
        take: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check(line.len())?;
        let line = match std::mem::take(&mut self.at_start) {
            true => line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line),
            false => line,
        };
        if line.is_empty() {
            return self.dispatch(take);
        }
        let (field, value) = split_field(line);
        match field {
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            // Comments have an empty field name; other fields are not ours.
            _ => {}
        }
        Ok(())
    }

    fn dispatch<E>(&mut self, take: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
        let result = match self.data.split_last() {
            Some((_, data)) => take(Event { name: &self.name, data }),
            None => Ok(()),
        };
        self.name.clear();
        self.data.clear();
        result
    }
}

/// Splits `data: text` into `data` and `text`; one space after the colon belongs to it.
fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    let at = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
    let (field, value) = line.split_at_checked(at).unwrap_or((line, &[]));
    let value = value.strip_prefix(b":").unwrap_or(value);
    (field, value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Seen = Vec<(String, String)>;

    fn read(chunks: &[&[u8]], bytes_max: usize) -> Result<Seen, EventTooLarge> {
        let mut reader = EventReader::new(bytes_max);
        let mut seen = Vec::new();
        for chunk in chunks {
            reader.push(chunk, |event| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                seen.push((text(event.name), text(event.data)));
                Ok::<_, EventTooLarge>(())
            })?;
        }
        Ok(seen)
    }

    #[test]
    fn streams() {
        let event = |name: &str, data: &str| (name.to_owned(), data.to_owned());
        for (name, stream, want) in [
            ("one event", "data: a\n\n", vec![event("", "a")]),
            ("no space after the colon", "data:a\n\n", vec![event("", "a")]),
            ("two spaces: one is data", "data:  a\n\n", vec![event("", " a")]),
            ("several lines", "data: a\ndata\ndata: b\n\n", vec![event("", "a\n\nb")]),
            ("a name", "event: ping\ndata: {}\n\n", vec![event("ping", "{}")]),
            ("the last name counts", "event: a\nevent: b\ndata: 1\n\n", vec![event("b", "1")]),
            ("a name without data is no event", "event: ping\n\ndata: 1\n\n", vec![event("", "1")]),
            ("empty data is one", "data:\n\n", vec![event("", "")]),
            ("comments", ": hello\n\n:\ndata: a\n: again\n\n", vec![event("", "a")]),
            ("other fields", "id: 7\nretry: 10\nDATA: x\n data: x\ndata: a\n\n", vec![event("", "a")]),
            ("CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", vec![event("", "a"), event("", "b")]),
            ("CR", "data: a\r\rdata: b\r\r", vec![event("", "a"), event("", "b")]),
            (
                "mixed ends",
                "data: a\r\n\ndata: b\n\rdata: c\r\n\r",
                vec![event("", "a"), event("", "b"), event("", "c")],
            ),
            ("CR LF LF is two ends", "data: a\r\n\n", vec![event("", "a")]),
            ("a byte order mark", "\u{FEFF}data: a\n\n", vec![event("", "a")]),
            ("one only at the start", "data: a\n\n\u{FEFF}data: b\n\n", vec![event("", "a")]),
            ("cut short", "data: a\n\ndata: b\n", vec![event("", "a")]),
            ("nothing", "", vec![]),
            (
                "line separators of Unicode are data",
                "data: a\u{2028}b\u{85}\u{B}c\n\n",
                vec![event("", "a\u{2028}b\u{85}\u{B}c")],
            ),
        ] {
            assert_eq!(read(&[stream.as_bytes()], 100).unwrap(), want, "{name}");
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(read(&bytes, 100).unwrap(), want, "{name}, byte by byte");
        }
    }

    #[test]
    fn an_event_over_the_bound_is_refused() {
        for (name, stream, want) in [
            ("at the bound", "data: 4567\n\n", Ok(())),
            ("over it", "data: 45678\n\n", Err(EventTooLarge { max: 10 })),
            ("in two lines", "data: 4\ndata: 456\n\n", Err(EventTooLarge { max: 10 })),
            ("a comment", ":2345678901\n\n", Err(EventTooLarge { max: 10 })),
            ("no end", "data: 45678", Err(EventTooLarge { max: 10 })),
        ] {
            assert_eq!(read(&[stream.as_bytes()], 10).map(drop), want, "{name}");
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(read(&bytes, 10).map(drop), want, "{name}, byte by byte");
        }
    }

    proptest! {
        #[test]
        fn events_do_not_depend_on_cuts(
            pieces in prop::collection::vec("data|event|:|: | |\r|\n|\r\n|\n\n|\u{FEFF}|[a-c]{0,9}", 0..60),
            cut in prop::collection::vec(0..200usize, 0..8),
        ) {
            let stream = pieces.concat().into_bytes();
            let mut cuts: Vec<usize> = cut.into_iter().map(|at| at % (stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&chunks, 30), read(&[&stream], 30));
        }
    }
}
