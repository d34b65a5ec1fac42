//! Answers that come as events, and what of them is passed on.

use botwarden_testkit::{Answer, ToolEra, event};
use serde_json::Value;

use super::{Desk, ORDERS, RESULT};

const OPEN: &str = "pin = \"off\"";
const ASK: &str = r#"{"jsonrpc":"2.0","id":"c1","method":"tools/call","params":{"name":"refund","arguments":{},"_meta":{"progressToken":"mine"}}}"#;

fn messages(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| Some(serde_json::from_str(line.strip_prefix("data: ")?).unwrap()))
        .collect()
}

#[tokio::test]
async fn steps_pass_under_the_clients_own_name_and_without_words() {
    for era in [ToolEra::Sessions, ToolEra::Stateless] {
        let desk = Desk::running(era, OPEN, |called| {
            let words = event(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"of Bob's order"}}"#);
            let foreign = event(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"other","progress":9}}"#);
            let pieces = vec![called.step("1"), ": alive\n\n".into(), words, foreign, called.step("2.50"), event(&called.message(RESULT))];
            Answer::events(pieces)
        })
        .await;
        let mut client = desk.client().await;
        let reply = client.post(ORDERS, ASK).await;
        let text = reply.text();
        assert!(!text.contains("Bob"), "{text}");
        if reply.header("content-type") == "text/event-stream" {
            let all = messages(text);
            let steps: Vec<_> = all.iter().filter(|message| message.get("method").is_some()).collect();
            for step in &steps {
                assert_eq!(step["params"]["progressToken"], "mine", "{text}");
            }
            assert!(text.contains(r#""progress":2.50,"total":10}"#), "{text}");
            assert!(
                text.contains(&format!(
                    "data: {{\"jsonrpc\":\"2.0\",\"id\":\"c1\",\"result\":{RESULT}}}\n\n"
                )),
                "{text}"
            );
        } else {
            // All of it came at once.
            assert_eq!(text, format!(r#"{{"jsonrpc":"2.0","id":"c1","result":{RESULT}}}"#));
        }
    }
}

#[tokio::test]
async fn a_step_arrives_before_the_result() {
    let (sender, feeds) = std::sync::mpsc::channel();
    let desk = Desk::running(ToolEra::Sessions, OPEN, move |called| {
        let (feed, answer) = Answer::fed();
        sender.send((feed, called.clone())).unwrap();
        answer
    })
    .await;
    let mut client = desk.client().await;
    let asking = client.stream(ORDERS, ASK);
    let feeding = async {
        let (feed, called) = loop {
            match feeds.try_recv() {
                Ok(found) => break found,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            }
        };
        feed.send(called.step("1")).await.unwrap();
        (feed, called)
    };
    let (mut stream, (feed, called)) = tokio::join!(asking, feeding);
    assert_eq!(
        (stream.status, &stream.headers["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    stream.until(r#""progress":1"#).await;
    // In pieces, and with line ends where JSON allows them.
    let message = called.message("{\"content\":[],\n\"n\":1}");
    let whole = format!("data: {}\n\n", message.replace('\n', "\ndata: "));
    for piece in whole.as_bytes().chunks(7) {
        feed.send(bytes::Bytes::copy_from_slice(piece)).await.unwrap();
    }
    let reply = stream.rest().await;
    assert!(reply.complete);
    assert!(
        reply.text().contains(
            "data: {\"jsonrpc\":\"2.0\",\"id\":\"c1\",\"result\":{\"content\":[],\ndata: \"n\":1}}\n\n"
        ),
        "{}",
        reply.text()
    );
}

#[tokio::test]
async fn clients_that_take_no_events_get_a_document() {
    let desk = Desk::running(ToolEra::Sessions, OPEN, |called| {
        Answer::events(vec![called.step("1"), event(&called.message(RESULT))])
    })
    .await;
    let mut client = botwarden_testkit::Client::connect(desk.gateway.gateway, Some(&desk.key)).await;
    let reply = client.post(ORDERS, ASK).await;
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.text(), format!(r#"{{"jsonrpc":"2.0","id":"c1","result":{RESULT}}}"#));
}

#[tokio::test]
async fn questions_of_servers_are_refused_towards_them() {
    let desk = Desk::running(ToolEra::Sessions, OPEN, |called| {
        let question = |id: u32, method: &str| {
            event(&format!(r#"{{"jsonrpc":"2.0","id":"q{id}","method":"{method}","params":{{}}}}"#))
        };
        Answer::events(vec![
            question(1, "sampling/createMessage"),
            question(2, "elicitation/create"),
            question(3, "roots/list"),
            question(4, "ping"),
            event(&called.message(RESULT)),
        ])
    })
    .await;
    let reply = desk.client().await.post(ORDERS, ASK).await;
    assert_eq!(reply.decision(), (200, "allowed"));
    assert!(!reply.text().contains("createMessage"));
    let bodies: Vec<String> = desk
        .server
        .recorded()
        .iter()
        .map(|asked| String::from_utf8_lossy(&asked.body).into_owned())
        .collect();
    for id in ["q1", "q2", "q3"] {
        let said = bodies.iter().find(|body| body.contains(&format!(r#""id":"{id}""#))).unwrap();
        assert!(said.contains(r#""error":{"code":-32601"#), "{said}");
    }
    assert!(bodies.iter().any(|body| body == r#"{"jsonrpc":"2.0","id":"q4","result":{}}"#));
}
