//! A model server that answers as the test says and remembers what it was asked.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::soon;

/// A request as the upstream received it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Its head.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// What the upstream answers.
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pieces: Pieces,
}

enum Pieces {
    Ready(Vec<Bytes>),
    Fed(mpsc::Receiver<Bytes>),
    Broken(Vec<Bytes>),
    Never,
    HangUp,
}

impl Answer {
    /// A JSON document, in one piece.
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::pieces("application/json", vec![body.into()])
    }

    /// An event stream in the given pieces; they need not be whole events.
    pub fn events(pieces: Vec<Bytes>) -> Self {
        Self::pieces("text/event-stream", pieces)
    }

    /// Any content type, in the given pieces.
    pub fn pieces(content_type: &'static str, pieces: Vec<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status: StatusCode::OK, headers, pieces: Pieces::Ready(pieces) }
    }

    /// An event stream whose pieces the test sends when it wants; it ends when the sender is dropped.
    pub fn fed() -> (mpsc::Sender<Bytes>, Self) {
        let (sender, receiver) = mpsc::channel(64);
        let mut answer = Self::events(Vec::new());
        answer.pieces = Pieces::Fed(receiver);
        (sender, answer)
    }

    /// An event stream that breaks off after the given pieces.
    pub fn broken(pieces: Vec<Bytes>) -> Self {
        let mut answer = Self::events(Vec::new());
        answer.pieces = Pieces::Broken(pieces);
        answer
    }

    /// No answer, ever.
    pub fn never() -> Self {
        let mut answer = Self::json(Bytes::new());
        answer.pieces = Pieces::Never;
        answer
    }

    /// Closes the connection instead of answering.
    pub fn hang_up() -> Self {
        let mut answer = Self::json(Bytes::new());
        answer.pieces = Pieces::HangUp;
        answer
    }

    /// The same, declared as another kind of content.
    #[must_use]
    pub fn kind(mut self, content_type: &'static str) -> Self {
        self.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).expect("a status of a test");
        self
    }

    /// The same with another header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header of a test");
        self.headers.append(HeaderName::from_static(name), value);
        self
    }
}

type Script = dyn Fn(&Recorded) -> Answer + Send + Sync;

/// The streams of a [`FakeUpstream::fed`], in the order in which they were asked for.
pub struct Feeds(mpsc::Receiver<mpsc::Sender<Bytes>>);

impl Feeds {
    /// The next stream; it ends when what is returned is dropped.
    pub async fn next(&mut self) -> mpsc::Sender<Bytes> {
        soon("a request for a stream", self.0.recv()).await.expect("the upstream runs")
    }
}

/// A model server on a free loopback port.
pub struct FakeUpstream {
    address: SocketAddr,
    state: Arc<State>,
    stop: watch::Sender<()>,
}

struct State {
    script: Box<Script>,
    recorded: Mutex<Vec<Recorded>>,
    connections: AtomicUsize,
    /// Answers under way.
    open: watch::Sender<usize>,
    /// Connections that are open.
    linked: watch::Sender<usize>,
    /// Told when every connection is to be closed.
    close: watch::Sender<()>,
}

impl FakeUpstream {
    /// Answers every request with what `script` says.
    pub async fn start(script: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = State {
            script: Box::new(script),
            recorded: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: watch::Sender::new(0),
            linked: watch::Sender::new(0),
            close: watch::Sender::new(()),
        };
        let state = Arc::new(state);
        let (stop, stopping) = watch::channel(());
        tokio::spawn(accept(listener, state.clone(), stopping));
        Self { address, state, stop }
    }

    /// Answers every request with an event stream that the test feeds.
    pub async fn fed() -> (Self, Feeds) {
        let (sender, feeds) = mpsc::channel(64);
        let script = move |_: &Recorded| {
            let (feed, answer) = Answer::fed();
            sender.try_send(feed).expect("a test takes its feeds");
            answer
        };
        (Self::start(script).await, Feeds(feeds))
    }

