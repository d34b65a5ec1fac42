//! Exchanges in the OpenAI dialect. Source: the types of the `openai` Python SDK 3.54 and the published OpenAPI document.

mod answer;
mod other;
mod request;
mod stream;

use botwarden_types::{Delivery, Operation};

use super::json::Style;
use super::random::Random;
use super::{Sample, Truth};

pub(super) fn sample(random: &Random) -> Sample {
    match random.below(20) {
        0..14 => chat(random),
        14..18 => other::embeddings(random),
        _ => other::models(random),
    }
}

fn chat(random: &Random) -> Sample {
    let mut truth = Truth::default();
    let delivery = if random.chance(50) { Delivery::Streamed } else { Delivery::Whole };
    let request = request::chat(random, delivery, &mut truth);
    let request = Style::pick(random).spell(random, &request).into_bytes();
    let answer = match delivery {
        Delivery::Whole => {
            let answer = answer::chat(random, &mut truth);
            Style::pick(random).spell(random, &answer).into_bytes()
        }
        Delivery::Streamed => stream::chat(random, &mut truth),
    };
    Sample { operation: Operation::ChatCompletions, delivery, request, answer, truth }
}
