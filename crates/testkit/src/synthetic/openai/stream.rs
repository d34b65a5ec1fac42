//! Streamed answers of Chat Completions.

use super::answer::{FINISHES, head, logprobs, usage, written};
use crate::synthetic::Truth;
use crate::synthetic::json::{Json, Object, Style};
use crate::synthetic::random::Random;
use crate::synthetic::sse::Stream;
use crate::synthetic::words;

pub(super) fn chat(random: &Random, truth: &mut Truth) -> Vec<u8> {
    let mut stream = Stream::new(random);
    let head = head(random, "chat.completion.chunk", truth);
    let choices = if random.chance(85) { 1 } else { 2 };
    for index in 0..choices {
        for delta in deltas(random, truth) {
            let choice = choice(random, index, delta, Json::null());
            let chunk =
                head.clone().with("choices", vec![choice]).maybe(random, 40, "usage", |_| Json::null());
            let chunk = chunk.maybe(random, 20, "obfuscation", words::word);
            stream.event(random, None, &words::with_unknown(random, chunk).into());
        }
        let finish = random.pick(&FINISHES);
        truth.finish = Some(finish.to_owned());
        let choice = choice(random, index, Object::default(), finish.into());
        stream.event(random, None, &head.clone().with("choices", vec![choice]).into());
    }
    if random.chance(60) {
        let chunk = head.with("choices", Vec::new()).with("usage", usage(random, truth));
        stream.event(random, None, &chunk.into());
    }
    stream.text("[DONE]");
    stream.finish()
}

fn choice(random: &Random, index: usize, delta: Object, finish: Json) -> Json {
    let choice = Object::default().with("index", index).with("delta", delta);
    let choice = choice.maybe(random, 60, "logprobs", |random| logprobs(random, 2));
    choice.with("finish_reason", finish).into()
}

fn deltas(random: &Random, truth: &mut Truth) -> Vec<Object> {
    let opening = Object::default().with("role", "assistant");
    let mut deltas =
        vec![opening.maybe(random, 70, "content", |_| "").maybe(random, 50, "refusal", |_| Json::null())];
    match random.below(8) {
        0 => pieces(random, "refusal", truth, &mut deltas),
        1 => pieces(random, "reasoning_content", truth, &mut deltas),
        2 | 3 => (0..random.between(1, 3)).for_each(|index| call(random, index, truth, &mut deltas)),
        4 => {
            truth.tool_calls += 1;
            let name = written(words::word(random), truth);
            let opening = Object::default().with("name", name).with("arguments", "");
            deltas.push(Object::default().with("function_call", opening));
            let arguments = Object::default().with("arguments", written("{\"a\":1}".to_owned(), truth));
            deltas.push(Object::default().with("function_call", arguments));
        }
        _ => {}
    }
    pieces(random, "content", truth, &mut deltas);
    deltas
}

fn pieces(random: &Random, field: &str, truth: &mut Truth, deltas: &mut Vec<Object>) {
    let text = written(words::text(random), truth);
    for token in words::tokens(random, &text) {
        deltas.push(Object::default().with(field, token));
    }
}

fn call(random: &Random, index: usize, truth: &mut Truth, deltas: &mut Vec<Object>) {
    truth.tool_calls += 1;
    let name = written(words::word(random), truth);
    let function = Object::default().with("name", name).with("arguments", "");
    let opening = Object::of("function").with("index", index).with("id", words::id(random, "call_"));
    deltas.push(Object::default().with("tool_calls", vec![Json::from(opening.with("function", function))]));
    let arguments = Json::from(words::arguments(random));
    let arguments = written(Style::pick(random).spell(random, &arguments), truth);
    for token in words::tokens(random, &arguments) {
        let piece = Object::default().with("index", index);
        let piece = piece.with("function", Object::default().with("arguments", token));
        deltas.push(Object::default().with("tool_calls", vec![Json::from(piece)]));
    }
}
