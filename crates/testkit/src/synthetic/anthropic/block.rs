//! Content blocks of requests.

use crate::synthetic::json::{Json, Object};
use crate::synthetic::random::Random;
use crate::synthetic::words;

pub(super) fn text(random: &Random) -> Json {
    let block = Object::of("text").with("text", words::text(random));
    let block = cached(random, block).maybe(random, 10, "citations", |random| match random.chance(50) {
        true => Json::null(),
        false => {
            let citation = Object::of("char_location").with("cited_text", words::text(random));
            vec![Json::from(citation.with("document_index", 0_usize))].into()
        }
    });
    words::with_unknown(random, block).into()
}

fn cached(random: &Random, block: Object) -> Object {
    block.maybe(random, 15, "cache_control", |_| Object::of("ephemeral"))
}

pub(super) fn of_user(random: &Random) -> Json {
    match random.below(7) {
        0 => image(random),
        1 => document(random),
        2 => search_result(random),
        3 => Object::of("container_upload").with("file_id", words::id(random, "file_")).into(),
        _ => text(random),
    }
}

pub(super) fn of_assistant(random: &Random) -> Json {
    match random.below(8) {
        0 => {
            let thinking = Object::of("thinking").with("thinking", words::text(random));
            thinking.with("signature", words::base64(random)).into()
        }
        1 => Object::of("redacted_thinking").with("data", words::base64(random)).into(),
        2 => {
            let call = Object::of("server_tool_use").with("id", words::id(random, "srvtoolu_"));
            call.with("name", "web_search").with("input", words::arguments(random)).into()
        }
        3 => {
            let page = Object::of("web_search_result").with("url", "https://example.com").with("title", "x");
            let page = page.with("encrypted_content", words::base64(random)).with("page_age", Json::null());
            let result =
                Object::of("web_search_tool_result").with("tool_use_id", words::id(random, "srvtoolu_"));
            result.with("content", vec![Json::from(page)]).into()
        }
        _ => text(random),
    }
}

fn image(random: &Random) -> Json {
    cached(random, Object::of("image")).with("source", bytes_source(random, "image/png")).into()
}

fn bytes_source(random: &Random, media_type: &str) -> Object {
    match random.below(3) {
        0 => Object::of("url").with("url", "https://example.com/a?b=c"),
        1 => Object::of("file").with("file_id", words::id(random, "file_")),
        _ => Object::of("base64").with("media_type", media_type).with("data", words::base64(random)),
    }
}

fn document(random: &Random) -> Json {
    let source = match random.below(3) {
        0 => Object::of("text").with("media_type", "text/plain").with("data", words::text(random)),
        1 if random.chance(50) => Object::of("content").with("content", words::text(random)),
        1 => Object::of("content").with("content", vec![text(random), image(random)]),
        _ => bytes_source(random, "application/pdf"),
    };
    let block = cached(random, Object::of("document")).with("source", source);
    let block = block.maybe(random, 40, "title", words::text).maybe(random, 20, "context", words::text);
    block.maybe(random, 30, "citations", |_| Object::default().with("enabled", true)).into()
}

fn search_result(random: &Random) -> Json {
    let block = cached(random, Object::of("search_result")).with("source", "https://example.com/orders");
    block.with("title", words::text(random)).with("content", vec![text(random)]).into()
}

/// A call and the block that answers it.
pub(super) fn call_and_result(random: &Random) -> (Json, Json) {
    let id = words::id(random, "toolu_");
    let call = Object::of("tool_use").with("id", id.as_str()).with("name", words::word(random));
    let call = cached(random, call.with("input", words::arguments(random)));
    let result = Object::of("tool_result").with("tool_use_id", id);
    let result = result.maybe(random, 80, "content", |random| match random.below(3) {
        0 => words::text(random).into(),
        1 => vec![text(random), image(random)].into(),
        _ => Json::from(vec![text(random), document(random), search_result(random)]),
    });
    (call.into(), cached(random, result.maybe(random, 20, "is_error", |_| true)).into())
}
