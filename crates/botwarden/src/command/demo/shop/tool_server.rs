//! The shop's tools as a server of the Model Context Protocol: whoever holds its token may call any of them. Botwarden holds it.
//!
//! Speaks the revision 2025-06-18 of the protocol over streamable HTTP, without sessions.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use botwarden_crypto::{Digest, Pepper};
use botwarden_types::Secret;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Database, tools};

/// Calls are a few hundred bytes.
const BODY_BYTES_MAX: usize = 64 << 10;
const CONNECTIONS_MAX: usize = 64;
const PROTOCOL: &str = "2025-06-18";

/// The running server. It stops when this is dropped.
pub(in super::super) struct ToolServer {
    address: SocketAddr,
    _server: JoinSet<()>,
}

struct Counter {
    key: Digest,
    pepper: Pepper,
    database: Database,
}

impl ToolServer {
    /// Listens on a free loopback port and serves whoever sends `token`. `pepper` hashes what is compared with it.
    pub(in super::super) async fn start(
        token: &Secret,
        pepper: Pepper,
        database: Database,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let key = pepper.hash(format!("Bearer {}", token.expose()).as_bytes());
        let mut server = JoinSet::new();
        server.spawn(accept(listener, Arc::new(Counter { key, pepper, database })));
        Ok(Self { address, _server: server })
    }

    /// Where it listens.
    pub(in super::super) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, counter: Arc<Counter>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                // A connection that broke before it was accepted is nobody's loss.
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(serve(stream, counter.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, counter: Arc<Counter>) {
    let service = service_fn(move |request| {
        let counter = counter.clone();
        async move { Ok::<_, Infallible>(counter.answer(request).await) }
    });
    // The caller hung up; the tools do not mind.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Counter {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let shown = request.headers().get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        if self.pepper.hash(shown) != self.key {
            return reply(StatusCode::UNAUTHORIZED, Value::Null);
        }
        let Ok(body) = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await else {
            return reply(StatusCode::BAD_REQUEST, Value::Null);
        };
        let Ok(message) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
            return reply(StatusCode::BAD_REQUEST, Value::Null);
        };
        let Some(id) = message.get("id") else { return reply(StatusCode::ACCEPTED, Value::Null) };
        let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
        let answer = match method {
            "initialize" => Ok(json!({
                "protocolVersion": PROTOCOL,
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "shop", "version": "1" },
            })),
            "ping" => Ok(json!({})),
            "tools/list" => Ok(json!({ "tools": tools::definitions() })),
            "tools/call" => Ok(self.call(&message).await),
            _ => Err(json!({ "code": -32601, "message": "there is no such method" })),
        };
        let answer = match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
        };
        reply(StatusCode::OK, answer)
    }

    async fn call(&self, message: &Value) -> Value {
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let arguments = message.pointer("/params/arguments").cloned().unwrap_or_default();
        let result = tools::run(&self.database, text("/params/name"), &arguments).await;
        let is_error = result.get("error").is_some();
        json!({ "content": [{ "type": "text", "text": result.to_string() }], "isError": is_error })
    }
}

fn reply(status: StatusCode, body: Value) -> Response<Full<Bytes>> {
    let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let mut response = Response::new(Full::new(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
