//! Tool calls that models propose: none leaves in part, and none before it is in the audit log.

use botwarden_testkit::{Answer, FakeUpstream};
use bytes::Bytes;

use crate::audit::{entries, of_request};
use crate::support::{ASK, ASK_STREAM, CHAT, MESSAGES, SAID_EVENTS, SAY, SAY_STREAM, anthropic, openai};

/// A stream with a call in four pieces between words and the end.
const CALL: [&str; 7] = [
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"One moment.\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"function\":{\"name\":\"refund\",\"arguments\":\"\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"order\\\":\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"4711}\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12}}\n\n",
    "data: [DONE]\n\n",
];
/// The same as a document.
const WHOLE: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"refund","arguments":"{\"order\":4711}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":12}}"#;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn each_is_in_the_log_between_its_decision_and_how_the_request_ended() {
    let upstream = FakeUpstream::start(|asked| {
        if asked.body.windows(6).any(|window| window == b"stream") {
            Answer::events(CALL.map(bytes).to_vec())
        } else {
            // In two pieces of which the first is no document.
            let (first, second) = WHOLE.split_at(100);
            Answer::pieces("application/json", vec![bytes(first), bytes(second)])
        }
    })
    .await;
    let shop = openai().before(upstream).await;
    let mut client = shop.client_for("alice").await;
    for (ask, answer) in [(ASK_STREAM, CALL.concat()), (ASK, WHOLE.to_owned())] {
        let reply = client.post(CHAT, ask).await;
        assert_eq!((reply.decision(), reply.text()), ((200, "allowed"), answer.as_str()), "byte for byte");
        let id = reply.header("x-request-id").to_owned();
        let all = entries(&shop.gateway, |all| !of_request(all, &id, "outcome").is_empty()).await;
        let kinds: Vec<_> =
            all.iter().filter(|entry| entry["request"] == id.as_str()).map(|entry| &entry["kind"]).collect();
        assert_eq!(kinds, ["decision", "tool_call", "outcome"]);
        let call = of_request(&all, &id, "tool_call")[0];
        assert_eq!((&call["tool"], &call["call"]), (&"refund".into(), &"call_1".into()));
        assert_eq!((&call["place"], &call["verdict"]), (&"proposed".into(), &"allowed".into()));
        assert_eq!(call["arguments"].as_str().unwrap().len(), 64, "a commitment: they are personal");
        assert!(!serde_json::to_string(&all).unwrap().contains("4711"));
    }
}

#[tokio::test]
async fn one_that_cannot_be_written_down_does_not_leave() {
    let (upstream, mut feeds) = FakeUpstream::fed().await;
    let shop = openai().before(upstream).await;
    let mut client = shop.client_for("alice").await;
    let asking = client.stream(CHAT, ASK_STREAM);
    let feeding = async {
        let feed = feeds.next().await;
        feed.send(bytes(CALL[0])).await.unwrap();
        feed
    };
    let (mut stream, feed) = tokio::join!(asking, feeding);
    stream.until("One moment.").await;
    shop.gateway.fill_disk().await;
    // Cut anywhere, within the lines of an event too; it hangs up at the piece that completes the call.
    for piece in CALL[1..].concat().as_bytes().chunks(50) {
        let _ = feed.send(Bytes::copy_from_slice(piece)).await;
    }
    drop(feed);
    let rest = stream.rest().await;
    assert!(!rest.text().contains("refund") && !rest.text().contains("order"), "{rest:?}");
    assert!(rest.text().contains("unrecorded"), "the SDK raises an error: {rest:?}");
    shop.gateway.make_room().await;
    // Its upstream waits to be fed; that it is asked again is what matters.
    let mut client = shop.client_for("alice").await;
    let (_stream, feed) = tokio::join!(client.stream(CHAT, ASK_STREAM), feeds.next());
    drop(feed);
}

/// A stream that breaks off within a call leaves nothing of the call.
#[tokio::test]
async fn one_that_is_not_complete_does_not_leave() {
    let upstream =
        FakeUpstream::start(|_| Answer::broken(CALL[..4].iter().copied().map(bytes).collect())).await;
    let shop = openai().before(upstream).await;
    let reply = shop.client_for("alice").await.post(CHAT, ASK_STREAM).await;
    assert!(reply.text().contains("One moment.") && reply.text().contains("upstream-broken"), "{reply:?}");
    assert!(!reply.text().contains("refund"), "{reply:?}");
}

