//! A connection by the byte: for what no HTTP library would send or show.

use std::io;
use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::Reply;
use crate::soon;

/// An open socket. What is written on it is exactly what the gateway gets.
pub struct Wire {
    socket: TcpStream,
    read: BytesMut,
}

impl Wire {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.expect("the gateway listens")
    }

    /// Connects where somebody may listen.
    pub async fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, read: BytesMut::new() })
    }

    /// Connects with the smallest buffer the system gives, so that little fits between the two ends.
    pub async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1).expect("a small buffer");
        let socket = socket.connect(address).await.expect("the gateway listens");
        Self { socket, read: BytesMut::new() }
    }

    /// Writes. A gateway that has turned away already shows in what is read.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.socket.write_all(bytes.as_ref()).await;
    }

    /// Says that nothing more will be sent, and goes on reading.
    pub async fn finish(&mut self) {
        self.socket.shutdown().await.expect("an open socket");
    }

    /// The next answer, whose body has a `content-length` or is none; `None` if the connection ended before it began.
    pub async fn reply(&mut self) -> Option<Reply> {
        soon("an answer", async {
            loop {
                if let Some(reply) = self.parse() {
                    return Some(reply);
                }
                if self.more().await == 0 {
                    assert!(self.read.is_empty(), "an answer broke off: {:?}", self.read);
                    return None;
                }
            }
        })
        .await
    }

    /// Reads to the end of the connection and returns what was not read before.
    pub async fn ended(&mut self) -> Bytes {
        soon("the end of a connection", async { while self.more().await > 0 {} }).await;
        self.read.split().freeze()
    }

    /// What comes next, in one piece; nothing at the end of the connection.
    pub async fn some(&mut self) -> Bytes {
        soon("more bytes", self.more()).await;
        self.read.split().freeze()
    }

    /// A reset is an end too.
    async fn more(&mut self) -> usize {
        self.socket.read_buf(&mut self.read).await.unwrap_or(0)
    }

    fn parse(&mut self) -> Option<Reply> {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut fields);
        let head_bytes = match head.parse(&self.read).expect("an answer in HTTP/1.1") {
            httparse::Status::Complete(bytes) => bytes,
            httparse::Status::Partial => return None,
        };
        let status = head.code.expect("a status");
        let mut headers = HeaderMap::new();
        for field in head.headers.iter() {
            let name: HeaderName = field.name.parse().expect("a header name");
            headers.append(name, HeaderValue::from_bytes(field.value).expect("a header value"));
        }
        let length = headers
            .get("content-length")
            .map_or(0, |value| value.to_str().expect("a length").parse::<usize>().expect("a length"));
        if self.read.len() < head_bytes + length {
            return None;
        }
        self.read.advance(head_bytes);
        Some(Reply { status, headers, body: self.read.split_to(length).freeze(), complete: true })
    }
}
