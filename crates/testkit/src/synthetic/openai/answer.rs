//! Whole answers of Chat Completions.

use crate::synthetic::Truth;
use crate::synthetic::json::{Json, Object, Style};
use crate::synthetic::random::Random;
use crate::synthetic::words;

pub(super) const FINISHES: [&str; 4] = ["stop", "length", "content_filter", "tool_calls"];

pub(super) fn chat(random: &Random, truth: &mut Truth) -> Json {
    let choices = if random.chance(85) { 1 } else { random.between(2, 3) };
    let choices: Vec<Json> = (0..choices).map(|index| choice(random, index, truth)).collect();
    let answer = head(random, "chat.completion", truth).with("choices", choices);
    let answer = if random.chance(95) { answer.with("usage", usage(random, truth)) } else { answer };
    words::with_unknown(random, answer).into()
}

/// What every answer and every chunk of one begins with.
pub(super) fn head(random: &Random, object: &str, truth: &Truth) -> Object {
    let head = Object::default().with("id", words::id(random, "chatcmpl-")).with("object", object);
    let head = head.with("created", 1_741_570_283_usize).with("model", truth.model.as_str());
    let head = head.maybe(random, 50, "service_tier", |_| "default");
    head.maybe(random, 60, "system_fingerprint", |random| words::id(random, "fp_"))
}

/// Counts of tokens; notes them as the truth.
pub(super) fn usage(random: &Random, truth: &mut Truth) -> Object {
    let (input, output) = (random.below(200_000), random.below(20_000));
    truth.usage = Some((input as u64, output as u64));
    let usage = Object::default().with("prompt_tokens", input).with("completion_tokens", output);
    let usage = usage.with("total_tokens", input + output);
    let usage = usage.maybe(random, 60, "prompt_tokens_details", |random| {
        Object::default().with("cached_tokens", random.below(input + 1)).with("audio_tokens", 0_usize)
    });
    usage.maybe(random, 60, "completion_tokens_details", |random| {
        Object::default()
            .with("reasoning_tokens", random.below(output + 1))
            .with("accepted_prediction_tokens", 0_usize)
    })
}

fn choice(random: &Random, index: usize, truth: &mut Truth) -> Json {
    let finish = random.pick(&FINISHES);
    truth.finish = Some(finish.to_owned());
    let choice = Object::default().with("index", index).with("message", message(random, truth));
    let choice = choice.maybe(random, 60, "logprobs", |random| logprobs(random, 4));
    words::with_unknown(random, choice.with("finish_reason", finish)).into()
}

/// A text the model wrote; notes its length.
pub(super) fn written(text: String, truth: &mut Truth) -> String {
    truth.text_bytes += text.len() as u64;
    text
}

fn message(random: &Random, truth: &mut Truth) -> Json {
    let message = Object::default().with("role", "assistant");
    let message = match random.below(10) {
        0 => message.with("content", Json::null()).with("refusal", written(words::text(random), truth)),
        1..4 => {
            let calls: Vec<Json> = (0..random.between(1, 3)).map(|_| call(random, truth)).collect();
            message.with("content", Json::null()).with("tool_calls", calls)
        }
        4 => {
            truth.tool_calls += 1;
            let name = written(words::word(random), truth);
            let function =
                Object::default().with("name", name).with("arguments", written("{}".to_owned(), truth));
            message.with("content", Json::null()).with("function_call", function)
        }
        5 => {
            let audio =
                Object::default().with("id", words::id(random, "audio_")).with("data", words::base64(random));
            message.with("content", Json::null()).with("audio", audio.with("transcript", words::text(random)))
        }
        6 => {
            let thought = written(words::text(random), truth);
            message.with("content", written(words::text(random), truth)).with("reasoning_content", thought)
        }
        _ => message.with("content", written(words::text(random), truth)).with("refusal", Json::null()),
    };
    let message = message.maybe(random, 40, "annotations", |random| {
        let citation = Object::default().with("title", words::text(random)).with("start_index", 0_usize);
        vec![Json::from(Object::of("url_citation").with("url_citation", citation))]
    });
    words::with_unknown(random, message).into()
}

fn call(random: &Random, truth: &mut Truth) -> Json {
    truth.tool_calls += 1;
    let name = written(words::word(random), truth);
    let call = if random.chance(80) {
        let arguments = Json::from(words::arguments(random));
        let arguments = written(Style::pick(random).spell(random, &arguments), truth);
        Object::of("function")
            .with("function", Object::default().with("name", name).with("arguments", arguments))
    } else {
        let input = written(words::text(random), truth);
        Object::of("custom").with("custom", Object::default().with("name", name).with("input", input))
    };
    call.with("id", words::id(random, "call_")).into()
}

pub(super) fn logprobs(random: &Random, tokens: usize) -> Json {
    if random.chance(50) {
        return Json::null();
    }
    let token = |random: &Random| {
        Object::default()
            .with("token", words::text(random))
            .with("logprob", Json::number("-0.31725305"))
            .with("bytes", vec![Json::number(72), Json::number(195)])
    };
    let content: Vec<Json> = (0..random.below(tokens))
        .map(|_| {
            let top: Vec<Json> = (0..random.below(3)).map(|_| token(random).into()).collect();
            token(random).with("top_logprobs", top).into()
        })
        .collect();
    Object::default().with("content", content).with("refusal", Json::null()).into()
}
