//! What does it cost to understand a request, against parsing it into `serde_json::Value`, and to watch a stream?
//!
//! `cargo bench -p botwarden-protocol`
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on ends")]

use botwarden_protocol::{AnswerReader, Bounds, read_request};
use botwarden_types::{Delivery, Operation};
use divan::{Bencher, black_box, counter::BytesCount};

fn main() {
    divan::main();
}

/// Sizes of the requests, in bytes: a question; a long conversation; one with a page of retrieved text in each message.
const SIZES: [usize; 3] = [350, 64 << 10, 1 << 20];

/// A conversation of about `bytes` bytes, with three escapes in every 120 bytes of text.
fn request(bytes: usize) -> Vec<u8> {
    let mut body = String::from(
        r#"{"model":"gpt-4o-mini","temperature":0.2,"stream":false,"messages":[{"role":"system","content":"You help customers of a shop."}"#,
    );
    let text = r#"Where is my order 1001?\nI have waited for a week, and the \"express\" parcel has not come, says the tracking page. "#;
    let text = text.repeat((bytes >> 16).max(1));
    while body.len() + text.len() < bytes {
        body.push_str(&format!(r#",{{"role":"user","content":"{text}"}}"#));
    }
    body.push_str(r#"],"user":"customer-17","max_tokens":256}"#);
    body.into_bytes()
}

/// A stream of 64 pieces of text as OpenAI sends it, with usage at the end.
fn stream() -> Vec<u8> {
    let chunk = |rest: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\"created\":1741570283,\
             \"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_06737a9306\",{rest}}}\n\n"
        )
    };
    let mut stream = String::new();
    for _ in 0..62 {
        stream += &chunk(
            r#""choices":[{"index":0,"delta":{"content":" order"},"logprobs":null,"finish_reason":null}],"usage":null"#,
        );
    }
    stream +=
        &chunk(r#""choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null"#);
    stream += &chunk(r#""choices":[],"usage":{"prompt_tokens":19,"completion_tokens":62,"total_tokens":81}"#);
    (stream + "data: [DONE]\n\n").into_bytes()
}

/// Ours: bytes to `Exchange`, all checks included.
#[divan::bench(args = SIZES)]
fn exchange(bencher: Bencher<'_, '_>, bytes: usize) {
    let body = request(bytes);
    let bounds = Bounds { nodes_max: 100_000, ..Bounds::default() };
    read_request(Operation::ChatCompletions, &body, &bounds).unwrap();
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| read_request(Operation::ChatCompletions, black_box(&body), &bounds));
}

/// Ours: bytes to nodes alone.
#[divan::bench(args = SIZES)]
fn document(bencher: Bencher<'_, '_>, bytes: usize) {
    let body = request(bytes);
    let bounds = Bounds { nodes_max: 100_000, ..Bounds::default() };
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| botwarden_protocol::json::Document::parse(black_box(&body), &bounds).is_ok());
}

/// Theirs: bytes to a tree, without looking at it.
#[divan::bench(args = SIZES)]
fn serde_json_value(bencher: Bencher<'_, '_>, bytes: usize) {
    let body = request(bytes);
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| serde_json::from_slice::<serde_json::Value>(black_box(&body)).unwrap());
}

/// One image of about 1 MiB in base64.
#[divan::bench]
fn exchange_with_an_image(bencher: Bencher<'_, '_>) {
    let image = "QUJD".repeat(1 << 18);
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}]}}]}}"#
    );
    let bounds = Bounds { string_bytes_max: 2 << 20, ..Bounds::default() };
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| read_request(Operation::ChatCompletions, black_box(body.as_bytes()), &bounds).is_ok());
}

/// An object of names that nothing but their last bytes tells apart.
#[divan::bench(args = [8, 9, 1000, 9000])]
fn object_with_many_names(bencher: Bencher<'_, '_>, names: usize) {
    let fields: Vec<String> = (0..names).map(|at| format!("\"a name of some length {at:05}\":0")).collect();
    let body = format!("{{{}}}", fields.join(","));
    bencher.bench(|| {
        botwarden_protocol::json::Document::parse(black_box(body.as_bytes()), &Bounds::default()).is_ok()
    });
}

/// A stream of 64 events, pushed event by event.
#[divan::bench]
fn stream_of_64_events(bencher: Bencher<'_, '_>) {
    let stream = stream();
    let events: Vec<&[u8]> = stream.split_inclusive(|&byte| byte == b'\n').collect();
    let events: Vec<Vec<u8>> = events.chunks(2).map(<[&[u8]]>::concat).collect();
    bencher.counter(BytesCount::new(stream.len())).bench(|| {
        let mut reader = AnswerReader::new(Operation::ChatCompletions, Delivery::Streamed);
        for event in &events {
            reader.push(black_box(event)).unwrap();
        }
        reader.finish()
    });
}

/// A whole answer of about 450 bytes.
#[divan::bench]
fn whole_answer(bencher: Bencher<'_, '_>) {
    let answer = br#"{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1741569952,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"Your order 1001 has left our warehouse and comes tomorrow.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":0}}}"#;
    bencher.counter(BytesCount::new(answer.len())).bench(|| {
        let mut reader = AnswerReader::new(Operation::ChatCompletions, Delivery::Whole);
        reader.push(black_box(answer)).unwrap();
        reader.finish()
    });
}
