//! Large messages as many tokens, one a line. Each says which message it belongs to, where it stands, and whether it is the last; so
//! lines that were dropped, doubled, swapped, taken from another message or cut off are noticed. `docs/formats/fernet.md`.

use anyhow::Context as _;
use botwarden_crypto::Token;
use botwarden_fernet::{Age, Decoding, MultiFernet};
use zeroize::Zeroizing;

use super::input::Input;
use super::output::Output;
use super::refused;

/// Bytes of the message in a token, but for the last.
const CHUNK_BYTES: usize = 1 << 20;
/// What a chunk begins with: the kind of content and the version of the format.
const MAGIC: &[u8; 4] = b"BWF\x01";
const ID_BYTES: usize = 16;
/// Magic, message, position (big-endian), and whether it is the last.
const HEAD_BYTES: usize = MAGIC.len() + ID_BYTES + 8 + 1;
/// More than a line of the largest chunk has.
const LINE_BYTES_MAX: usize = (HEAD_BYTES + CHUNK_BYTES + 128) / 3 * 4 + 8;

/// Where a chunk belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    message: [u8; ID_BYTES],
    position: u64,
    last: bool,
}

impl Head {
    fn bytes(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        let parts = [&MAGIC[..], &self.message, &self.position.to_be_bytes(), &[u8::from(self.last)]];
        for (to, from) in bytes.iter_mut().zip(parts.concat()) {
            *to = from;
        }
        bytes
    }

    /// The head of a chunk and its content.
    fn parse(chunk: &[u8]) -> Option<(Self, &[u8])> {
        let (message, rest) = chunk.strip_prefix(MAGIC)?.split_first_chunk()?;
        let (position, rest) = rest.split_first_chunk()?;
        let (last, content) = rest.split_first()?;
        let last = match last {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some((Self { message: *message, position: u64::from_be_bytes(*position), last }, content))
    }
}

/// Seals what comes in, chunk by chunk.
pub(super) fn encrypt(
    keys: &MultiFernet,
    input: &mut Input,
    output: &mut Output,
    now_s: u64,
) -> anyhow::Result<()> {
    let mut head = Head { message: random_id()?, position: 0, last: false };
    let (mut chunk, mut ahead) = (Zeroizing::new(room()), Zeroizing::new(room()));
    input.fill(&mut chunk, CHUNK_BYTES)?;
    while !head.last {
        ahead.clear();
        input.fill(&mut ahead, CHUNK_BYTES)?;
        head.last = ahead.is_empty();
        let message = Zeroizing::new([&head.bytes()[..], &chunk].concat());
        let mut line = keys.encrypt(&message, now_s).context("sealing")?;
        line.push('\n');
        output.write(line.as_bytes())?;
        head.position += 1;
        std::mem::swap(&mut chunk, &mut ahead);
    }
    Ok(())
}

/// Opens what [`encrypt`] made. What it writes is right as far as it goes; that it is all is known at the end only.
pub(super) fn decrypt(
    keys: &MultiFernet,
    input: &mut Input,
    output: &mut Output,
    decoding: Decoding,
    age: Age,
) -> anyhow::Result<()> {
    let mut expected: Option<Head> = None;
    while let Some(line) = input.line(LINE_BYTES_MAX)? {
        let at = expected.map_or(0, |it| it.position);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let chunk = keys.decrypt(line, decoding, age).map(Zeroizing::new);
        let chunk = chunk.map_err(|_| refused(format!("line {} is not a valid token", at + 1)))?;
        let (head, content) =
            Head::parse(&chunk).ok_or_else(|| refused(format!("line {} is no part of a message", at + 1)))?;
        let message = expected.map_or(head.message, |it| it.message);
        if expected.is_some_and(|it| it.last) || head.position != at || head.message != message {
            return Err(refused(format!("line {} is not the one that belongs there", at + 1)));
        }
        output.write(content)?;
        expected = Some(Head { position: at + 1, ..head });
    }
    match expected {
        Some(Head { last: true, .. }) => Ok(()),
        _ => Err(refused("the end of the message is missing")),
    }
}

/// Room for a chunk: a vector that grows leaves copies behind.
fn room() -> Vec<u8> {
    Vec::with_capacity(CHUNK_BYTES + 1024)
}

/// A name for this message that no other has: 16 random characters, 96 bits.
fn random_id() -> anyhow::Result<[u8; ID_BYTES]> {
    let token = Token::random()?;
    let mut id = [0; ID_BYTES];
    for (to, from) in id.iter_mut().zip(token.expose().bytes()) {
        *to = from;
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_written() {
        for last in [false, true] {
            let head = Head { message: [7; ID_BYTES], position: 1 << 40, last };
            let chunk = [&head.bytes()[..], b"content"].concat();
            assert_eq!(Head::parse(&chunk), Some((head, &b"content"[..])));
            assert_eq!(Head::parse(&chunk[..HEAD_BYTES - 1]), None);
        }
        assert_eq!(Head::parse(&[&MAGIC[..], &[2; 60]].concat()), None, "neither last nor not");
        assert_eq!(Head::parse(&[1; 60]), None, "no magic");
    }
}
