//! A client that adds nothing of its own and shows the bytes it got.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection to a gateway, kept for every request.
pub struct Client {
    address: SocketAddr,
    sender: http1::SendRequest<Full<Bytes>>,
    authorization: Option<String>,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its head.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Whether the body came to its proper end.
    pub complete: bool,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("JSON was expected, got {error}: {:?}", self.body))
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text header"))
    }

    /// The stable reason id in `botwarden-verdict`.
    pub fn verdict(&self) -> &str {
        self.header("botwarden-verdict")
    }
}

impl Client {
    /// Connects; `credential` is sent as `Authorization: Bearer` with every request.
    pub async fn connect(address: SocketAddr, credential: Option<&str>) -> Self {
        let sender = open(address).await;
        Self { address, sender, authorization: credential.map(|text| format!("Bearer {text}")) }
    }

    /// Sends a JSON body.
    pub async fn post(&mut self, target: &str, body: impl Into<Bytes>) -> Reply {
        let request = self.request(Method::POST, target).header("content-type", "application/json");
        self.send(request.body(Full::new(body.into())).expect("a request of a test")).await
    }

    /// Asks without a body.
    pub async fn get(&mut self, target: &str) -> Reply {
        let request = self.request(Method::GET, target);
        self.send(request.body(Full::default()).expect("a request of a test")).await
    }

    /// A request with what every request of this client has.
    pub fn request(&self, method: Method, target: &str) -> http::request::Builder {
        let request = Request::builder().method(method).uri(target).header("host", self.address.to_string());
        match &self.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    }

    /// Sends `request` and takes the whole answer. A connection that the gateway closed before is opened again.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Reply {
        let (head, mut body) = self.start(request).await.into_parts();
        let mut whole = Vec::new();
        let complete = loop {
            match body.frame().await {
                None => break true,
                Some(Err(_)) => break false,
                Some(Ok(frame)) => whole.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            }
        };
        Reply { status: head.status.as_u16(), headers: head.headers, body: whole.into(), complete }
    }

    /// Sends `request` and returns with the head of the answer.
    pub async fn start(&mut self, request: Request<Full<Bytes>>) -> http::Response<Incoming> {
        if self.sender.ready().await.is_err() {
            self.sender = open(self.address).await;
        }
        self.sender.send_request(request).await.expect("the gateway answers")
    }
}

async fn open(address: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(address).await.expect("the gateway listens");
    socket.set_nodelay(true).expect("a TCP socket");
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    sender
}
