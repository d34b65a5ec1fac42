//! Chat Completions requests.

use botwarden_types::Delivery;

use crate::synthetic::Truth;
use crate::synthetic::json::{Json, Object, Style};
use crate::synthetic::random::Random;
use crate::synthetic::words;

pub(super) const MODELS: [&str; 5] =
    ["gpt-4o-mini", "gpt-4o-2024-08-06", "gpt-5.1", "o4-mini", "ft:gpt-4o-mini-2024-07-18:acme::abc123"];

pub(super) fn chat(random: &Random, delivery: Delivery, truth: &mut Truth) -> Json {
    truth.model = random.pick(&MODELS).to_owned();
    let messages = messages(random);
    truth.messages = messages.len();
    let body = Object::default().with("model", truth.model.as_str()).with("messages", messages);
    let body = match delivery {
        Delivery::Streamed => body.with("stream", true).maybe(random, 60, "stream_options", |random| {
            Object::default().with("include_usage", true).maybe(random, 30, "include_obfuscation", |_| false)
        }),
        Delivery::Whole => body.maybe(random, 30, "stream", |_| false),
    };
    let body = tools(random, body, truth);
    let body = sampling(random, body);
    let body = form(random, body);
    words::with_unknown(random, body).into()
}

fn messages(random: &Random) -> Vec<Json> {
    let mut messages = Vec::new();
    if random.chance(70) {
        let role = random.pick(&["system", "developer"]);
        messages.push(message(random, role, texts));
    }
    for _ in 0..random.between(1, 4) {
        messages.push(message(random, "user", user_content));
        match random.below(6) {
            0 => called(random, &mut messages),
            1 => called_the_old_way(random, &mut messages),
            2 => messages.push(refused(random)),
            3 => messages.push(spoken(random)),
            _ => messages.push(message(random, "assistant", texts)),
        }
    }
    messages.push(message(random, "user", user_content));
    messages
}

fn message(random: &Random, role: &str, content: fn(&Random) -> Json) -> Json {
    let message = Object::default().with("role", role).with("content", content(random));
    let message = message.maybe(random, 10, "name", words::word);
    words::with_unknown(random, message).into()
}

fn texts(random: &Random) -> Json {
    if random.chance(70) {
        return words::text(random).into();
    }
    Json::Array((0..random.between(1, 3)).map(|_| text_part(random)).collect())
}

fn text_part(random: &Random) -> Json {
    let part = Object::of("text").with("text", words::text(random));
    words::with_unknown(random, part).into()
}

fn user_content(random: &Random) -> Json {
    if random.chance(70) {
        return texts(random);
    }
    Json::Array((0..random.between(1, 4)).map(|_| user_part(random)).collect())
}

fn user_part(random: &Random) -> Json {
    match random.below(5) {
        0 => {
            let url = if random.chance(50) {
                format!("data:image/png;base64,{}", words::base64(random))
            } else {
                "https://example.com/a.png".to_owned()
            };
            let image = Object::default().with("url", url);
            let image = image.maybe(random, 50, "detail", |random| random.pick(&["auto", "low", "high"]));
            Object::of("image_url").with("image_url", image).into()
        }
        1 => {
            let audio = Object::default().with("data", words::base64(random)).with("format", "wav");
            Object::of("input_audio").with("input_audio", audio).into()
        }
        2 => {
            let file = if random.chance(50) {
                Object::default().with("file_id", words::id(random, "file-"))
            } else {
                Object::default().with("filename", "a \"b\".pdf").with("file_data", words::base64(random))
            };
            Object::of("file").with("file", file).into()
        }
        _ => text_part(random),
    }
}

/// An assistant that calls tools, and the tools' results.
fn called(random: &Random, messages: &mut Vec<Json>) {
    let mut calls = Vec::new();
    let mut results = Vec::new();
    for _ in 0..random.between(1, 3) {
        let id = words::id(random, "call_");
        let call = if random.chance(80) {
            let arguments = Json::from(words::arguments(random));
            let arguments = Style::pick(random).spell(random, &arguments);
            let function = Object::default().with("name", words::word(random)).with("arguments", arguments);
            Object::of("function").with("function", function)
        } else {
            let custom =
                Object::default().with("name", words::word(random)).with("input", words::text(random));
            Object::of("custom").with("custom", custom)
        };
        calls.push(Json::from(call.with("id", id.as_str())));
        results.push(
            Object::default()
                .with("role", "tool")
                .with("tool_call_id", id)
                .with("content", texts(random))
                .into(),
        );
    }
    let message = Object::default().with("role", "assistant").with("tool_calls", calls);
    let message = message.maybe(random, 50, "content", |_| Json::null());
    messages.push(message.maybe(random, 20, "refusal", |_| Json::null()).into());
    messages.append(&mut results);
}

fn called_the_old_way(random: &Random, messages: &mut Vec<Json>) {
    let name = words::word(random);
    let call = Object::default().with("name", name.as_str()).with("arguments", "{\"q\": 1}");
    messages.push(
        Object::default()
            .with("role", "assistant")
            .with("content", Json::null())
            .with("function_call", call)
            .into(),
    );
    messages.push(
        Object::default()
            .with("role", "function")
            .with("name", name)
            .with("content", words::text(random))
            .into(),
    );
}

