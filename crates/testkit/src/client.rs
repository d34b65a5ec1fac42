//! A client that adds nothing of its own and shows the bytes it got.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::channel::{Channel, Sender as Pieces};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::soon;

/// A connection to a gateway, kept for every request. Dropped, it is closed, whatever is under way.
pub struct Client {
    address: SocketAddr,
    version: Version,
    link: Link,
    headers: Vec<(String, String)>,
}

#[derive(Clone, Copy)]
enum Version {
    Http1,
    Http2,
}

/// A body whose length is told, or one that comes in pieces.
type Question = Either<Full<Bytes>, Channel<Bytes>>;

enum Sender {
    Http1(http1::SendRequest<Question>),
    Http2(http2::SendRequest<Question>),
}

struct Link {
    sender: Sender,
    driver: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
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

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text header"))
    }

    /// The stable reason id in `botwarden-verdict`.
    pub fn verdict(&self) -> &str {
        self.header("botwarden-verdict")
    }

    /// Status and verdict: what was decided.
    pub fn decision(&self) -> (u16, &str) {
        (self.status, self.verdict())
    }
}

/// An answer whose body is still coming.
pub struct Stream {
    /// Its status.
    pub status: u16,
    /// Its head.
    pub headers: HeaderMap,
    body: Incoming,
    read: Vec<u8>,
}

impl Stream {
    /// Reads until `text` has come.
    pub async fn until(&mut self, text: &str) {
        soon(text, async {
            while !String::from_utf8_lossy(&self.read).contains(text) {
                let frame = self.body.frame().await.unwrap_or_else(|| panic!("ended before `{text}`"));
                let frame = frame.unwrap_or_else(|error| panic!("{error} before `{text}`"));
                self.read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            }
        })
        .await;
    }

    /// Reads to the end; the body holds what was read before, too.
    pub async fn rest(mut self) -> Reply {
        let complete = soon("the end of an answer", async {
            loop {
                match self.body.frame().await {
                    None => break true,
                    Some(Err(_)) => break false,
                    Some(Ok(frame)) => {
                        self.read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                    }
                }
            }
        })
        .await;
        Reply { status: self.status, headers: self.headers, body: self.read.into(), complete }
    }
}

impl Client {
    /// Connects; `credential` is sent as `Authorization: Bearer` with every request.
    pub async fn connect(address: SocketAddr, credential: Option<&str>) -> Self {
        Self::open(address, Version::Http1, credential).await
    }

    /// The same over HTTP/2 with prior knowledge.
    pub async fn connect_http2(address: SocketAddr, credential: Option<&str>) -> Self {
        Self::open(address, Version::Http2, credential).await
    }

    async fn open(address: SocketAddr, version: Version, credential: Option<&str>) -> Self {
        let client = Self { address, version, link: link(address, version).await, headers: Vec::new() };
        match credential {
            Some(text) => client.with("authorization", &format!("Bearer {text}")),
            None => client,
        }
    }

    /// Sends a header with every request.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends a JSON body.
    pub async fn post(&mut self, target: &str, body: impl Into<Bytes>) -> Reply {
        let request = self.posting(target, body);
        self.send(request).await
    }

    /// Sends a JSON body; `None` if the gateway is gone before the whole answer has come. The connection is not opened again.
    pub async fn try_post(&mut self, target: &str, body: impl Into<Bytes>) -> Option<Reply> {
        let request = self.posting(target, body).map(Either::Left);
        if !self.link.ready().await {
            return None;
        }
        let (head, body) = self.link.send(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Reply { status: head.status.as_u16(), headers: head.headers, body, complete: true })
    }

    /// Sends a JSON body and returns with the head of the answer.
    pub async fn stream(&mut self, target: &str, body: impl Into<Bytes>) -> Stream {
        let request = self.posting(target, body);
        self.start(request).await
    }

    /// Asks without a body.
    pub async fn get(&mut self, target: &str) -> Reply {
        let request = self.request(Method::GET, target);
        self.send(request.body(Full::default()).expect("a request of a test")).await
    }

    fn posting(&self, target: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let request = self.request(Method::POST, target).header("content-type", "application/json");
        request.body(Full::new(body.into())).expect("a request of a test")
    }

    /// A request with what every request of this client has.
    pub fn request(&self, method: Method, target: &str) -> http::request::Builder {
        let request = match self.version {
            Version::Http1 => Request::builder().uri(target).header("host", self.address.to_string()),
            Version::Http2 => Request::builder().uri(format!("http://{}{target}", self.address)),
        };
        self.headers.iter().fold(request.method(method), |request, (name, value)| request.header(name, value))
    }

    /// Sends `request` and takes the whole answer. A connection that the gateway closed before is opened again.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Reply {
        self.start(request).await.rest().await
    }

    /// Begins to send a JSON body without a length: its pieces are what the test sends, until it drops the sender.
    pub fn trickle(&mut self, target: &str) -> (Pieces<Bytes>, impl Future<Output = Reply>) {
        let (pieces, body) = Channel::new(1);
        let request = self.request(Method::POST, target).header("content-type", "application/json");
        let request = request.body(Either::Right(body)).expect("a request of a test");
        (pieces, async { self.ask(request).await.rest().await })
    }

    /// Sends `request` and returns with the head of the answer.
    pub async fn start(&mut self, request: Request<Full<Bytes>>) -> Stream {
        self.ask(request.map(Either::Left)).await
    }

    async fn ask(&mut self, request: Request<Question>) -> Stream {
        if !self.link.ready().await {
            self.link = link(self.address, self.version).await;
        }
        let answer = soon("an answer", self.link.send(request)).await;
        let (head, body) = answer.expect("the gateway answers").into_parts();
        Stream { status: head.status.as_u16(), headers: head.headers, body, read: Vec::new() }
    }
}

impl Link {
    async fn ready(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await.is_ok(),
            Sender::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    async fn send(&mut self, request: Request<Question>) -> hyper::Result<http::Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        }
    }
}

async fn link(address: SocketAddr, version: Version) -> Link {
    let socket = TcpStream::connect(address).await.expect("the gateway listens");
    socket.set_nodelay(true).expect("a TCP socket");
    let io = TokioIo::new(socket);
    match version {
        Version::Http1 => {
            let (sender, connection) = http1::handshake(io).await.expect("HTTP/1.1");
            // How the connection ends shows in the answers.
            let driver = tokio::spawn(async { drop(connection.await) });
            Link { sender: Sender::Http1(sender), driver }
        }
        Version::Http2 => {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
            let driver = tokio::spawn(async { drop(connection.await) });
            Link { sender: Sender::Http2(sender), driver }
        }
    }
}
