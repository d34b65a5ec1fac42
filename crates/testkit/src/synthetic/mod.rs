//! Synthetic exchanges: requests and answers shaped like the vendors' published schemas and SDK types, made from a seed.
//!
//! They are made up, not recorded: every documented kind of content, tools, structured output, log probabilities,
//! reasoning, fields nobody knows, odd but legal spacing, escapes, numbers and orders of fields. The same seed gives
//! the same bytes for ever within one version of this crate.

mod anthropic;
mod json;
mod openai;
mod random;
mod sse;
mod words;

use botwarden_types::{Delivery, Dialect, Operation};
use random::Random;

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What is asked.
    pub operation: Operation,
    /// How the answer comes.
    pub delivery: Delivery,
    /// The request's body; empty for [`Operation::Models`].
    pub request: Vec<u8>,
    /// The answer's body.
    pub answer: Vec<u8>,
    /// What a reader of the request and the answer has to find.
    pub truth: Truth,
}

/// What is in a [`Sample`], known from making it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// The model asked for; empty for [`Operation::Models`].
    pub model: String,
    /// Messages in the request, the system prompt of Anthropic's dialect included; inputs of embeddings.
    pub messages: usize,
    /// Tools offered.
    pub tools: usize,
    /// Whether one of the offered tools is run by the vendor, not by the application.
    pub vendor_tools: bool,
    /// Tokens in and out that the answer reports.
    pub usage: Option<(u64, u64)>,
    /// Bytes of text the model wrote, names and arguments of calls included.
    pub text_bytes: u64,
    /// Calls the model proposed.
    pub tool_calls: u32,
    /// Why the model stopped.
    pub finish: Option<String>,
}

/// The exchange of `dialect` for `seed`: in twenty, about fourteen chats, half of them streamed, and six of the others.
pub fn sample(dialect: Dialect, seed: u64) -> Sample {
    let random = Random::new(seed);
    match dialect {
        Dialect::OpenAi => openai::sample(&random),
        Dialect::Anthropic => anthropic::sample(&random),
    }
}

/// Where to cut `len` bytes: ascending offsets inside of them, from none to one after every byte.
pub fn cuts(seed: u64, len: usize) -> Vec<usize> {
    let random = Random::new(seed);
    let mean = [1, 3, 17, 120, 1400, usize::MAX][random.below(6)];
    let mut cuts = Vec::new();
    let mut at = 0;
    loop {
        at = if mean == 1 { at + 1 } else { (1 + random.below(mean.min(len + 1) * 2)).saturating_add(at) };
        if at >= len {
            return cuts;
        }
        cuts.push(at);
    }
}

/// The pieces of `bytes` between `cuts`.
pub fn pieces<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::with_capacity(cuts.len() + 1);
    let mut rest = bytes;
    let mut done = 0;
    for &cut in cuts {
        let (piece, after) = rest.split_at(cut - done);
        pieces.push(piece);
        (rest, done) = (after, cut);
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_exchange() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            for seed in 0..50 {
                let (one, two) = (sample(dialect, seed), sample(dialect, seed));
                assert_eq!((one.request, one.answer, one.truth), (two.request, two.answer, two.truth));
            }
        }
    }

    #[test]
    fn pieces_join_to_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        for seed in 0..200 {
            let cuts = cuts(seed, bytes.len());
            assert_eq!(pieces(&bytes, &cuts).concat(), bytes, "{seed}");
            assert!(cuts.is_sorted(), "{seed}");
        }
        assert!(cuts(1, 0).is_empty());
    }
}
