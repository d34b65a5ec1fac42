//! Upstreams that answer before they have read the whole question.
//!
//! Whether such a connection will ever be read again nobody knows, so it must not be what the next caller waits for.

use std::sync::Arc;

use botwarden_testkit::{Client, Gateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::{ASK, CHAT, openai};
use crate::upstream_wire::{Then, answer_all, document, until_head};

/// A caller who waits for an upstream that does not listen gets 504.
const TOP: &str = "[bounds]\nbody = \"16MiB\"\n[timeouts]\nupstream_total = \"10s\"";

/// What the upstream does with its first connection once it has the head of a question.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Says no, and that the connection is over.
    Closes,
    /// Says no, and never reads on.
    Deaf,
    /// Begins to answer; once that was seen it reads the question, ends its answer, and from then on only reads.
    Distracted,
}

struct Scene {
    _gateway: Gateway,
    client: Client,
    /// Told when the first half of an answer was seen.
    seen: Arc<Notify>,
}

/// Before an upstream that answers all its connections but the first as it should.
async fn before(manner: Manner) -> Scene {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let seen = Arc::new(Notify::new());
    let told = seen.clone();
    tokio::spawn(async move {
        let (first, _) = listener.accept().await.unwrap();
        tokio::spawn(misbehave(first, manner, told));
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(answer_all(socket, Arc::default(), |n| (document(n), Then::Keep)));
        }
    });
    let gateway = openai().top(TOP).before_url(&url).await;
    let key = gateway.key("shop", &["chat"]).await;
    let client = Client::connect(gateway.gateway, Some(&key)).await;
    Scene { _gateway: gateway, client, seen }
}

async fn misbehave(mut socket: TcpStream, manner: Manner, seen: Arc<Notify>) {
    until_head(&mut socket, &mut Vec::new()).await.unwrap();
    let more = match manner {
        Manner::Closes => "connection: close\r\n",
        Manner::Deaf | Manner::Distracted => "",
    };
    let head = format!(
        "HTTP/1.1 413 Payload Too Large\r\ncontent-type: application/json\r\n{more}content-length: 15\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    if let Manner::Distracted = manner {
        seen.notified().await;
        let mut reading = vec![0; 1 << 20];
        let mut ended = false;
        while let Ok(1..) = socket.read(&mut reading).await {
            if !ended && reading.contains(&b'}') {
                ended = socket.write_all(b"{\"too\":\"large\"}").await.is_ok();
            }
        }
        return;
    }
    socket.write_all(b"{\"too\":\"large\"}").await.unwrap();
    std::future::pending::<()>().await;
}

fn large(bytes: usize) -> String {
    format!(r#"{{"model":"gpt-4o","messages":[],"x":"{}"}}"#, "y".repeat(bytes))
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_question_passes_and_the_next_is_not_kept_waiting() {
    for manner in [Manner::Closes, Manner::Deaf, Manner::Distracted] {
        for bytes in [1 << 20, 12 << 20] {
            let Scene { _gateway, mut client, seen } = before(manner).await;
            let answer = client.stream(CHAT, large(bytes)).await;
            seen.notify_one();
            let reply = answer.rest().await;
            assert_eq!(reply.decision(), (413, "allowed"), "{manner:?}, {bytes}: {}", reply.text());
            assert_eq!((reply.text(), reply.complete), (r#"{"too":"large"}"#, true), "{manner:?}, {bytes}");
            let reply = client.post(CHAT, ASK).await;
            assert_eq!(reply.decision(), (200, "allowed"), "{manner:?}, {bytes}: {}", reply.text());
        }
    }
}
