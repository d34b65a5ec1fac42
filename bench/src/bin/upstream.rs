//! A fake model server: fixed answers, whole or streamed, at almost no cost of its own.
//!
//! `POST /v1/chat/completions` and `POST /v1/messages` answer at once, or with 64 events when the question has
//! `"stream":true`. How events are paced is set for all streams that start afterwards, by the rig and past the
//! contestants: `POST /bench/pace?ms=5` (0: all at once), `POST /bench/hold` (two events, then nothing until…)
//! and `POST /bench/release`. `GET /bench/state` counts requests and open streams.

use std::convert::Infallible;
use std::future::Future;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use botwarden_bench::{deal, machine, wire};
use bytes::Bytes;
use clap::Parser;
use http::{Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::Instant;

/// The longest question that is read, in bytes.
const QUESTION_MAX: usize = 1 << 20;

/// Events that a held stream sends before it waits.
const EVENTS_BEFORE_HOLD: usize = 2;

/// A fake model server on a loopback port.
#[derive(Parser)]
struct Flags {
    /// Where to listen; the address taken is printed on a line.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Single-threaded runtimes to serve on [default: one a core].
    #[arg(long)]
    threads: Option<usize>,
}

/// What all workers share.
struct State {
    pace_ms: AtomicU64,
    held: watch::Sender<bool>,
    requests: AtomicU64,
    open_streams: AtomicUsize,
    chat: Arc<[Bytes]>,
    messages: Arc<[Bytes]>,
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let listener = TcpListener::bind(flags.listen)?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let bytes = |events: Vec<String>| events.into_iter().map(Bytes::from).collect();
    let state = Arc::new(State {
        pace_ms: AtomicU64::new(0),
        held: watch::Sender::new(false),
        requests: AtomicU64::new(0),
        open_streams: AtomicUsize::new(0),
        chat: bytes(wire::chat_events()),
        messages: bytes(wire::message_events()),
    });
    deal::deal(&listener, flags.threads.unwrap_or_else(machine::cores), move || {
        let state = Arc::clone(&state);
        move |stream| {
            let state = Arc::clone(&state);
            async move {
                let service = service_fn(move |request| {
                    let state = Arc::clone(&state);
                    async move { Ok::<_, Infallible>(answer(request, &state).await) }
                });
                // A peer that hangs up is its own affair.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        }
    })?;
    Ok(())
}

async fn answer(request: Request<Incoming>, state: &Arc<State>) -> Response<Answer> {
    let (head, body) = request.into_parts();
    let Ok(question) = Limited::new(body, QUESTION_MAX).collect().await else {
        return text(StatusCode::BAD_REQUEST, "the question could not be read");
    };
    let (whole, events) = match (&head.method, head.uri.path()) {
        (&Method::POST, "/v1/chat/completions") => (wire::ANSWER, &state.chat),
        (&Method::POST, "/v1/messages") => (wire::MESSAGE, &state.messages),
        (_, path) if path.starts_with("/bench/") => return control(&head, state),
        _ => return text(StatusCode::NOT_FOUND, "no such path"),
    };
    state.requests.fetch_add(1, Ordering::Relaxed);
    if wants_stream(&question.to_bytes()) {
        let mut response = Response::new(Answer::Events(Events::new(state, events)));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("text/event-stream; charset=utf-8"),
        );
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
        return response;
    }
    json(whole)
}

/// Whether the question asks for events. Serializers differ in blanks, and a model server that parsed JSON in earnest
/// would only add noise.
fn wants_stream(question: &[u8]) -> bool {
    let needle = b"\"stream\"";
    let Some(at) = question.windows(needle.len()).position(|w| w == needle) else { return false };
    let rest = question.get(at + needle.len()..).unwrap_or_default();
    let value = rest.iter().copied().filter(|b| !b.is_ascii_whitespace() && *b != b':');
    value.take(4).eq(*b"true")
}

fn control(head: &http::request::Parts, state: &State) -> Response<Answer> {
    match (&head.method, head.uri.path()) {
        (&Method::POST, "/bench/pace") => {
            let ms = head.uri.query().and_then(|q| q.strip_prefix("ms=")).and_then(|ms| ms.parse().ok());
            let Some(ms) = ms else { return text(StatusCode::BAD_REQUEST, "expected ?ms=NUMBER") };
            state.pace_ms.store(ms, Ordering::Relaxed);
        }
        (&Method::POST, "/bench/hold") => drop(state.held.send_replace(true)),
        (&Method::POST, "/bench/release") => drop(state.held.send_replace(false)),
        (&Method::GET, "/bench/state") => {}
        _ => return text(StatusCode::NOT_FOUND, "no such control"),
    }
    json(format!(
        "{{\"requests\":{},\"open_streams\":{}}}",
        state.requests.load(Ordering::Relaxed),
        state.open_streams.load(Ordering::Relaxed)
    ))
}

fn json(body: impl Into<Bytes>) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(body.into())));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(Bytes::from_static(body.as_bytes()))));
    *response.status_mut() = status;
    response
}

/// The body of an answer.
enum Answer {
    Whole(Option<Bytes>),
    Events(Events),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Poll::Ready(body.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Events(events) => {
                events.poll_event(cx).map(|event| event.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// A stream under way.
struct Events {
    state: Arc<State>,
    events: Arc<[Bytes]>,
    sent: usize,
    started: Instant,
    pace: Duration,
    held: watch::Receiver<bool>,
    wait: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Events {
    fn new(state: &Arc<State>, events: &Arc<[Bytes]>) -> Self {
        state.open_streams.fetch_add(1, Ordering::Relaxed);
        Self {
            state: Arc::clone(state),
            events: Arc::clone(events),
            sent: 0,
            started: Instant::now(),
            pace: Duration::from_millis(state.pace_ms.load(Ordering::Relaxed)),
            held: state.held.subscribe(),
            wait: None,
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(cx));
            self.wait = None;
        }
        let event = self.events.get(self.sent).cloned();
        self.sent += 1;
        self.wait = self.pause();
        Poll::Ready(event)
    }

    /// What to wait for before the next event.
    fn pause(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        if self.sent == EVENTS_BEFORE_HOLD && *self.held.borrow() {
            let mut held = self.held.clone();
            // An error says that the server is going down: the stream ends either way.
            return Some(Box::pin(async move { drop(held.wait_for(|held| !held).await) }));
        }
        if self.pace.is_zero() || self.sent >= self.events.len() {
            return None;
        }
        let due = self.started + self.pace * u32::try_from(self.sent).unwrap_or(u32::MAX);
        Some(Box::pin(tokio::time::sleep_until(due)))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.state.open_streams.fetch_sub(1, Ordering::Relaxed);
    }
}
