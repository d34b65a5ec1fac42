//! Exchanges in the Anthropic dialect. Source: the types of the `anthropic` Python SDK 2.12 and the published API reference.

mod answer;
mod block;
mod request;
mod stream;
mod tool;

use botwarden_types::{Delivery, Operation};

use super::json::{Json, Object, Style};
use super::random::Random;
use super::{Sample, Truth, words};

pub(super) fn sample(random: &Random) -> Sample {
    match random.below(20) {
        0..15 => messages(random),
        15..18 => count_tokens(random),
        _ => models(random),
    }
}

fn messages(random: &Random) -> Sample {
    let mut truth = Truth::default();
    let delivery = if random.chance(50) { Delivery::Streamed } else { Delivery::Whole };
    let request = request::messages(random, delivery, &mut truth).into();
    let request = Style::pick(random).spell(random, &request).into_bytes();
    let answer = match delivery {
        Delivery::Whole => {
            let style = Style::pick(random);
            let answer = answer::message(random, style, &mut truth);
            style.spell(random, &answer).into_bytes()
        }
        Delivery::Streamed => stream::message(random, &mut truth),
    };
    Sample { operation: Operation::Messages, delivery, request, answer, truth }
}

fn count_tokens(random: &Random) -> Sample {
    let mut truth = Truth { usage: Some((0, 0)), ..Truth::default() };
    let request = request::conversation(random, &mut truth).into();
    let answer = Object::default().with("input_tokens", random.below(100_000));
    let answer = words::with_unknown(random, answer);
    whole(random, Operation::CountTokens, Some(request), answer, truth)
}

fn models(random: &Random) -> Sample {
    let data: Vec<Json> = request::MODELS
        .iter()
        .map(|id| {
            let model = Object::of("model").with("id", *id).with("display_name", words::text(random));
            words::with_unknown(random, model.with("created_at", "2025-02-19T00:00:00Z")).into()
        })
        .collect();
    let answer = Object::default().with("data", data).with("has_more", false);
    let answer = answer.with("first_id", request::MODELS[0]).with("last_id", Json::null());
    let truth = Truth { usage: Some((0, 0)), ..Truth::default() };
    whole(random, Operation::Models, None, answer, truth)
}

fn whole(
    random: &Random,
    operation: Operation,
    request: Option<Json>,
    answer: Object,
    truth: Truth,
) -> Sample {
    let style = Style::pick(random);
    let request = request.map(|request| style.spell(random, &request).into_bytes()).unwrap_or_default();
    let answer = Style::pick(random).spell(random, &answer.into()).into_bytes();
    Sample { operation, delivery: Delivery::Whole, request, answer, truth }
}