/// What is no document to us may be one to the bot's own parser, with a call in it.
#[tokio::test]
async fn a_document_that_has_not_one_meaning_does_not_leave() {
    for twice in ["\"choices\":[],", "\"usage\":{},"] {
        let document = WHOLE.replacen('{', &format!("{{{twice}"), 1);
        let answer = Bytes::from(document);
        let upstream = FakeUpstream::start(move |_| Answer::json(answer.clone())).await;
        let shop = openai().before(upstream).await;
        let reply = shop.client_for("alice").await.post(CHAT, ASK).await;
        assert_eq!(reply.decision(), (502, "upstream-answer"), "{twice}");
        assert!(!reply.text().contains("refund"), "{reply:?}");
    }
}

/// Arguments that two parsers may read differently are not for anybody to guess at.
const TWICE: &str = r#"{\"order\":1,\"order\":2}"#;

fn openai_answers() -> (String, Vec<Bytes>) {
    let document = WHOLE.replace(r#"{\"order\":4711}"#, TWICE);
    let call = |index: usize, rest: &str| {
        format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},{rest}}}]}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let begin = |index, name: &str| {
        call(
            index,
            &format!(
                r#""id":"call_{index}","type":"function","function":{{"name":"{name}","arguments":""}}"#
            ),
        )
    };
    let fragment = |index, text: &str| call(index, &format!(r#""function":{{"arguments":"{text}"}}"#));
    let mut stream = CALL[0].to_owned() + &begin(0, "look_up") + &fragment(0, "{}") + &begin(1, "refund");
    for piece in TWICE.split_inclusive(',') {
        stream += &fragment(1, piece);
    }
    stream += &CALL[4..].concat();
    (document, stream.as_bytes().chunks(37).map(Bytes::copy_from_slice).collect())
}

/// One call that is not clear, and none of the answer's calls leaves; the agent reads why, and what else it was told stays.
#[tokio::test]
async fn one_with_two_readings_is_replaced_by_a_refusal_and_so_is_the_one_beside_it() {
    let (document, stream) = openai_answers();
    let upstream = FakeUpstream::start(move |asked| {
        if asked.body.windows(6).any(|window| window == b"stream") {
            Answer::events(stream.clone())
        } else {
            Answer::json(document.clone())
        }
    })
    .await;
    let shop = openai().before(upstream).await;
    let mut client = shop.client_for("alice").await;
    let why = "The call of `refund` was refused: its arguments are not JSON with one meaning (duplicate name in one object at byte 20)";
    let whole = client.post(CHAT, ASK).await;
    assert_eq!(whole.decision(), (200, "call-unclear"));
    let answer: serde_json::Value = serde_json::from_str(whole.text()).unwrap();
    let message = &answer["choices"][0]["message"];
    assert_eq!((message["content"].as_str(), message.get("tool_calls")), (Some(why), None));
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["completion_tokens"], 12, "what it cost it cost");

    let streamed = client.post(CHAT, ASK_STREAM).await;
    assert_eq!(streamed.decision(), (200, "allowed"), "its head had left");
    assert!(streamed.text().starts_with(CALL[0]) && streamed.text().ends_with(CALL[6]), "{streamed:?}");
    assert!(!streamed.text().contains("tool_calls"), "{streamed:?}");
    let chunks = streamed
        .text()
        .split("data: ")
        .filter_map(|data| serde_json::from_str::<serde_json::Value>(data).ok());
    let words: String = chunks
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(String::from))
        .collect();
    assert_eq!(words, format!("One moment.\n\n{why}"));

    let ids = [whole, streamed].map(|reply| reply.header("x-request-id").to_owned());
    let all =
        entries(&shop.gateway, |all| ids.iter().all(|id| !of_request(all, id, "outcome").is_empty())).await;
    let verdicts: Vec<_> = ids
        .iter()
        .flat_map(|id| of_request(&all, id, "tool_call"))
        .map(|call| call["reason"].clone())
        .collect();
    assert_eq!(verdicts, ["call-unclear", "beside-refused", "call-unclear"]);
    for id in &ids {
        assert_eq!(of_request(&all, id, "outcome")[0]["reason"], "call-unclear");
    }
}

