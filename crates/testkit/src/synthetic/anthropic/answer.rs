//! Whole answers of Messages.

use crate::synthetic::Truth;
use crate::synthetic::json::{Json, Object, Style};
use crate::synthetic::random::Random;
use crate::synthetic::words;

pub(super) const FINISHES: [&str; 7] = [
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
];

/// The tokens of an answer, in the vendor's counts.
pub(super) struct Tokens {
    input: usize,
    cache_written: usize,
    cache_read: usize,
    pub(super) output: usize,
}

impl Tokens {
    pub(super) fn pick(random: &Random, truth: &mut Truth) -> Self {
        let cached = |random: &Random| if random.chance(50) { random.below(50_000) } else { 0 };
        let tokens = Self {
            input: random.below(100_000),
            cache_written: cached(random),
            cache_read: cached(random),
            output: random.below(20_000),
        };
        let input = tokens.input + tokens.cache_written + tokens.cache_read;
        truth.usage = Some((input as u64, tokens.output as u64));
        tokens
    }

    /// A `usage` object that reports `output` tokens so far.
    pub(super) fn usage(&self, random: &Random, output: usize) -> Object {
        let mut usage = Object::default().with("input_tokens", self.input).with("output_tokens", output);
        for (name, count) in [
            ("cache_creation_input_tokens", self.cache_written),
            ("cache_read_input_tokens", self.cache_read),
        ] {
            usage = match count {
                0 if random.chance(30) => usage,
                0 if random.chance(30) => usage.with(name, Json::null()),
                _ => usage.with(name, count),
            };
        }
        usage
            .maybe(random, 30, "service_tier", |_| "standard")
            .maybe(random, 20, "server_tool_use", |_| Json::null())
    }
}

pub(super) fn message(random: &Random, style: Style, truth: &mut Truth) -> Json {
    let content: Vec<Json> = (0..random.below(4)).map(|_| block(random, style, truth)).collect();
    let finish = random.pick(&FINISHES);
    truth.finish = Some(finish.to_owned());
    let tokens = Tokens::pick(random, truth);
    let message = head(random, truth).with("content", content).with("stop_reason", finish);
    let message =
        message.with("stop_sequence", Json::null()).with("usage", tokens.usage(random, tokens.output));
    words::with_unknown(random, message).into()
}

/// What every message begins with.
pub(super) fn head(random: &Random, truth: &Truth) -> Object {
    let message = Object::of("message").with("id", words::id(random, "msg_")).with("role", "assistant");
    message.with("model", truth.model.as_str())
}

fn written(text: String, truth: &mut Truth) -> String {
    truth.text_bytes += text.len() as u64;
    text
}

fn block(random: &Random, style: Style, truth: &mut Truth) -> Json {
    match random.below(6) {
        0 | 1 => {
            truth.tool_calls += 1;
            let kind = random.pick(&["tool_use", "server_tool_use"]);
            // Spelled now, so that its length is known; the style has nothing left to change.
            let input = written(style.spell(random, &words::arguments(random).into()), truth);
            let call = Object::of(kind).with("id", words::id(random, "toolu_"));
            call.with("name", written(words::word(random), truth)).with("input", Json::Raw(input)).into()
        }
        2 => {
            let thinking = Object::of("thinking").with("thinking", written(words::text(random), truth));
            thinking.with("signature", words::base64(random)).into()
        }
        3 => Object::of("redacted_thinking").with("data", words::base64(random)).into(),
        _ => {
            let text = Object::of("text").with("text", written(words::text(random), truth));
            words::with_unknown(random, text.maybe(random, 50, "citations", |_| Json::null())).into()
        }
    }
}