fn refused(random: &Random) -> Json {
    let message = Object::default().with("role", "assistant");
    if random.chance(50) {
        return message.with("refusal", words::text(random)).into();
    }
    let part = Object::of("refusal").with("refusal", words::text(random));
    message.with("content", vec![Json::from(part)]).into()
}

fn spoken(random: &Random) -> Json {
    let audio = Object::default().with("id", words::id(random, "audio_"));
    Object::default().with("role", "assistant").with("audio", audio).with("content", Json::null()).into()
}

fn tools(random: &Random, body: Object, truth: &mut Truth) -> Object {
    let mut body = body;
    if random.chance(40) {
        let tools: Vec<Json> = (0..random.between(1, 4)).map(|_| tool(random)).collect();
        truth.tools += tools.len();
        body = body.with("tools", tools).maybe(random, 50, "tool_choice", tool_choice);
        body = body.maybe(random, 30, "parallel_tool_calls", |random| random.chance(50));
    } else if random.chance(10) {
        let function =
            Object::default().with("name", words::word(random)).with("parameters", words::schema(random));
        truth.tools += 1;
        body = body.with("functions", vec![Json::from(function)]).with("function_call", "auto");
    }
    if random.chance(5) {
        truth.tools += 1;
        truth.vendor_tools = true;
        let place = Object::of("approximate").with("approximate", Object::default().with("country", "DE"));
        body = body.with("web_search_options", Object::default().with("user_location", place));
    }
    body
}

fn tool(random: &Random) -> Json {
    if random.chance(85) {
        let function = Object::default().with("name", words::word(random));
        let function = function.maybe(random, 80, "description", words::text);
        let function = function.maybe(random, 90, "parameters", words::schema);
        let function = function.maybe(random, 30, "strict", |_| true);
        return Object::of("function").with("function", function).into();
    }
    let grammar = Object::default().with("syntax", "lark").with("definition", "start: \"a\"+\n");
    let custom = Object::default().with("name", words::word(random)).with("description", words::text(random));
    let custom = custom.maybe(random, 50, "format", |_| Object::of("grammar").with("grammar", grammar));
    Object::of("custom").with("custom", custom).into()
}

fn tool_choice(random: &Random) -> Json {
    if random.chance(60) {
        return random.pick(&["auto", "none", "required"]).into();
    }
    Object::of("function").with("function", Object::default().with("name", words::word(random))).into()
}

fn sampling(random: &Random, body: Object) -> Object {
    let body = body.maybe(random, 40, "temperature", words::fraction);
    let body = body.maybe(random, 20, "top_p", words::fraction);
    let body = body.maybe(random, 15, "n", |random| random.between(1, 3));
    let body = body.maybe(random, 20, "max_tokens", |random| random.between(1, 4096));
    let body = body.maybe(random, 20, "max_completion_tokens", |random| random.between(1, 100_000));
    let body = body.maybe(random, 10, "presence_penalty", |_| Json::number("-1.5"));
    let body = body.maybe(random, 10, "frequency_penalty", |_| Json::null());
    let body =
        body.maybe(random, 10, "logit_bias", |_| Object::default().with("50256", Json::number("-100")));
    let body = body.maybe(random, 15, "logprobs", |_| true).maybe(random, 10, "top_logprobs", |_| 3_usize);
    let body = body.maybe(random, 10, "seed", words::number);
    let body = body.maybe(random, 15, "stop", |random| match random.below(3) {
        0 => Json::null(),
        1 => words::text(random).into(),
        _ => vec![Json::from("\n"), Json::from("END")].into(),
    });
    body.maybe(random, 15, "reasoning_effort", |random| random.pick(&["none", "low", "high"]))
}

fn form(random: &Random, body: Object) -> Object {
    let body = body.maybe(random, 25, "response_format", |random| match random.below(3) {
        0 => Object::of("text"),
        1 => Object::of("json_object"),
        _ => {
            let schema =
                Object::default().with("name", words::word(random)).with("schema", words::schema(random));
            Object::of("json_schema").with("json_schema", schema.with("strict", true))
        }
    });
    let body = if random.chance(20) {
        let user = words::word(random);
        let body = body.maybe(random, 50, "safety_identifier", |_| user.as_str());
        body.with("user", user)
    } else {
        body
    };
    let body =
        body.maybe(random, 10, "metadata", |_| Object::default().with("Model", "x").with("MESSAGES", "y"));
    let body = body.maybe(random, 10, "store", |random| random.chance(50));
    let body = body.maybe(random, 10, "prompt_cache_key", words::word);
    let body = body.maybe(random, 10, "service_tier", |random| random.pick(&["auto", "default", "flex"]));
    let body = body.maybe(random, 10, "verbosity", |random| random.pick(&["low", "medium", "high"]));
    let body = body.maybe(random, 5, "modalities", |_| vec![Json::from("text"), Json::from("audio")]);
    let body =
        body.maybe(random, 5, "audio", |_| Object::default().with("voice", "alloy").with("format", "mp3"));
    body.maybe(random, 5, "prediction", |random| Object::of("content").with("content", texts(random)))
}
