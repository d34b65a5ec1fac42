//! The fast way on x86-64: one loop for both halves of a token, or many tokens side by side.

mod kernel;
mod many;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroize as _;

use self::kernel::{Block, Cpu, HashBlock, Place, Schedule, State};
use super::Sealing;
use crate::base64url;
use crate::body::{self, BLOCK_BYTES, HEAD_BYTES, TAG_BYTES};
use crate::key::Key;

/// Bytes of ciphertext between two visits of the base64 encoder: they are still in the cache.
const CHUNK_BYTES: usize = 192 * 64;
/// What may be left of a chunk until the next: up to [`WHOLE_BYTES`], and what the hash has not reached.
const SLACK_BYTES: usize = 512;
/// A chunk is encoded in whole hash blocks and in whole groups of three bytes.
const WHOLE_BYTES: usize = 192;
/// A body that fits is made on the stack.
const SMALL_BYTES: usize = 256;

/// A key made ready. Wiped on drop.
pub(crate) struct Keys {
    cpu: Cpu,
    schedule: Schedule,
    /// HMAC's states after the padded key. Source: RFC 2104 §2, §4.
    inner: State,
    outer: State,
}

impl Keys {
    /// `None` where the processor lacks an instruction.
    pub(crate) fn new(key: &Key) -> Option<Self> {
        let cpu = Cpu::detect()?;
        let keyed = |pad: u8| {
            let mut block = [[pad; 64]];
            for (to, from) in block.as_flattened_mut().iter_mut().zip(key.expose_signing()) {
                *to ^= from;
            }
            let mut state = State::START;
            kernel::hash(cpu, &mut state, &block);
            block.zeroize();
            state
        };
        let schedule = kernel::expand(cpu, key.expose_encrypting());
        Some(Self { cpu, schedule, inner: keyed(0x36), outer: keyed(0x5c) })
    }

    /// A token.
    pub(crate) fn seal(&self, sealing: &Sealing<'_>) -> String {
        let len = HEAD_BYTES + body::padded_len(sealing.message.len()) + TAG_BYTES;
        let mut text = String::with_capacity(base64url::text_len(len));
        if len <= SMALL_BYTES {
            self.seal_through(sealing, &mut [0; SMALL_BYTES], &mut text);
        } else {
            self.seal_through(sealing, &mut vec![0; len.min(CHUNK_BYTES + SLACK_BYTES)], &mut text);
        }
        text
    }

    /// Makes the body of a token in `buffer`, chunk by chunk, and appends its text.
    fn seal_through(&self, sealing: &Sealing<'_>, buffer: &mut [u8], text: &mut String) {
        let mut filling = Filling::begin(self, sealing, buffer);
        let (groups, rest) = sealing.message.as_chunks::<64>();
        for chunk in groups.chunks(CHUNK_BYTES / 64) {
            filling.encipher(chunk);
            filling.encode_whole(text);
        }
        filling.finish(rest);
        base64url::append(filling.body(), text);
    }

    /// The body of a token, before base64.
    pub(crate) fn seal_body(&self, sealing: &Sealing<'_>) -> Vec<u8> {
        let len = HEAD_BYTES + body::padded_len(sealing.message.len()) + TAG_BYTES;
        let mut buffer = vec![0; len];
        let mut filling = Filling::begin(self, sealing, &mut buffer);
        let (groups, rest) = sealing.message.as_chunks::<64>();
        filling.encipher(groups);
        filling.finish(rest);
        buffer
    }

    /// Whether the body's MAC is right.
    pub(crate) fn is_authentic(&self, body: &[u8]) -> bool {
        let Some((signed, tag)) = body::split_tag(body) else { return false };
        let mut state = self.inner;
        let (blocks, rest) = signed.as_chunks::<64>();
        kernel::hash(self.cpu, &mut state, blocks);
        self.is_tag(tag, state, rest, signed.len())
    }

    /// Checks and deciphers in one go, to the beginning of `body`. Tells the length of the message; where it is `None`, what `body` holds is to be wiped.
    pub(crate) fn open(&self, body: &mut [u8]) -> Option<usize> {
        let ciphertext = body::ciphertext_len(body)?;
        let signed = HEAD_BYTES + ciphertext;
        let mut chain = *body.get(HEAD_BYTES - BLOCK_BYTES..)?.first_chunk::<BLOCK_BYTES>()?;
        let mut state = self.inner;
        let groups = ciphertext / 64;
        kernel::open(self.cpu, &self.schedule.decrypting, &mut chain, &mut state, body, groups);
        // What is left: less than four blocks, with as many bytes before them as the head has.
        let done = groups * 64;
        let mut rest = [0; HEAD_BYTES + 3 * BLOCK_BYTES];
        let rest = rest.get_mut(..signed - done)?;
        rest.copy_from_slice(body.get(done..signed)?);
        let tag = *body.get(signed..)?.first_chunk::<TAG_BYTES>()?;
        let (blocks, unhashed) = rest.as_chunks::<64>();
        kernel::hash(self.cpu, &mut state, blocks);
        if !self.is_tag(&tag, state, unhashed, signed) {
            return None;
        }
        let last_blocks = body.get_mut(done..ciphertext)?;
        last_blocks.copy_from_slice(rest.get(HEAD_BYTES..)?);
        kernel::decipher(self.cpu, &self.schedule.decrypting, &mut chain, last_blocks.as_chunks_mut().0);
        let message = body.get(..ciphertext)?;
        Some(ciphertext - body::padding(message.last_chunk()?)?)
    }

