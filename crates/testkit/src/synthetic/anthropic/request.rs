//! Messages requests.

use botwarden_types::Delivery;

use super::{block, tool};
use crate::synthetic::Truth;
use crate::synthetic::json::{Json, Object};
use crate::synthetic::random::Random;
use crate::synthetic::words;

pub(super) const MODELS: [&str; 4] =
    ["claude-sonnet-4-5-20250929", "claude-opus-4-1", "claude-3-5-haiku-latest", "claude-haiku-4-5"];

pub(super) fn messages(random: &Random, delivery: Delivery, truth: &mut Truth) -> Object {
    let body = conversation(random, truth).with("max_tokens", random.between(1, 64_000));
    let body = match delivery {
        Delivery::Streamed => body.with("stream", true),
        Delivery::Whole => body.maybe(random, 30, "stream", |_| false),
    };
    let body =
        body.maybe(random, 30, "temperature", words::fraction).maybe(random, 10, "top_k", |_| 40_usize);
    let body = body.maybe(random, 10, "top_p", words::fraction);
    let body = body.maybe(random, 20, "stop_sequences", |random| vec![Json::from(words::text(random))]);
    let body = body.maybe(random, 30, "metadata", |random| {
        Object::default().maybe(random, 80, "user_id", words::word).maybe(random, 10, "Order_Id", words::word)
    });
    let body = body.maybe(random, 10, "service_tier", |random| random.pick(&["auto", "standard_only"]));
    body.maybe(random, 10, "container", |random| words::id(random, "container_"))
}

/// What a request to count tokens has too.
pub(super) fn conversation(random: &Random, truth: &mut Truth) -> Object {
    truth.model = random.pick(&MODELS).to_owned();
    let messages = turns(random);
    truth.messages = messages.len();
    let body = Object::default().with("model", truth.model.as_str()).with("messages", messages);
    let body = match random.below(3) {
        0 => body,
        1 => body.with("system", words::text(random)),
        _ => {
            body.with("system", Json::Array((0..random.between(1, 3)).map(|_| block::text(random)).collect()))
        }
    };
    truth.messages += usize::from(body.has("system"));
    let body = thinking(random, tool::offers(random, body, truth));
    let body = body.maybe(random, 10, "output_config", |random| {
        let form = Object::of("json_schema").with("schema", words::schema(random));
        Object::default().with("effort", "low").with("format", form)
    });
    let body = body.maybe(random, 5, "context_management", |_| {
        Object::default().with("edits", vec![Json::from(Object::of("clear_tool_uses_20250919"))])
    });
    words::with_unknown(random, body)
}

fn thinking(random: &Random, body: Object) -> Object {
    body.maybe(random, 20, "thinking", |random| match random.below(3) {
        0 => Object::of("disabled"),
        1 => Object::of("adaptive"),
        _ => Object::of("enabled").with("budget_tokens", random.between(1024, 32_000)),
    })
}

fn turns(random: &Random) -> Vec<Json> {
    let mut turns = Vec::new();
    for _ in 0..random.below(4) {
        turns.push(turn(random, "user", block::of_user));
        if random.chance(40) {
            let (call, result) = block::call_and_result(random);
            turns.push(whole_turn(random, "assistant", vec![block::text(random), call]));
            turns.push(whole_turn(random, "user", vec![result]));
        }
        turns.push(turn(random, "assistant", block::of_assistant));
    }
    turns.push(turn(random, "user", block::of_user));
    if random.chance(5) {
        turns.push(turn(random, "system", block::text));
    }
    turns
}

fn turn(random: &Random, role: &str, block: fn(&Random) -> Json) -> Json {
    if random.chance(50) {
        return Object::default().with("role", role).with("content", words::text(random)).into();
    }
    let blocks = (0..random.between(1, 4)).map(|_| block(random)).collect();
    whole_turn(random, role, blocks)
}

fn whole_turn(random: &Random, role: &str, blocks: Vec<Json>) -> Json {
    words::with_unknown(random, Object::default().with("role", role).with("content", blocks)).into()
}