    /// `http://127.0.0.1:PORT/v1`
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Every request so far.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.state.recorded.lock().clone()
    }

    /// How many requests came so far.
    pub fn requests(&self) -> usize {
        self.state.recorded.lock().len()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Waits until exactly `count` answers are under way.
    pub async fn answers_open(&self, count: usize) {
        let mut open = self.state.open.subscribe();
        let what = format!("{count} answers under way");
        soon(&what, open.wait_for(|open| *open == count)).await.expect("the upstream runs");
    }

    /// Closes every connection, as servers do with those they have kept for long; new ones are taken.
    pub async fn close_connections(&self) {
        self.state.close.send_replace(());
        let mut linked = self.state.linked.subscribe();
        soon("closed connections", linked.wait_for(|linked| *linked == 0)).await.expect("the upstream runs");
    }

    /// Ends the listener and every connection.
    pub fn stop(self) {
        drop(self.stop);
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, mut stopping: watch::Receiver<()>) {
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => accepted.expect("an accepted connection").0,
            _ = stopping.changed() => return,
        };
        state.connections.fetch_add(1, Ordering::SeqCst);
        socket.set_nodelay(true).expect("a TCP socket");
        let (state, mut stopping) = (state.clone(), stopping.clone());
        let mut closing = state.close.subscribe();
        let linked = Counted::new(state.clone(), |state| &state.linked);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, state.clone()));
            let serving =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            tokio::select! {
                // A gateway that hangs up is one of the things under test.
                _ = serving => {}
                _ = stopping.changed() => {}
                _ = closing.changed() => {}
            }
            drop(linked);
        });
    }
}

/// One of something that is counted while it lasts.
struct Counted {
    state: Arc<State>,
    counter: fn(&State) -> &watch::Sender<usize>,
}

impl Counted {
    fn new(state: Arc<State>, counter: fn(&State) -> &watch::Sender<usize>) -> Self {
        counter(&state).send_modify(|count| *count += 1);
        Self { state, counter }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.counter)(&self.state).send_modify(|count| *count -= 1);
    }
}

async fn answer(request: http::Request<Incoming>, state: Arc<State>) -> std::io::Result<Response<Body>> {
    let open = Counted::new(state.clone(), |state| &state.open);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let recorded = Recorded { method: parts.method, target, headers: parts.headers, body };
    let Answer { status, headers, pieces } = (state.script)(&recorded);
    state.recorded.lock().push(recorded);
    match pieces {
        Pieces::Never => std::future::pending::<()>().await,
        Pieces::HangUp => return Err(std::io::Error::other("the script hangs up")),
        Pieces::Ready(_) | Pieces::Fed(_) | Pieces::Broken(_) => {}
    }
    let mut response = Response::new(stream(pieces, open));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// An answer under way; dropped when it is over or the gateway hung up.
struct Body {
    pieces: Channel<Bytes, std::io::Error>,
    _open: Counted,
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.pieces).poll_frame(cx)
    }
}

/// The pieces as frames, with a turn of the runtime between them so that they leave one by one.
fn stream(pieces: Pieces, open: Counted) -> Body {
    let (sender, body) = Channel::new(1);
    tokio::spawn(feed(pieces, sender));
    Body { pieces: body, _open: open }
}

/// Ends early when the gateway hung up.
async fn feed(pieces: Pieces, mut sender: Sender<Bytes, std::io::Error>) {
    let (ready, fed, broken) = match pieces {
        Pieces::Ready(pieces) => (pieces, None, false),
        Pieces::Broken(pieces) => (pieces, None, true),
        Pieces::Fed(receiver) => (Vec::new(), Some(receiver), false),
        Pieces::Never | Pieces::HangUp => return,
    };
    for piece in ready {
        if sender.send_data(piece).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    if let Some(mut fed) = fed {
        while let Some(piece) = fed.recv().await {
            if sender.send_data(piece).await.is_err() {
                return;
            }
        }
    }
    if broken {
        sender.abort(std::io::Error::other("the script says that it breaks off here"));
    }
}
