//! Serves the script over HTTP/1.1.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use botwarden_crypto::{Digest, Pepper};
use botwarden_types::{Clock, Secret, SystemClock};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Interval;

use super::render::{Answer, Usage};
use super::{MODEL, script, wire::ChatRequest};

/// Requests are a page of text; the gateway in front takes no more than this either.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Connections served at once; the gateway pools a few dozen.
const CONNECTIONS_MAX: usize = 256;
/// Between two words of a stream: slow enough to be seen, and for a stream to be held open.
const WORD_PACE: Duration = Duration::from_millis(15);

/// The running server. It stops when this is dropped.
pub(in super::super) struct ScriptedModel {
    address: SocketAddr,
    desk: Arc<Desk>,
    _server: JoinSet<()>,
}

impl ScriptedModel {
    /// Listens on a free loopback port and serves whoever sends `key`. `pepper` hashes what is compared with it.
    pub(in super::super) async fn start(key: &Secret, pepper: Pepper) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let key = pepper.hash(format!("Bearer {}", key.expose()).as_bytes());
        let desk = Arc::new(Desk { key, pepper, answered: AtomicU64::new(0) });
        let mut server = JoinSet::new();
        server.spawn(accept(listener, Arc::clone(&desk)));
        Ok(Self { address, desk, _server: server })
    }

    /// Where it listens.
    pub(in super::super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests answered so far: those that came with the key.
    pub(in super::super) fn answered(&self) -> u64 {
        self.desk.answered.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                // A connection that broke before it was accepted is nobody's loss.
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(serve(stream, Arc::clone(&desk)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    // Words of a stream are small: without this the kernel would hold them back for 40 ms.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(request).await) }
    });
    // The caller hung up; the script does not mind.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Answers requests.
struct Desk {
    key: Digest,
    pepper: Pepper,
    answered: AtomicU64,
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Response<Words> {
        let shown = request.headers().get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        if self.pepper.hash(shown) != self.key {
            return refuse(
                StatusCode::UNAUTHORIZED,
                "invalid_api_key",
                "the scripted model serves its key holder alone",
            );
        }
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/v1/chat/completions") => self.chat(request).await,
            (&Method::GET, "/v1/models") => whole(StatusCode::OK, models()),
            _ => refuse(StatusCode::NOT_FOUND, "not_found", "the scripted model has nothing there"),
        }
    }

    async fn chat(&self, request: Request<Incoming>) -> Response<Words> {
        let Ok(body) = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await else {
            return refuse(StatusCode::BAD_REQUEST, "invalid_body", "the body is too large or broke off");
        };
        let body = body.to_bytes();
        let Ok(request) = serde_json::from_slice::<ChatRequest>(&body) else {
            return refuse(
                StatusCode::BAD_REQUEST,
                "invalid_body",
                "the body is not a chat completion request",
            );
        };
        let number = self.answered.fetch_add(1, Ordering::SeqCst);
        let content = script::next_move(&request);
        let answer = Answer::new(&request, body.len(), content, number, SystemClock.now().wall.secs());
        if request.stream {
            let usage = if request.stream_options.include_usage { Usage::Told } else { Usage::Untold };
            return reply(StatusCode::OK, "text/event-stream", Words::paced(answer.events(usage)));
        }
        whole(StatusCode::OK, answer.document())
    }
}

fn models() -> Bytes {
    let model = json!({ "id": MODEL, "object": "model", "created": 0, "owned_by": "botwarden-demo" });
    Bytes::from(json!({ "object": "list", "data": [model] }).to_string())
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response<Words> {
    let error = json!({ "message": message, "type": "invalid_request_error", "param": null, "code": code });
    whole(status, Bytes::from(json!({ "error": error }).to_string()))
}

fn whole(status: StatusCode, body: Bytes) -> Response<Words> {
    reply(status, "application/json", Words { left: VecDeque::from([body]), pace: None })
}

fn reply(status: StatusCode, kind: &'static str, body: Words) -> Response<Words> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

/// A body in pieces, one every [`WORD_PACE`] if paced.
struct Words {
    left: VecDeque<Bytes>,
    pace: Option<Interval>,
}

impl Words {
    fn paced(events: Vec<Bytes>) -> Self {
        Self { left: events.into(), pace: Some(tokio::time::interval(WORD_PACE)) }
    }
}

impl Body for Words {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(pace) = &mut self.pace {
            ready!(pace.poll_tick(cx));
        }
        Poll::Ready(self.left.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = self.left.iter().map(|piece| piece.len() as u64).sum();
        if self.pace.is_some() { SizeHint::default() } else { SizeHint::with_exact(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use botwarden_crypto::SecretKey;
    use serde_json::Value;

    use super::*;
    use crate::command::demo::client::{Ask, Client, Reply};

    async fn ask(body: Value, key: Option<&str>) -> (Reply, u64) {
        let right = Secret::new("the-key".into());
        let model = ScriptedModel::start(&right, SecretKey::generate().unwrap().pepper()).await.unwrap();
        let mut ask = Ask::post("/v1/chat/completions", body.to_string());
        if let Some(key) = key {
            ask = ask.with(&Secret::new(key.into()));
        }
        let reply = Client::new(model.address()).send(ask).await.unwrap();
        (reply, model.answered())
    }

    fn question() -> Value {
        json!({ "model": MODEL, "messages": [{ "role": "user", "content": "Are you a robot?" }] })
    }

    #[tokio::test]
    async fn it_serves_its_key_holder_alone() {
        for (name, key, status, answered) in [
            ("the key", Some("the-key"), 200, 1),
            ("another", Some("the-kez"), 401, 0),
            ("none", None, 401, 0),
        ] {
            let (reply, count) = ask(question(), key).await;
            assert_eq!((reply.head.status, count), (status, answered), "{name}");
        }
    }

    #[tokio::test]
    async fn it_admits_what_it_is() {
        let (reply, _) = ask(question(), Some("the-key")).await;
        let document: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(document["system_fingerprint"], "scripted");
        assert_eq!(document["choices"][0]["message"]["content"], script::HONEST);
    }

    #[tokio::test]
    async fn it_streams() {
        let mut body = question();
        body["stream"] = json!(true);
        body["max_completion_tokens"] = json!(4);
        let (reply, _) = ask(body, Some("the-key")).await;
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        assert_eq!(text.matches("data: ").count(), 6, "role, three words, finish, done: {text}");
    }

    #[tokio::test]
    async fn what_it_cannot_read_it_refuses() {
        let (reply, answered) = ask(json!({ "messages": 1 }), Some("the-key")).await;
        assert_eq!((reply.head.status, answered), (400, 0));
    }
}