/// The same in the other dialect.
#[tokio::test]
async fn one_with_two_readings_is_replaced_in_blocks_too() {
    let whole = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"tool_use","id":"t1","name":"refund","input":[1]}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":12,"output_tokens":5}}"#;
    let block = |data: &str| {
        let kind = data.split('"').nth(3).unwrap_or_default();
        format!("event: {kind}\ndata: {data}\n\n")
    };
    let stream = [
        SAID_EVENTS[..4].concat(),
        block(r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"refund","input":{}}}"#),
        block(r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"order\":1,"}}"#),
        block(r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\"order\":2}"}}"#),
        block(r#"{"type":"content_block_stop","index":1}"#),
        block(r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":5}}"#),
        SAID_EVENTS[5].to_owned(),
    ]
    .concat();
    let pieces: Vec<_> = stream.as_bytes().chunks(41).map(Bytes::copy_from_slice).collect();
    let upstream = FakeUpstream::start(move |asked| {
        if asked.body.windows(6).any(|window| window == b"stream") {
            Answer::events(pieces.clone())
        } else {
            Answer::json(whole)
        }
    })
    .await;
    let shop = anthropic().before(upstream).await;
    let mut client = shop.client_for("alice").await;
    let reply = client.post(MESSAGES, SAY).await;
    assert_eq!(reply.decision(), (200, "call-unclear"));
    let answer: serde_json::Value = serde_json::from_str(reply.text()).unwrap();
    let said = "The call of `refund` was refused: its arguments are not a JSON object";
    assert_eq!(answer["content"], serde_json::json!([{ "type": "text", "text": said }]));
    assert_eq!(answer["stop_reason"], "end_turn");
    let reply = client.post(MESSAGES, SAY_STREAM).await;
    assert!(reply.text().starts_with(&SAID_EVENTS[..4].concat()), "what came before stays: {reply:?}");
    assert!(!reply.text().contains("tool_use") && !reply.text().contains("partial_json"), "{reply:?}");
    assert!(reply.text().contains(r#""index":1,"content_block":{"type":"text","text":""}"#), "{reply:?}");
    assert!(
        reply.text().contains("The call of `refund` was refused") && reply.text().ends_with(SAID_EVENTS[5])
    );
}

/// What a vendor runs itself is run past the gateway.
#[tokio::test]
async fn a_vendors_own_tools_are_offered_only_where_they_are_granted() {
    let ask =
        |tools: &str| format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"x"}}],{tools}}}"#);
    let said = |tools: &str| {
        format!(
            r#"{{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{{"role":"user","content":"x"}}],{tools}}}"#
        )
    };
    let function = r#""tools":[{"type":"function","function":{"name":"f"}}]"#;
    for (setup, path, granted, body, want) in [
        (openai(), CHAT, "", ask(function), (200, "allowed")),
        (openai(), CHAT, "", ask(r#""web_search_options":{}"#), (403, "vendor-tool")),
        (openai(), CHAT, "", ask(r#""tools":[{"type":"code_interpreter"}]"#), (403, "vendor-tool")),
        (openai(), CHAT, "web_search_*", ask(r#""web_search_options":{}"#), (200, "allowed")),
        (openai(), CHAT, "web_search", ask(r#""web_search_options":{}"#), (403, "vendor-tool")),
        (anthropic(), MESSAGES, "", said(r#""tools":[{"name":"f","input_schema":{}}]"#), (200, "allowed")),
        (
            anthropic(),
            MESSAGES,
            "",
            said(r#""tools":[{"type":"web_search_20250305","name":"f"}]"#),
            (403, "vendor-tool"),
        ),
        (
            anthropic(),
            MESSAGES,
            "web_*",
            said(r#""mcp_servers":[{"type":"url","url":"https://x.example","name":"x"}]"#),
            (403, "vendor-tool"),
        ),
    ] {
        let upstream = FakeUpstream::start(crate::support::well).await;
        let shop = setup.guarded(&format!("vendor_tools = [{granted:?}]")).before(upstream).await;
        let reply = shop.client_for("alice").await.post(path, body.clone()).await;
        assert_eq!(reply.decision(), want, "{body}: {}", reply.text());
    }
}
