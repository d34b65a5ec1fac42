//! Chat Completions requests.

use botwarden_types::{Delivery, Dialect, Exchange, Message, Operation, UserName};

use super::message::read_message;
use super::offer::{read_chosen, read_offers};
use crate::ReadError;
use crate::envelope::{Place, fields, flag, items, user_name, whole_number};
use crate::error::Fault;
use crate::json::{Kind, Value};
use crate::model_name::{OTHERS, other_models, required_model};

const BODY: [&str; 18] = [
    "model",
    "messages",
    "stream",
    "safety_identifier",
    "user",
    "tools",
    "functions",
    "web_search_options",
    "plugins",
    "tool_choice",
    "function_call",
    "max_completion_tokens",
    "max_tokens",
    "n",
    OTHERS[0],
    OTHERS[1],
    OTHERS[2],
    OTHERS[3],
];

/// Reads the body of `POST /v1/chat/completions`.
pub(crate) fn read_chat(body: Value<'_>) -> Result<Exchange, ReadError> {
    let at = Place::BODY;
    let [
        model,
        messages,
        stream,
        safety_identifier,
        user,
        tools,
        functions,
        web_search,
        plugins,
        tool_choice,
        function_call,
        max_completion_tokens,
        max_tokens,
        n,
        others @ ..,
    ] = fields(body, &BODY, &at)?;
    let mut fallback_models = other_models(others)?;
    Ok(Exchange {
        dialect: Dialect::OpenAi,
        operation: Operation::ChatCompletions,
        model: required_model(model, &at.field("model"))?,
        delivery: if flag(stream, &at.field("stream"))? { Delivery::Streamed } else { Delivery::Whole },
        user: read_user(safety_identifier, user)?,
        messages: read_messages(messages)?,
        tools: read_offers(tools, functions, [web_search, plugins], &mut fallback_models)?,
        tools_chosen: read_chosen(tool_choice, function_call)?,
        output_tokens_max: larger(
            whole_number(max_completion_tokens, &at.field("max_completion_tokens"))?,
            whole_number(max_tokens, &at.field("max_tokens"))?,
        ),
        choices: read_choices(n)?,
        fallback_models,
    })
}

fn read_messages(messages: Option<Value<'_>>) -> Result<Vec<Message>, ReadError> {
    let place = Place::BODY.field("messages");
    if messages.is_none() {
        return Err(place.missing("an array of messages"));
    }
    let mut conversation = Vec::new();
    for (place, message) in items(messages, &place)? {
        conversation.push(read_message(message, &place)?);
    }
    Ok(conversation)
}

/// The user, by the newer field's name or the older one's. OpenAI has both while `user` is phased out; where they name
/// two people, whose limit and whose data it is would depend on the reader.
pub(super) fn read_user(
    safety_identifier: Option<Value<'_>>,
    user: Option<Value<'_>>,
) -> Result<Option<UserName>, ReadError> {
    let place = Place::BODY.field("safety_identifier");
    let newer = user_name(safety_identifier, &place)?;
    let older = user_name(user, &Place::BODY.field("user"))?;
    match (&newer, &older) {
        (Some(a), Some(b)) if a != b => Err(place.refuse(Fault::Conflict { other: "user" })),
        (Some(_), _) => Ok(newer),
        (None, _) => Ok(older),
    }
}

/// What has to be reserved when both limits are given: upstreams differ in which one they heed.
fn larger(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.max(b)
}

fn read_choices(n: Option<Value<'_>>) -> Result<u32, ReadError> {
    let Some(value) = n else { return Ok(1) };
    let choices = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0);
    choices.ok_or_else(|| {
        let found = if value.kind() == Kind::Number { "another number" } else { value.kind().in_words() };
        Place::BODY.field("n").refuse(Fault::Shape { found, expected: "a whole number from 1 up" })
    })
}
