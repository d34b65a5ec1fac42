//! Embeddings and lists of models.

use botwarden_types::{Delivery, Operation};

use super::request::MODELS;
use crate::synthetic::json::{Json, Object, Style};
use crate::synthetic::random::Random;
use crate::synthetic::{Sample, Truth, words};

pub(super) fn embeddings(random: &Random) -> Sample {
    let mut truth = Truth { model: "text-embedding-3-small".to_owned(), ..Truth::default() };
    let (input, inputs) = input(random);
    truth.messages = inputs;
    let request = Object::default().with("model", truth.model.as_str()).with("input", input);
    let request = request.maybe(random, 50, "encoding_format", |random| random.pick(&["float", "base64"]));
    let request =
        request.maybe(random, 30, "dimensions", |_| 256_usize).maybe(random, 20, "user", words::word);
    let data: Vec<Json> = (0..inputs).map(|index| embedding(random, index)).collect();
    let tokens = random.below(8192);
    truth.usage = Some((tokens as u64, 0));
    let usage = Object::default().with("prompt_tokens", tokens).with("total_tokens", tokens);
    let answer =
        Object::default().with("object", "list").with("data", data).with("model", truth.model.as_str());
    let answer = words::with_unknown(random, answer.with("usage", usage));
    let request = words::with_unknown(random, request);
    sample(random, Operation::Embeddings, Some(request), answer, truth)
}

fn input(random: &Random) -> (Json, usize) {
    let tokens = |random: &Random| -> Json {
        let tokens: Vec<Json> =
            (0..random.between(1, 40)).map(|_| Json::from(random.below(200_000))).collect();
        tokens.into()
    };
    let inputs = random.between(1, 5);
    match random.below(4) {
        0 => (words::phrase(random).into(), 1),
        1 => (tokens(random), 1),
        2 => (Json::Array((0..inputs).map(|_| tokens(random)).collect()), inputs),
        _ => (Json::Array((0..inputs).map(|_| words::text(random).into()).collect()), inputs),
    }
}

fn embedding(random: &Random, index: usize) -> Json {
    let vector = if random.chance(50) {
        words::base64(random).into()
    } else {
        let numbers = ["-0.006929283495992422", "0.1", "-4.5e-05", "1", "0", "-1.2E-2"];
        Json::Array((0..random.between(1, 300)).map(|_| Json::number(random.pick(&numbers))).collect())
    };
    Object::default().with("object", "embedding").with("index", index).with("embedding", vector).into()
}

pub(super) fn models(random: &Random) -> Sample {
    let data: Vec<Json> = MODELS
        .iter()
        .map(|id| {
            let model = Object::default()
                .with("id", *id)
                .with("object", "model")
                .with("created", 1_686_935_002_usize);
            words::with_unknown(random, model.with("owned_by", "system")).into()
        })
        .collect();
    let answer = Object::default().with("object", "list").with("data", data);
    let truth = Truth { usage: Some((0, 0)), ..Truth::default() };
    sample(random, Operation::Models, None, answer, truth)
}

fn sample(
    random: &Random,
    operation: Operation,
    request: Option<Object>,
    answer: Object,
    truth: Truth,
) -> Sample {
    let style = Style::pick(random);
    let request =
        request.map(|request| style.spell(random, &request.into()).into_bytes()).unwrap_or_default();
    let answer = Style::pick(random).spell(random, &answer.into()).into_bytes();
    Sample { operation, delivery: Delivery::Whole, request, answer, truth }
}