    /// The padding of a message whose last ciphertext block is `last`, behind `chain`.
    pub(crate) fn padding(&self, mut chain: Block, last: Block) -> Option<usize> {
        let mut last = [last];
        kernel::decipher(self.cpu, &self.schedule.decrypting, &mut chain, &mut last);
        let padding = body::padding(&last[0]);
        last.zeroize();
        padding
    }

    /// Deciphers in place.
    pub(crate) fn decipher(&self, mut chain: Block, ciphertext: &mut [u8]) {
        let (blocks, _) = ciphertext.as_chunks_mut();
        kernel::decipher(self.cpu, &self.schedule.decrypting, &mut chain, blocks);
    }

    /// Compares a tag in constant time with the right one: `state` after all of the `len` signed bytes but `rest`.
    fn is_tag(&self, tag: &[u8; TAG_BYTES], state: State, rest: &[u8], len: usize) -> bool {
        verify_slices_are_equal(tag, &self.tag(state, rest, len)).is_ok()
    }

    /// The right tag: `inner` is the state after all of the `len` signed bytes but `rest`.
    fn tag(&self, inner: State, rest: &[u8], len: usize) -> [u8; TAG_BYTES] {
        kernel::tag(self.cpu, &inner, closing(rest, len, &mut [[0; 64]; 2]), &self.outer)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.schedule.wipe();
        self.inner.wipe();
        self.outer.wipe();
    }
}

/// The last blocks of an HMAC's hash: `rest`, a one, zeros, and the length in bits of the padded key and `len` bytes.
/// Source: FIPS 180-4 §5.1.1. `rest` is shorter than a block.
fn closing<'a>(rest: &[u8], len: usize, blocks: &'a mut [HashBlock; 2]) -> &'a [HashBlock] {
    let bits = ((64 + len) as u64) << 3;
    let count = if rest.len() < 64 - 8 { 1 } else { 2 };
    let (blocks, _) = blocks.split_at_mut(count);
    let bytes = blocks.as_flattened_mut();
    if let Some((start, [one, ..])) = bytes.split_at_mut_checked(rest.len()) {
        start.copy_from_slice(rest);
        *one = 0x80;
    }
    if let Some(length) = bytes.last_chunk_mut() {
        *length = bits.to_be_bytes();
    }
    blocks
}

/// A body that is being made in a buffer.
struct Filling<'a> {
    keys: &'a Keys,
    buffer: &'a mut [u8],
    place: Place,
    /// Bytes of the body that have left the buffer.
    gone: usize,
    chain: Block,
    state: State,
}

impl<'a> Filling<'a> {
    fn begin(keys: &'a Keys, sealing: &Sealing<'_>, buffer: &'a mut [u8]) -> Self {
        let head = body::head(sealing.stamp_s, &sealing.iv);
        if let Some(begin) = buffer.first_chunk_mut() {
            *begin = head;
        }
        let (state, chain) = (keys.inner, sealing.iv);
        Self { keys, buffer, place: Place { filled: HEAD_BYTES, hashed: 0 }, gone: 0, chain, state }
    }

    fn encipher(&mut self, plain: &[HashBlock]) {
        let Keys { cpu, schedule, .. } = self.keys;
        kernel::seal(*cpu, schedule, &mut self.chain, &mut self.state, plain, self.buffer, &mut self.place);
    }

    /// Encodes what is hashed and moves the rest to the front.
    fn encode_whole(&mut self, text: &mut String) {
        let whole = self.place.hashed / WHOLE_BYTES * WHOLE_BYTES;
        base64url::append(self.buffer.get(..whole).unwrap_or_default(), text);
        self.buffer.copy_within(whole..self.place.filled, 0);
        self.place.filled -= whole;
        self.place.hashed -= whole;
        self.gone += whole;
    }

    /// Enciphers the end of the message, less than 64 bytes, and signs.
    fn finish(&mut self, rest: &[u8]) {
        let Keys { cpu, schedule, .. } = self.keys;
        let (blocks, ragged) = rest.as_chunks::<BLOCK_BYTES>();
        // One call for all of it: each would begin the chain anew.
        let mut tail = [[0; BLOCK_BYTES]; 4];
        let count = blocks.len() + 1;
        for (to, from) in tail.iter_mut().zip(blocks.iter().copied().chain([body::pad(ragged)])) {
            *to = from;
        }
        let plain = tail.get(..count).unwrap_or_default();
        let room = self.buffer.get_mut(self.place.filled..).unwrap_or_default();
        kernel::encipher(*cpu, &schedule.encrypting, &mut self.chain, plain, room.as_chunks_mut().0);
        self.place.filled += count * BLOCK_BYTES;
        tail.zeroize();
        let unhashed = self.buffer.get(self.place.hashed..self.place.filled).unwrap_or_default();
        let (blocks, rest) = unhashed.as_chunks();
        kernel::hash(*cpu, &mut self.state, blocks);
        let tag = self.keys.tag(self.state, rest, self.gone + self.place.filled);
        if let Some(room) = self.buffer.get_mut(self.place.filled..).and_then(|it| it.first_chunk_mut()) {
            *room = tag;
        }
        self.place.filled += TAG_BYTES;
    }

    fn body(&self) -> &[u8] {
        self.buffer.get(..self.place.filled).unwrap_or_default()
    }
}
