//! Upstreams by the byte: answers that a library would not send.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use botwarden_testkit::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, openai};

/// What is written for a request, and whether the connection ends then.
pub(crate) type Script = fn(usize) -> (String, Then);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Then {
    Keep,
    Close,
}

/// A gateway's client before an upstream that answers the n-th request (from 0) as `script` says.
async fn client_before(script: Script) -> (botwarden_testkit::Gateway, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let requests = Arc::new(AtomicUsize::new(0));
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(answer_all(socket, requests.clone(), script));
        }
    });
    let gateway = openai().before_url(&url).await;
    let key = gateway.key("shop", &["chat"]).await;
    let client = Client::connect(gateway.gateway, Some(&key)).await;
    (gateway, client)
}

pub(crate) async fn answer_all(mut socket: TcpStream, requests: Arc<AtomicUsize>, script: Script) {
    let mut read = Vec::new();
    while let Some(head) = until_head(&mut socket, &mut read).await {
        let (bytes, then) = script(requests.fetch_add(1, Ordering::SeqCst));
        let length = head
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        while read.len() < length {
            if socket.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        read.drain(..length);
        if socket.write_all(bytes.as_bytes()).await.is_err() || then == Then::Close {
            return;
        }
    }
}

pub(crate) async fn until_head(socket: &mut TcpStream, read: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            return Some(String::from_utf8(read.drain(..end + 4).collect()).unwrap());
        }
        if socket.read_buf(read).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

pub(crate) fn document(number: usize) -> String {
    let body = format!("{{\"number\":{number}}}");
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn answers_that_http_allows_pass() {
    type Case = (&'static str, Script);
    let cases: [Case; 7] = [
        ("one after the other", |n| (document(n), Then::Keep)),
        ("a connection each", |n| (document(n), Then::Close)),
        ("an end by closing", |n| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
            (format!("{head}{{\"number\":{n}}}"), Then::Close)
        }),
        ("HTTP/1.0", |n| {
            (
                format!("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{{\"number\":{n}}}"),
                Then::Close,
            )
        }),
        ("a word before", |n| (format!("HTTP/1.1 100 Continue\r\n\r\n{}", document(n)), Then::Keep)),
        ("hints before", |n| {
            (format!("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n{}", document(n)), Then::Keep)
        }),
        ("fields behind", |n| {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
            (format!("{head}c\r\n{{\"number\":{n}}}\r\n0\r\nx-sum: 1\r\n\r\n"), Then::Keep)
        }),
    ];
    for (name, script) in cases {
        let (_gateway, mut client) = client_before(script).await;
        for number in 0..3 {
            let reply = client.post(CHAT, ASK).await;
            assert_eq!(
                (reply.decision(), reply.complete),
                ((200, "allowed"), true),
                "{name}: {}",
                reply.text()
            );
            assert_eq!(reply.json(), serde_json::json!({ "number": number }), "{name}");
        }
    }
}

/// Response smuggling: what an upstream says unasked is nobody's answer.
#[tokio::test]
async fn an_answer_too_many_is_not_given_to_the_next_caller() {
    let cases: [(&str, Script); 3] = [
        ("a second answer", |n| (document(n) + &document(666), Then::Keep)),
        ("half of one", |n| (document(n) + "HTTP/1.1 200 OK\r\ncontent-le", Then::Keep)),
        ("a line break", |n| (document(n) + "\r\n", Then::Keep)),
    ];
    for (name, script) in cases {
        let (_gateway, mut client) = client_before(script).await;
        for number in 0..3 {
            let reply = client.post(CHAT, ASK).await;
            assert_eq!(reply.decision(), (200, "allowed"), "{name}: {}", reply.text());
            assert_eq!(reply.json(), serde_json::json!({ "number": number }), "{name}");
        }
    }
}

#[tokio::test]
async fn answers_that_http_forbids_are_502() {
    let cases: [(&str, Script); 6] = [
        ("another protocol", |_| ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), Then::Keep)),
        ("nothing", |_| (String::new(), Then::Close)),
        ("half a head", |_| ("HTTP/1.1 200 OK\r\ncontent-ty".to_owned(), Then::Close)),
        ("two lengths", |_| {
            ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}".to_owned(), Then::Keep)
        }),
        ("a length that is none", |_| {
            ("HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\n{}".to_owned(), Then::Keep)
        }),
        ("a head without end", |_| (format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(1 << 20)), Then::Keep)),
    ];
    for (name, script) in cases {
        let (_gateway, mut client) = client_before(script).await;
        let reply = client.post(CHAT, ASK).await;
        assert_eq!(reply.decision(), (502, "upstream-broken"), "{name}: {}", reply.text());
    }
}

/// Nobody asked for another protocol, and what would follow such an answer is no HTTP.
#[tokio::test]
async fn statuses_that_are_no_answer_are_502() {
    let cases: [(&str, Script); 4] = [
        ("another protocol", |_| {
            let more = "connection: upgrade\r\nupgrade: websocket\r\n\r\n{}";
            (format!("HTTP/1.1 101 Switching Protocols\r\n{more}"), Then::Keep)
        }),
        ("another protocol without a name", |_| {
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n{}".to_owned(), Then::Keep)
        }),
        ("no class of status", |_| {
            ("HTTP/1.1 600 Odd\r\ncontent-length: 2\r\n\r\n{}".to_owned(), Then::Keep)
        }),
        ("the last of statuses", |_| {
            ("HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\n{}".to_owned(), Then::Keep)
        }),
    ];
    for (name, script) in cases {
        let (_gateway, mut client) = client_before(script).await;
        let reply = client.post(CHAT, ASK).await;
        assert_eq!(reply.decision(), (502, "upstream-answer"), "{name}: {}", reply.text());
    }
}

#[tokio::test]
async fn documents_shorter_than_they_say_are_none() {
    let script: Script = |_| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n";
        (format!("{head}{{\"number\":"), Then::Close)
    };
    let (_gateway, mut client) = client_before(script).await;
    assert_eq!(client.post(CHAT, ASK).await.decision(), (502, "upstream-broken"));
}

#[tokio::test]
async fn a_stream_may_end_by_closing_after_its_last_event() {
    let script: Script = |_| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n";
        (format!("{head}{}", EVENTS.concat()), Then::Close)
    };
    let (_gateway, mut client) = client_before(script).await;
    let reply = client.post(CHAT, ASK_STREAM).await;
    assert_eq!((reply.text(), reply.complete), (EVENTS.concat().as_str(), true));
}
