//! Streamed answers of Messages.

use super::answer::{FINISHES, Tokens, head};
use crate::synthetic::Truth;
use crate::synthetic::json::{Json, Object, Style};
use crate::synthetic::random::Random;
use crate::synthetic::sse::Stream;
use crate::synthetic::words;

pub(super) fn message(random: &Random, truth: &mut Truth) -> Vec<u8> {
    let mut stream = Stream::new(random);
    let tokens = Tokens::pick(random, truth);
    let message = head(random, truth).with("content", Vec::new()).with("stop_reason", Json::null());
    let message = message.with("stop_sequence", Json::null()).with("usage", tokens.usage(random, 1));
    send(random, &mut stream, Object::of("message_start").with("message", message), "message_start");
    send(random, &mut stream, Object::of("ping"), "ping");
    for index in 0..random.below(4) {
        block(random, &mut stream, index, truth);
    }
    closing(random, &mut stream, &tokens, truth);
    send(random, &mut stream, Object::of("message_stop"), "message_stop");
    stream.finish()
}

fn send(random: &Random, stream: &mut Stream, data: Object, name: &str) {
    let data = words::with_unknown(random, data);
    stream.event(random, Some(name), &data.into());
}

fn closing(random: &Random, stream: &mut Stream, tokens: &Tokens, truth: &mut Truth) {
    let finish = random.pick(&FINISHES);
    truth.finish = Some(finish.to_owned());
    let usage = match random.chance(50) {
        true => Object::default().with("output_tokens", tokens.output),
        false => tokens.usage(random, tokens.output),
    };
    let delta = Object::default().with("stop_reason", finish).with("stop_sequence", Json::null());
    let data = Object::of("message_delta").with("delta", delta).with("usage", usage);
    send(random, stream, data, "message_delta");
}

fn block(random: &Random, stream: &mut Stream, index: usize, truth: &mut Truth) {
    let (opening, deltas) = match random.below(5) {
        0 | 1 => call(random, truth),
        2 => thinking(random, truth),
        _ => text(random, truth),
    };
    let start = Object::of("content_block_start").with("index", index).with("content_block", opening);
    send(random, stream, start, "content_block_start");
    for delta in deltas {
        let data = Object::of("content_block_delta").with("index", index).with("delta", delta);
        send(random, stream, data, "content_block_delta");
        if random.chance(2) {
            send(random, stream, Object::of("ping"), "ping");
        }
    }
    send(random, stream, Object::of("content_block_stop").with("index", index), "content_block_stop");
}

fn pieces(random: &Random, text: &str, kind: &str, field: &str, truth: &mut Truth) -> Vec<Object> {
    truth.text_bytes += text.len() as u64;
    words::tokens(random, text).into_iter().map(|token| Object::of(kind).with(field, token)).collect()
}

fn text(random: &Random, truth: &mut Truth) -> (Object, Vec<Object>) {
    let text = words::text(random);
    (Object::of("text").with("text", ""), pieces(random, &text, "text_delta", "text", truth))
}

fn thinking(random: &Random, truth: &mut Truth) -> (Object, Vec<Object>) {
    let text = words::text(random);
    let mut deltas = pieces(random, &text, "thinking_delta", "thinking", truth);
    deltas.push(Object::of("signature_delta").with("signature", words::base64(random)));
    (Object::of("thinking").with("thinking", "").with("signature", ""), deltas)
}

fn call(random: &Random, truth: &mut Truth) -> (Object, Vec<Object>) {
    truth.tool_calls += 1;
    let name = words::word(random);
    truth.text_bytes += name.len() as u64;
    let opening =
        Object::of(random.pick(&["tool_use", "server_tool_use"])).with("id", words::id(random, "toolu_"));
    let opening = opening.with("name", name).with("input", Object::default());
    let input = Style::pick(random).spell(random, &words::arguments(random).into());
    (opening, pieces(random, &input, "input_json_delta", "partial_json", truth))
}
