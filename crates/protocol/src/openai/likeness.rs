//! Chunks that differ from the one before in their words alone.
//!
//! Nearly all chunks of an answer are alike but for one text. Such a chunk needs no reading anew: what surrounds the text is
//! byte for byte what was read before, so it is as well formed and says the same. The text itself is still read strictly.

use crate::Bounds;
use crate::json::{Document, Spare, Value, plain_bytes};

/// What surrounds the one text of a chunk.
#[derive(Debug, Default)]
pub(super) struct Likeness {
    /// Up to the text's first quote; empty while nothing was learned.
    before: Vec<u8>,
    /// From behind its last quote.
    after: Vec<u8>,
}

impl Likeness {
    /// Learns from a chunk that was read whole: `text` is its only word that counts.
    pub(super) fn learn(&mut self, data: &[u8], text: Value<'_>) {
        let span = text.span();
        let (Some(before), Some(after)) = (data.get(..span.start), data.get(span.end..)) else { return };
        self.before.clear();
        self.before.extend_from_slice(before);
        self.after.clear();
        self.after.extend_from_slice(after);
    }

    /// Forgets, so that the next chunk is read whole.
    pub(super) fn forget(&mut self) {
        self.before.clear();
    }

    /// The bytes of the text (escapes resolved) if `data` is alike; `None` if it has to be read whole.
    pub(super) fn text_bytes(&self, data: &[u8], bounds: &Bounds, spare: &mut Spare) -> Option<u64> {
        if self.before.is_empty() {
            return None;
        }
        let text = data.strip_prefix(self.before.as_slice())?.strip_suffix(self.after.as_slice())?;
        if !text.starts_with(b"\"") {
            return None;
        }
        if let Some(bytes) = plain_bytes(text)
            && bytes <= bounds.string_bytes_max
        {
            return Some(bytes as u64);
        }
        // What fails here may still be sound as a whole (the text ends earlier and more follows): reading all of it tells.
        let document = Document::parse_into(text, bounds, std::mem::take(spare)).ok()?;
        let bytes = document.root().as_str().map(|text| text.len() as u64);
        *spare = document.into_spare();
        bytes
    }
}
