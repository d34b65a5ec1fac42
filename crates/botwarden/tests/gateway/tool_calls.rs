//! Tool calls that models propose: none leaves in part, and none before it is in the audit log.

use botwarden_testkit::{Answer, FakeUpstream};
use bytes::Bytes;

use crate::audit::{entries, of_request};
use crate::support::{ASK, ASK_STREAM, CHAT, openai};

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
        assert!(shop.client_for("alice").await.try_post(CHAT, ASK).await.is_none(), "broken off: {twice}");
    }
}
