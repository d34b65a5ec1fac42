//! Reads one HTTP/1.1 answer at a time, as cheaply as a load generator must.

use anyhow::{Context as _, bail, ensure};

/// The longest head or chunk-size line that is read, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// More headers than any contestant sends.
const HEADERS_MAX: usize = 64;

/// Where the reading of an answer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Head,
    /// A body of known length, with so many bytes still to come.
    Sized(u64),
    /// The line that gives a chunk's size in hexadecimal; `extension` once the digits are over.
    ChunkSize {
        size: u64,
        extension: bool,
    },
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    /// Trailer lines after the last chunk; how long the present one is.
    Trailer(usize),
    Done,
}

/// An answer as it arrives. Feed it what the socket gives, until [`Reply::is_done`].
#[derive(Debug)]
pub struct Reply {
    stage: Stage,
    head: Vec<u8>,
    status: u16,
    body_bytes: u64,
    events: usize,
    /// Whether the body's last byte so far was a line feed: two in a row end an event.
    after_line_feed: bool,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            stage: Stage::Head,
            head: Vec::new(),
            status: 0,
            body_bytes: 0,
            events: 0,
            after_line_feed: false,
        }
    }
}

impl Reply {
    /// Makes ready for the next answer, keeping the memory.
    pub fn reset(&mut self) {
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        *self = Self { head, ..Self::default() };
    }

    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// How many blank lines the body had: the events of an event stream.
    pub fn events(&self) -> usize {
        self.events
    }

    /// Takes the next bytes. An error when they are not a well-formed answer, or go on after its end: nothing is
    /// pipelined here, so bytes that were not asked for are a fault of the contestant.
    pub fn feed(&mut self, mut bytes: &[u8], body: &mut impl FnMut(&[u8])) -> anyhow::Result<()> {
        while !bytes.is_empty() {
            bytes = match self.stage {
                Stage::Head => self.read_head(bytes)?,
                Stage::Sized(left) => {
                    let (rest, left) = self.read_body(bytes, left, body);
                    self.stage = if left == 0 { Stage::Done } else { Stage::Sized(left) };
                    rest
                }
                Stage::Chunk(left) => {
                    let (rest, left) = self.read_body(bytes, left, body);
                    self.stage = if left == 0 { Stage::ChunkEnd } else { Stage::Chunk(left) };
                    rest
                }
                Stage::ChunkSize { .. } | Stage::ChunkEnd | Stage::Trailer(_) => {
                    let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
                    self.read_framing(byte)?;
                    rest
                }
                Stage::Done => bail!("{} bytes after the end of the answer", bytes.len()),
            };
        }
        Ok(())
    }

    fn read_head<'b>(&mut self, bytes: &'b [u8]) -> anyhow::Result<&'b [u8]> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(end) = response.parse(&self.head).context("head of the answer")?
        else {
            ensure!(self.head.len() <= HEAD_MAX, "the head of the answer is over {HEAD_MAX} bytes");
            return Ok(&[]);
        };
        self.status = response.code.unwrap_or_default();
        self.stage = framing(response.headers)?;
        Ok(bytes.get(end - before..).unwrap_or_default())
    }

    fn read_body<'b>(&mut self, bytes: &'b [u8], left: u64, body: &mut impl FnMut(&[u8])) -> (&'b [u8], u64) {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let (part, rest) = bytes.split_at(here);
        for &byte in part {
            let line_feed = byte == b'\n';
            self.events += usize::from(line_feed && self.after_line_feed);
            self.after_line_feed = line_feed && !self.after_line_feed;
        }
        self.body_bytes += here as u64;
        body(part);
        (rest, left - here as u64)
    }

    /// One byte of what stands around chunks (RFC 9112 §7.1). Line ends are taken as the line feed; a carriage return
    /// before it is skipped.
    fn read_framing(&mut self, byte: u8) -> anyhow::Result<()> {
        self.stage = match (self.stage, byte) {
            (Stage::ChunkSize { size: 0, .. }, b'\n') => Stage::Trailer(0),
            (Stage::ChunkSize { size, .. }, b'\n') => Stage::Chunk(size),
            (Stage::ChunkSize { size, .. }, b';' | b' ' | b'\r') => {
                Stage::ChunkSize { size, extension: true }
            }
            (stage @ Stage::ChunkSize { extension: true, .. }, _) => stage,
            (Stage::ChunkSize { size, extension }, digit) => {
                let value = char::from(digit).to_digit(16).context("a chunk size that is not hexadecimal")?;
                let size = size.checked_mul(16).and_then(|s| s.checked_add(u64::from(value)));
                Stage::ChunkSize { size: size.context("a chunk size over 64 bits")?, extension }
            }
            (Stage::ChunkEnd, b'\r') => Stage::ChunkEnd,
            (Stage::ChunkEnd, b'\n') => Stage::ChunkSize { size: 0, extension: false },
            (Stage::Trailer(0), b'\n') => Stage::Done,
            (Stage::Trailer(length), b'\r') => Stage::Trailer(length),
            (Stage::Trailer(_), b'\n') => Stage::Trailer(0),
            (Stage::Trailer(length), _) if length < HEAD_MAX => Stage::Trailer(length + 1),
            (stage, other) => bail!("byte {other} where the framing of the body was due ({stage:?})"),
        };
        Ok(())
    }
}

/// How the body is delimited. Bodies that end with the connection are an error: every contestant keeps it alive.
fn framing(headers: &[httparse::Header<'_>]) -> anyhow::Result<Stage> {
    for header in headers {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            ensure!(header.value.eq_ignore_ascii_case(b"chunked"), "a transfer encoding other than chunked");
            return Ok(Stage::ChunkSize { size: 0, extension: false });
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(header.value)?.trim().parse().context("content-length")?;
            return Ok(if length == 0 { Stage::Done } else { Stage::Sized(length) });
        }
    }
    bail!("an answer without content-length or chunks: its end cannot be seen on a kept connection")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        8\r\ndata: a\n\r\n9;x=1\r\n\ndata: b\n\r\n1\r\n\n\r\n0\r\nx: y\r\n\r\n";

    fn read(bytes: &[u8], cut: usize) -> anyhow::Result<(Reply, Vec<u8>)> {
        let mut reply = Reply::default();
        let mut body = Vec::new();
        for part in bytes.chunks(cut) {
            reply.feed(part, &mut |b| body.extend_from_slice(b))?;
        }
        Ok((reply, body))
    }

    #[test]
    fn however_an_answer_is_cut_it_reads_the_same() {
        for cut in 1..CHUNKED.len() {
            let (reply, body) = read(CHUNKED, cut).unwrap();
            assert!(reply.is_done(), "{cut}");
            assert_eq!(
                (reply.status(), reply.events(), body.as_slice()),
                (200, 2, &b"data: a\n\ndata: b\n\n"[..])
            );
        }
        let (reply, body) = read(b"HTTP/1.1 429 Too Many\r\ncontent-length: 2\r\n\r\nno", 3).unwrap();
        assert_eq!((reply.is_done(), reply.status(), body.as_slice()), (true, 429, &b"no"[..]));
    }

    #[test]
    fn what_cannot_be_delimited_is_an_error() {
        for (name, bytes) in [
            ("no length", &b"HTTP/1.1 200 OK\r\n\r\nx"[..]),
            ("bytes after the end", &b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxy"[..]),
            ("chunk size", &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"[..]),
            ("not HTTP", &b"SSH-2.0\r\n\r\n"[..]),
        ] {
            assert!(read(bytes, 1000).is_err(), "{name}");
        }
    }
}
