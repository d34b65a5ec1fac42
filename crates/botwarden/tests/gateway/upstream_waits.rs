//! How long an exchange with an upstream may take.

use botwarden_testkit::{Client, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ASK, ASK_STREAM, CHAT, EVENTS, openai};

/// The next connection, once its question has come.
async fn asked(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = soon("a connection", listener.accept()).await.unwrap();
    assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0, "a question");
    socket
}

/// The whole exchange is measured from its question: an answer that begins late does not get the time once more. What
/// measures here is the gateway itself: other questions, asked before and after, whose bounds are shorter or as long.
#[tokio::test]
async fn an_answer_that_begins_late_does_not_get_the_whole_time_anew() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let gateway = openai()
        .top("[timeouts]\nupstream_first_byte = \"1s\"\nupstream_total = \"2s\"")
        .before_url(&url)
        .await;
    let key = gateway.key("shop", &["chat"]).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Client::connect(gateway.gateway, Some(&key)).await);
    }
    let [first, waiting, last] = clients.as_mut_slice() else { panic!("three clients") };
    // Asked for whole, so that its head may take as long as the exchange; answered as a stream, so that its end is told.
    let late = async {
        let stream = first.stream(CHAT, ASK).await;
        stream.rest().await
    };
    let others = async {
        let mut upstream = asked(&listener).await;
        let (reply, _silent) = tokio::join!(waiting.post(CHAT, ASK_STREAM), asked(&listener));
        assert_eq!(reply.decision(), (504, "upstream-timeout"), "half of the time is over");
        let begin = async {
            let silent = asked(&listener).await;
            let (event, length) = (EVENTS[0], EVENTS[0].len());
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked";
            let answer = format!("{head}\r\n\r\n{length:x}\r\n{event}\r\n");
            upstream.write_all(answer.as_bytes()).await.unwrap();
            (silent, upstream)
        };
        let (reply, _open) = tokio::join!(last.post(CHAT, ASK), begin);
        assert_eq!(reply.decision(), (504, "upstream-timeout"), "asked when half of the time was over");
    };
    tokio::select! {
        biased;
        reply = late => {
            let text = reply.text();
            assert!(text.starts_with(EVENTS[0]) && text.contains("upstream-timeout"), "{text}");
        }
        () = others => panic!("a later question was over before"),
    }
}
