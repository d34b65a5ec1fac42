use super::*;
use crate::ProposedCall;

fn read(operation: Operation, delivery: Delivery, answer: &str) -> Result<Outcome, AnswerError> {
    let mut reader = AnswerReader::new(operation, delivery);
    reader.push(answer.as_bytes())?;
    Ok(reader.finish())
}

fn chunks(stream: &str) -> Result<Outcome, AnswerError> {
    read(Operation::ChatCompletions, Delivery::Streamed, stream)
}

fn events(stream: &str) -> Result<Outcome, AnswerError> {
    read(Operation::Messages, Delivery::Streamed, stream)
}

/// A chunk that is like the one before is not read whole; whatever it says beside its words must still be seen.
#[test]
fn alike_chunks_say_the_same_as_when_read_alone() {
    let chunk = |text: &str, rest: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}{rest}}}}}]}}\n\n")
    };
    let plain = chunk("\"abc\"", "");
    for (name, next, bytes) in [
        ("the same", plain.clone(), 6),
        ("other words", chunk("\"defgh\"", ""), 8),
        ("escapes", chunk(r#""\u00e4\"\n""#, ""), 7),
        ("empty", chunk("\"\"", ""), 3),
        ("null", chunk("null", ""), 3),
        ("more behind the words", chunk("\"a\"", ",\"refusal\":\"bc\""), 6),
        ("words that look like more", chunk(r#""a\",\"refusal\":\"bc""#, ""), 3 + 16),
    ] {
        let outcome = chunks(&format!("{plain}{next}{plain}")).unwrap();
        assert_eq!(outcome.output_bytes_seen, bytes + 3, "{name}");
    }
    let call = chunk("\"a\"", ",\"tool_calls\":[{\"index\":0,\"id\":\"x\"}]")
        .replace("}}]}", "},\"finish_reason\":\"stop\"}]}");
    assert_eq!(
        chunks(&call.repeat(3)).unwrap().tool_calls,
        3,
        "calls that begin and end beside the same words"
    );
    for (name, bad) in [
        ("a name twice", chunk("\"a\"", ",\"content\":\"b\"")),
        ("a lone surrogate", chunk(r#""\ud800""#, "")),
        ("a control character", chunk("\"a\u{1}\"", "")),
    ] {
        assert!(chunks(&format!("{plain}{bad}")).is_err(), "{name}");
    }
}

#[test]
fn streams_that_end_early_have_not_ended() {
    let begun = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"abc\"}}]}\n\n";
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
    let spent = Some(Usage { input_tokens: 1, output_tokens: 2 });
    for (name, stream, ended, usage) in [
        ("cut", begun.to_owned(), false, None),
        ("no usage asked for", format!("{begun}data: [DONE]\n\n"), true, None),
        ("usage and end", format!("{begun}{usage}data: [DONE]\n\n"), true, spent),
        ("usage, then cut", format!("{begun}{usage}data: [DONE]\n"), false, spent),
        ("an error in between", format!("{begun}data: {{\"error\":{{}}}}\n\n"), false, None),
    ] {
        let outcome = chunks(&stream).unwrap();
        assert_eq!((outcome.ended, outcome.usage, outcome.output_bytes_seen), (ended, usage, 3), "{name}");
    }
}

#[test]
fn the_first_count_of_a_stream_is_not_the_last() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":7,\"output_tokens\":1}}}\n\n";
    let delta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n";
    assert_eq!(events(start).unwrap().usage, None);
    let outcome = events(&format!("{start}{delta}")).unwrap();
    assert_eq!(outcome.usage, Some(Usage { input_tokens: 12, output_tokens: 9 }));
    assert_eq!((outcome.ended, outcome.finish.as_deref()), (false, Some("end_turn")));
}

#[test]
fn streams_that_are_cut() {
    let long = format!("data: \"{}\"\n\n", "a".repeat(EVENT_BYTES_MAX));
    for (name, found, want) in [
        ("too long an event", chunks(&long), "an event of the answer has more than 1048576 bytes"),
        (
            "not JSON",
            chunks("data: hello\n\n"),
            "an event of the answer is not JSON: unexpected byte at byte 0",
        ),
        (
            "a name twice",
            chunks("data: {\"a\":1,\"a\":2}\n\n"),
            "an event of the answer is not JSON: duplicate name in one object at byte 12",
        ),
        (
            "two names",
            events("event: ping\ndata: {\"type\":\"message_stop\"}\n\n"),
            "an event of the answer has two names",
        ),
    ] {
        assert_eq!(found.unwrap_err().to_string(), want, "{name}");
    }
}

#[test]
fn whole_answers_that_make_no_sense_have_not_ended() {
    for operation in [Operation::ChatCompletions, Operation::Messages, Operation::CountTokens] {
        for answer in ["", "{\"usage\":", "<html>"] {
            let outcome = read(operation, Delivery::Whole, answer).unwrap();
            let want = Outcome { output_bytes_seen: answer.len() as u64, ..Outcome::default() };
            assert_eq!(outcome, want, "{operation:?} {answer}");
        }
    }
}

#[test]
fn a_whole_answer_is_read_up_to_the_bound_and_passes_beyond_it() {
    let usage = br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let half = vec![b' '; ANSWER_BYTES_MAX / 2];
    let fills = &half[usage.len()..];
    for (name, pieces, spent, bytes) in [
        (
            "at the bound",
            vec![&usage[..], fills, &half],
            Some(Usage { input_tokens: 1, output_tokens: 2 }),
            0,
        ),
        ("a byte more", vec![&usage[..], fills, &half, b" "], None, ANSWER_BYTES_MAX as u64 + 1),
        ("much more", vec![&usage[..], fills, &half, &half, b"{"], None, half.len() as u64 * 3 + 1),
    ] {
        let mut reader = AnswerReader::new(Operation::ChatCompletions, Delivery::Whole);
        for piece in pieces {
            assert_eq!(reader.push(piece), Ok(()), "{name}");
        }
        let outcome = reader.finish();
        let found = (outcome.usage, outcome.ended, outcome.output_bytes_seen);
        assert_eq!(found, (spent, spent.is_some(), bytes), "{name}");
    }
    let mut reader = AnswerReader::new(Operation::Embeddings, Delivery::Whole);
    for _ in 0..3 {
        assert_eq!(reader.push(&half), Ok(()), "embeddings are not held");
    }
}

/// A call fragmented over events is complete when its choice ends, or its block.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn calls_are_handed_over_when_they_are_complete() {
    let call = |id: &str, name: &str, arguments: &str| ProposedCall {
        id: (!id.is_empty()).then(|| id.to_owned()),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    let bare = |calls: Vec<Proposed>| calls.into_iter().map(|it| it.call).collect::<Vec<_>>();
    let openai = [
        (r#"{"choices":[{"index":0,"delta":{"content":"Let me see."}}]}"#, false, vec![]),
        (
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"refund","arguments":""}}]}}]}"#,
            true,
            vec![],
        ),
        (
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"or"}}]}}]}"#,
            true,
            vec![],
        ),
        (
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"der\":1}"}},{"index":1,"id":"c2","custom":{"name":"note","input":"hi"}}]}}]}"#,
            true,
            vec![],
        ),
        (
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            false,
            vec![call("c1", "refund", r#"{"order":1}"#), call("c2", "note", "hi")],
        ),
        (
            r#"{"choices":[{"index":0,"delta":{"function_call":{"name":"old","arguments":"{}"}}}]}"#,
            true,
            vec![],
        ),
        ("[DONE]", false, vec![call("", "old", "{}")]),
    ];
    let mut reader = AnswerReader::new(Operation::ChatCompletions, Delivery::Streamed);
    for (data, is_in_call, complete) in openai {
        reader.push(format!("data: {data}\n\n").as_bytes()).unwrap();
        assert_eq!((reader.is_in_call(), bare(reader.take_calls())), (is_in_call, complete), "{data}");
    }
    assert_eq!((reader.end(), reader.finish().tool_calls), (Ok(vec![]), 3));
    let anthropic = [
        (
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"refund","input":{}}}"#,
            true,
            vec![],
        ),
        (
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
            true,
            vec![],
        ),
        (
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"2}"}}"#,
            true,
            vec![],
        ),
        (r#"{"type":"content_block_stop","index":1}"#, false, vec![call("t1", "refund", r#"{"a":2}"#)]),
        (
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"t2","name":"search","input":{}}}"#,
            true,
            vec![],
        ),
    ];
    let mut reader = AnswerReader::new(Operation::Messages, Delivery::Streamed);
    for (data, is_in_call, complete) in anthropic {
        reader.push(format!("data: {data}\n\n").as_bytes()).unwrap();
        assert_eq!((reader.is_in_call(), bare(reader.take_calls())), (is_in_call, complete), "{data}");
    }
    assert_eq!(reader.end().map(bare), Ok(vec![call("t2", "search", "")]), "broken off, as far as it came");
    for (operation, document) in [
        (Operation::ChatCompletions, r#"{"choices":[],"choices":[]}"#),
        (Operation::Messages, r#"{"content":[{"type":"tool_use","input":{"a":"\ud800"}}]}"#),
    ] {
        let mut reader = AnswerReader::new(operation, Delivery::Whole);
        reader.push(document.as_bytes()).unwrap();
        assert!(matches!(reader.end(), Err(AnswerError::Json(_))), "another reader may find a call in it");
    }
    for (operation, document, want) in [
        (
            Operation::ChatCompletions,
            r#"{"choices":[{"index":0,"message":{"tool_calls":[{"id":"c1","type":"function","function":{"name":"refund","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
            vec![call("c1", "refund", "{}")],
        ),
        (
            Operation::Messages,
            r#"{"content":[{"type":"text","text":"x"},{"type":"tool_use","id":"t1","name":"refund","input":{"a": 1}}],"stop_reason":"tool_use"}"#,
            vec![call("t1", "refund", r#"{"a": 1}"#)],
        ),
    ] {
        let mut reader = AnswerReader::new(operation, Delivery::Whole);
        reader.push(document.as_bytes()).unwrap();
        assert_eq!(reader.end().map(bare), Ok(want.clone()), "{document}");
        assert_eq!(reader.finish().tool_calls as usize, want.len(), "{document}");
    }
}

/// What servers get wrong, and what somebody might use to hide a call behind another.
#[test]
fn no_call_hides_behind_another() {
    let two = r#"[{"index":0,"id":"a","function":{"name":"refund","arguments":"{}"}},{"index":0,"id":"b","function":{"name":"wipe","arguments":{"all":true}}}]"#;
    for (operation, delivery, answer) in [
        (Operation::ChatCompletions, Delivery::Whole, format!(r#"{{"choices":[{{"message":{{"tool_calls":{two}}}}}]}}"#)),
        (Operation::ChatCompletions, Delivery::Streamed, format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":{two}}}}}]}}")),
        (
            Operation::ChatCompletions,
            Delivery::Whole,
            [r#"{"id":"a","function":{"name":"refund","arguments":"{}"}}"#, r#"{"id":"b","function":{"name":"wipe","arguments":{"all":true}}}"#]
                .map(|call| format!(r#"{{"message":{{"tool_calls":[{call}]}}}}"#))
                .join(",")
                .replacen('{', "{\"choices\":[{", 1)
                + "]}",
        ),
        (
            Operation::Messages,
            Delivery::Streamed,
            concat!(
                r#"data: {"type":"message_start","message":{"content":[{"type":"tool_use","id":"a","name":"refund","input":{}}]}}"#, "\n\n",
                r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#, "\n\n",
                r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"b","name":"wipe","input":{"all":true}}}"#
            ).to_owned(),
        ),
    ] {
        let mut reader = AnswerReader::new(operation, delivery);
        reader.push(answer.as_bytes()).unwrap();
        let calls = reader.end().unwrap();
        let found: Vec<_> = calls.iter().map(|it| (it.call.id.as_deref().unwrap(), &*it.call.name, &*it.call.arguments)).collect();
        assert_eq!(found, [("a", "refund", "{}"), ("b", "wipe", "{\"all\":true}")], "{answer}");
    }
}

#[test]
fn calls_have_bounds() {
    let call = |index: usize, arguments: &str| {
        format!(
            r#"data: {{"choices":[{{"delta":{{"tool_calls":[{{"index":{index},"function":{{"arguments":"{arguments}"}}}}]}}}}]}}"#
        ) + "\n\n"
    };
    let stream = |count| (0..count).map(|index| call(index, "")).collect::<String>();
    assert_eq!(chunks(&stream(1024)).unwrap().tool_calls, 1024);
    let error = chunks(&stream(1025)).unwrap_err().to_string();
    assert_eq!(error, "the answer has more than 1024 tool calls");
    let long = call(0, &"a".repeat(crate::CALL_BYTES_MAX / 2)).repeat(3);
    let error = chunks(&long).unwrap_err().to_string();
    assert_eq!(error, "the answer's tool calls have more than 1048576 bytes");
}
