//! Embeddings requests.

use botwarden_types::{Delivery, Dialect, Exchange, Message, Operation, Part, Role};

use super::request::read_user;
use crate::ReadError;
use crate::envelope::{Place, fields, items, text};
use crate::json::{Kind, Value};
use crate::model_name::{OTHERS, other_models, required_model};

const BODY: [&str; 8] =
    ["model", "input", "safety_identifier", "user", OTHERS[0], OTHERS[1], OTHERS[2], OTHERS[3]];

const EXPECTED: &str = "a string, an array of strings, an array of tokens or an array of arrays of tokens";

/// Reads the body of `POST /v1/embeddings`. Each input becomes a message of the user's; tokens are
/// [`Part::Other`] of the kind `tokens`, because what they say only the vendor knows.
pub(crate) fn read_embeddings(body: Value<'_>) -> Result<Exchange, ReadError> {
    let at = Place::BODY;
    let [model, input, safety_identifier, user, others @ ..] = fields(body, &BODY, &at)?;
    Ok(Exchange {
        dialect: Dialect::OpenAi,
        operation: Operation::Embeddings,
        model: required_model(model, &at.field("model"))?,
        fallback_models: other_models(others)?,
        delivery: Delivery::Whole,
        user: read_user(safety_identifier, user)?,
        messages: read_input(input, &at.field("input"))?,
        tools: Vec::new(),
        tools_chosen: Vec::new(),
        output_tokens_max: None,
        choices: 1,
    })
}

fn read_input(input: Option<Value<'_>>, place: &Place<'_>) -> Result<Vec<Message>, ReadError> {
    let input = input.ok_or_else(|| place.missing(EXPECTED))?;
    let first = input.items().next().map(|item| item.kind());
    match (input.kind(), first) {
        (Kind::String, _) => Ok(vec![read_text(input, place)?]),
        (Kind::Array, Some(Kind::Number)) => Ok(vec![read_tokens(input, place)?]),
        (Kind::Array, _) => items(Some(input), place)?.map(|(place, item)| read_item(item, &place)).collect(),
        _ => Err(place.wrong(input, EXPECTED)),
    }
}

fn read_item(item: Value<'_>, place: &Place<'_>) -> Result<Message, ReadError> {
    match item.kind() {
        Kind::String => read_text(item, place),
        Kind::Array => read_tokens(item, place),
        _ => Err(place.wrong(item, "a string or an array of tokens")),
    }
}

fn read_text(input: Value<'_>, place: &Place<'_>) -> Result<Message, ReadError> {
    Ok(of_user(input, Part::Text { text: text(input, place)?.into_owned(), span: input.span() }))
}

fn read_tokens(input: Value<'_>, place: &Place<'_>) -> Result<Message, ReadError> {
    for (at, token) in input.items().enumerate() {
        if token.as_u64().is_none() {
            return Err(place.item(at).wrong(token, "a token: a whole number from 0 up"));
        }
    }
    Ok(of_user(input, Part::Other { kind: "tokens".to_owned(), span: input.span() }))
}

fn of_user(input: Value<'_>, part: Part) -> Message {
    Message { role: Role::User, parts: vec![part], span: input.span() }
}
