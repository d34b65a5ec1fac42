use proptest::prelude::*;

use super::*;
use crate::json::quoted;
use crate::{AnswerReader, read_answer};

const REFUSED: Change<'_> = Change::Refused { text: "No \"refund\".", after_words: true };
const CHAT: Operation = Operation::ChatCompletions;

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

fn named(data: &str) -> String {
    let kind = data.split('"').nth(3).unwrap();
    format!("event: {kind}\ndata: {data}\n\n")
}

fn chunk(delta: &str, finish: &str) -> String {
    event(&format!(
        r#"{{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
    ))
}

fn check(operation: Operation, delivery: Delivery, answer: &str, change: Change<'_>, want: Option<&str>) {
    let written = rewrite(operation, delivery, From::Within, answer.as_bytes(), change);
    assert_eq!(written.as_deref().map(String::from_utf8_lossy).as_deref(), want, "{answer}");
}

#[test]
fn a_refusal_takes_the_place_of_calls_in_a_document() {
    for (operation, answer, want) in [
        (
            CHAT,
            r#"{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"refund","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9, "completion_tokens":12}}"#,
            r#"{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"\n\nNo \"refund\"."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9, "completion_tokens":12}}"#,
        ),
        (
            CHAT,
            r#"{"choices":[{"message":{"content":"Hm.","function_call":{"name":"refund","arguments":"{}"}},"finish_reason":"function_call"},{"message":{"content":"Hello."},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"message":{"content":"Hm.\n\nNo \"refund\"."},"finish_reason":"stop"},{"message":{"content":"Hello."},"finish_reason":"stop"}]}"#,
        ),
        (
            Operation::Messages,
            r#"{"content":[{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"refund","input":{}},{"type":"tool_use","id":"b","name":"wipe","input":{}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}"#,
            r#"{"content":[{"type":"text","text":"Hm."},{"type":"text","text":"No \"refund\"."}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#,
        ),
    ] {
        check(operation, Delivery::Whole, answer, REFUSED, Some(want));
    }
}

#[test]
fn a_refusal_takes_the_place_of_calls_in_a_stream_of_chunks() {
    let usage = event(r#"{"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12}}"#);
    let stream = [
        chunk(r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"refund","arguments":""}}]}"#, "null"),
        chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#, "null"),
        chunk(r#"{"tool_calls":[{"index":1,"id":"b","function":{"name":"wipe","arguments":"{}"}}]}"#, "null"),
        chunk("{}", r#""tool_calls""#),
        usage.clone(),
        event("[DONE]"),
    ];
    let want = [
        chunk(r#"{"content":"\n\nNo \"refund\"."}"#, "null"),
        chunk("{}", r#""stop""#),
        usage,
        event("[DONE]"),
    ];
    check(CHAT, Delivery::Streamed, &stream.concat(), REFUSED, Some(&want.concat()));
    // All in one, as some servers send it.
    let one = chunk(
        r#"{"role":"assistant","content":"Hm.","tool_calls":[{"index":0,"id":"a","function":{"name":"refund","arguments":"{}"}}]}"#,
        r#""tool_calls""#,
    );
    let want = chunk(r#"{"role":"assistant","content":"Hm.\n\nNo \"refund\"."}"#, r#""stop""#);
    check(CHAT, Delivery::Streamed, &one, REFUSED, Some(&want));
}

#[test]
fn a_refusal_takes_the_place_of_calls_in_a_stream_of_events() {
    let end = [
        named(r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":5}}"#),
        named(r#"{"type":"message_stop"}"#),
    ];
    let stream = [
        named(r#"{"type":"content_block_stop","index":0}"#),
        named(
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"refund","input":{}}}"#,
        ),
        named(
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
        ),
        named(r#"{"type":"content_block_stop","index":1}"#),
        named(
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"b","name":"wipe","input":{}}}"#,
        ),
        named(r#"{"type":"content_block_stop","index":2}"#),
        named(r#"{"type":"content_block_start","index":3,"content_block":{"type":"text","text":""}}"#),
        named(r#"{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"Done."}}"#),
        named(r#"{"type":"content_block_stop","index":3}"#),
    ];
    let want = [
        named(r#"{"type":"content_block_stop","index":0}"#),
        named(r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#),
        named(
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"No \"refund\"."}}"#,
        ),
        named(r#"{"type":"content_block_stop","index":1}"#),
        named(r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#),
        named(r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Done."}}"#),
        named(r#"{"type":"content_block_stop","index":2}"#),
    ];
    let (stream, want) = (stream.concat() + &end.concat(), want.concat() + &end.concat());
    let want = want.replace(r#""stop_reason":"tool_use""#, r#""stop_reason":"end_turn""#);
    check(Operation::Messages, Delivery::Streamed, &stream, REFUSED, Some(&want));
}

/// What the rewriter cannot tell apart is not released at all.
#[test]
fn calls_that_cannot_be_taken_out_stop_the_answer() {
    for stream in [
        named(
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
        ),
        named(
            r#"{"type":"message_start","message":{"content":[{"type":"tool_use","id":"a","name":"refund","input":{}}]}}"#,
        ),
    ] {
        check(Operation::Messages, Delivery::Streamed, &stream, REFUSED, None);
    }
    check(CHAT, Delivery::Whole, r#"{"choices":[{"message":{"content":"Hm."}}]}"#, REFUSED, None);
}

#[test]
fn arguments_are_replaced_where_they_stand() {
    let new = [None, Some(r#"{"id": "c7"}"#.to_owned())];
    let change = Change::Arguments(&new);
    for (operation, answer, want) in [
        (
            CHAT,
            r#"{"choices":[{"message":{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{ }"}},{"id":"b","function":{"name":"y","arguments":"{\"id\":1}"}}]}}]}"#,
            r#"{"choices":[{"message":{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{ }"}},{"id":"b","function":{"name":"y","arguments":"{\"id\": \"c7\"}"}}]}}]}"#,
        ),
        (
            Operation::Messages,
            r#"{"content":[{"type":"tool_use","id":"a","name":"x","input":{ }},{"type":"tool_use","id":"b","name":"y","input":{"id":1}}]}"#,
            r#"{"content":[{"type":"tool_use","id":"a","name":"x","input":{ }},{"type":"tool_use","id":"b","name":"y","input":{"id": "c7"}}]}"#,
        ),
    ] {
        check(operation, Delivery::Whole, answer, change, Some(want));
    }
    let stream = [
        chunk(r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":"{ }"}}]}"#, "null"),
        chunk(
            r#"{"tool_calls":[{"index":1,"id":"b","function":{"name":"y","arguments":"{\"id\""}}]}"#,
            "null",
        ),
        chunk(r#"{"tool_calls":[{"index":1,"function":{"arguments":":1}"}}]}"#, r#""tool_calls""#),
    ];
    let want =
        stream.concat().replace(r#""{\"id\"""#, &quoted(r#"{"id": "c7"}"#)).replace(r#"":1}""#, r#""""#);
    check(CHAT, Delivery::Streamed, &stream.concat(), change, Some(&want));
    let begin = |index, id, name| {
        named(&format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"tool_use","id":"{id}","name":"{name}","input":{{}}}}}}"#
        ))
    };
    let delta = |index, json: &str| {
        let json = quoted(json);
        named(&format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"input_json_delta","partial_json":{json}}}}}"#
        ))
    };
    let stop = |index| named(&format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
    let head = [begin(0, "a", "x"), delta(0, "{ }"), stop(0), begin(1, "b", "y")].concat();
    let stream = [head.clone(), delta(1, r#"{"id""#), delta(1, ":1}"), stop(1)].concat();
    let want = [head.clone(), delta(1, r#"{"id": "c7"}"#), stop(1)].concat();
    check(Operation::Messages, Delivery::Streamed, &stream, change, Some(&want));
    let none = [head, stop(1)].concat();
    check(Operation::Messages, Delivery::Streamed, &none, change, Some(&want));
}

/// Arguments as models write them, soundly and not.
fn arguments() -> impl Strategy<Value = String> {
    prop_oneof![
        r#"\{"[a-c]":"[a-z äö]{0,20}"\}"#,
        Just(r#"{"a":1,"a":2}"#.to_owned()),
        Just(r#"{"a":"\ud83d\ude00\u0022"}"#.to_owned()),
        Just(r#"{"a":"\ud83d"}"#.to_owned()),
        Just("{} {}".to_owned()),
        Just("[]".to_owned()),
        Just(String::new()),
    ]
}

/// The text in pieces.
fn fragments(text: &str, cuts: &[usize]) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (chars.len() + 1)).collect();
    ends.extend([0, chars.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|pair| chars[pair[0]..pair[1]].iter().collect()).collect()
}

fn stream_of(calls: &[(String, String)], cuts: &[usize]) -> String {
    let mut stream = String::new();
    for (at, (name, arguments)) in calls.iter().enumerate() {
        stream += &chunk(&format!(r#"{{"tool_calls":[{{"index":{at},"id":"c{at}"}}]}}"#), "null");
        for (field, text) in [("name", name), ("arguments", arguments)] {
            for piece in fragments(text, cuts) {
                let piece = quoted(&piece);
                stream += &chunk(
                    &format!(r#"{{"tool_calls":[{{"index":{at},"function":{{"{field}":{piece}}}}}]}}"#),
                    "null",
                );
            }
        }
    }
    stream + &chunk("{}", r#""tool_calls""#) + &event("[DONE]")
}

fn document_of(calls: &[(String, String)]) -> String {
    let calls = calls.iter().enumerate().map(|(at, (name, arguments))| {
        let arguments = quoted(arguments);
        format!(
            r#"{{"id":"c{at}","type":"function","function":{{"name":"{name}","arguments":{arguments}}}}}"#
        )
    });
    let calls: Vec<_> = calls.collect();
    format!(
        r#"{{"choices":[{{"index":0,"message":{{"tool_calls":[{}]}},"finish_reason":"tool_calls"}}]}}"#,
        calls.join(",")
    )
}

proptest! {
    /// The same calls however they are cut into events, and those into pieces; and what is said instead is the same bytes.
    #[test]
    fn a_call_in_a_hundred_events_is_the_call_of_the_document(
        calls in prop::collection::vec(("[a-z_]{1,9}", arguments()), 1..4),
        cuts in prop::collection::vec(any::<usize>(), 0..100),
        pieces in 1..50_usize,
    ) {
        let (whole, _) = read_answer(CHAT, document_of(&calls).as_bytes()).unwrap();
        let stream = stream_of(&calls, &cuts);
        let mut reader = AnswerReader::new(CHAT, Delivery::Streamed);
        let mut seen = Vec::new();
        for piece in stream.as_bytes().chunks(pieces) {
            reader.push(piece).unwrap();
            seen.extend(reader.take_calls());
        }
        seen.extend(reader.end().unwrap());
        prop_assert_eq!(&seen, &whole);
        let read: Vec<_> = seen.iter().map(|call| call.arguments().map(String::from)).collect();
        let want: Vec<_> = whole.iter().map(|call| call.arguments().map(String::from)).collect();
        prop_assert_eq!(read, want);
        let instead = |stream: &str| rewrite(CHAT, Delivery::Streamed, From::Start, stream.as_bytes(), REFUSED);
        let plain = instead(&stream_of(&calls, &[]));
        prop_assert!(plain.is_some());
        prop_assert_eq!(instead(&stream), plain);
    }
}
