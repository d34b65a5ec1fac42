//! Towards models and tools: addresses, connections that are kept, TLS.

mod link;
mod pool;
mod tls;

use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use botwarden_types::{Operation, Secret};
use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use http_body::{Body, Frame};
use hyper::Request;
use hyper::body::Incoming;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::bodies::Payload;
use crate::config::{UpstreamConfig, UpstreamUrl};
use crate::headers::Credential;
use link::{AskError, Link};

pub(crate) use pool::{Lease, Pool};
pub(crate) use tls::TlsRoots;
pub use tls::UpstreamError;

/// A request towards an upstream: its body is the caller's own bytes.
pub(crate) type Outbound = Request<Payload>;

/// Bytes of a question that the system takes beyond what the upstream has room for. The system would take megabytes, and
/// an upstream that stopped reading would look like one that has read everything.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 128 << 10;

/// Where a bot's model is served, ready for use.
pub(crate) struct Upstream {
    pub(crate) endpoint: Endpoint,
    targets: [Target; Operation::ALL.len()],
    pub(crate) credential: Credential,
}

/// An address to which connections are opened.
pub(crate) struct Endpoint {
    /// Connections to equal endpoints are interchangeable, whatever bot opened them.
    name: Arc<str>,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(crate) authority: HeaderValue,
}

/// Where one operation is found.
struct Target {
    operation: Operation,
    path: String,
    /// The path alone, which most requests ask for.
    uri: Option<Uri>,
}

impl Target {
    fn new(base: &str, operation: Operation) -> Self {
        let path = match operation {
            Operation::ChatCompletions => "/chat/completions",
            Operation::Embeddings => "/embeddings",
            Operation::Messages => "/messages",
            Operation::CountTokens => "/messages/count_tokens",
            Operation::Models => "/models",
        };
        let path = format!("{base}{path}");
        Self { operation, uri: origin_form(path.clone()), path }
    }
}

pub(crate) fn origin_form(text: String) -> Option<Uri> {
    PathAndQuery::try_from(text).ok().map(Uri::from)
}

/// What of the answer is there; if nothing is, reads the connection and looks again.
pub(crate) fn next_frame(
    body: &mut Incoming,
    lease: &mut Lease,
    cx: &mut Context<'_>,
) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
    let polled = Pin::new(&mut *body).poll_frame(cx);
    if polled.is_ready() {
        return polled;
    }
    lease.drive(cx);
    Pin::new(body).poll_frame(cx)
}

/// Why an exchange with an upstream failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection, or one that was closed before a byte of the request was written.
    Unreachable,
    /// No connection within the time allowed.
    Unconnected,
    /// The connection ended before the head of an answer.
    Broken,
    /// Its answer took longer than allowed.
    TimedOut,
}

impl Upstream {
    pub(crate) fn new(
        config: &UpstreamConfig,
        key: Option<&Secret>,
        roots: &mut TlsRoots,
    ) -> Result<Self, UpstreamError> {
        Ok(Self {
            endpoint: Endpoint::new(&config.url, config.ca_file.as_deref(), roots)?,
            credential: Credential::new(config.dialect, key).ok_or(UpstreamError::Key)?,
            targets: Operation::ALL.map(|operation| Target::new(&config.url.base, operation)),
        })
    }

    /// The target of a call, in origin form. `tail` follows the operation's own path: `/{id}` or a query.
    pub(crate) fn target(&self, operation: Operation, tail: &str) -> Option<Uri> {
        let target = self.targets.iter().find(|target| target.operation == operation)?;
        if tail.is_empty() { target.uri.clone() } else { origin_form(format!("{}{tail}", target.path)) }
    }
}

impl Endpoint {
    pub(crate) fn new(
        url: &UpstreamUrl,
        ca_file: Option<&Path>,
        roots: &mut TlsRoots,
    ) -> Result<Self, UpstreamError> {
        let host = url.authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = url.scheme == Scheme::HTTPS;
        let tls = if secure { Some(tls::client(&host, ca_file, roots)?) } else { None };
        let ca = ca_file.map_or(String::new(), |path| path.display().to_string());
        Ok(Self {
            name: format!("{}://{} {ca}", url.scheme, url.authority).into(),
            port: url.authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            authority: HeaderValue::from_str(url.authority.as_str()).map_err(|_| UpstreamError::Host)?,
            host,
            tls,
        })
    }

    /// Sends `request` over a kept connection or a new one and waits for the head of the answer, at most until `deadline`.
    ///
    /// A kept connection that the upstream closed meanwhile is replaced, but only while not one byte of the request was
    /// written: a request is never sent twice.
    pub(crate) async fn send(
        &self,
        pool: &Arc<Pool>,
        mut request: Box<Outbound>,
        connect: Duration,
        deadline: Instant,
    ) -> Result<(hyper::Response<Incoming>, Lease), Failure> {
        while let Some(mut link) = pool.take(&self.name) {
            if !link.is_ready() {
                continue;
            }
            match link.ask(request, deadline).await {
                Ok(response) => return Ok((response, pool.lease(&self.name, link))),
                Err(AskError::Unsent(unsent)) => request = unsent,
                Err(AskError::Broken) => return Err(Failure::Broken),
                Err(AskError::Late) => return Err(Failure::TimedOut),
            }
        }
        // Boxed: rare, and the state of a TLS handshake would lie in every request's.
        let until = deadline.min(Instant::now() + connect);
        let opened = Box::pin(tokio::time::timeout_at(until, self.connect()));
        let mut link = opened.await.map_err(|_| Failure::Unconnected)?.map_err(|_| Failure::Unreachable)?;
        match link.ask(request, deadline).await {
            Ok(response) => Ok((response, pool.lease(&self.name, link))),
            Err(AskError::Unsent(_)) => Err(Failure::Unreachable),
            Err(AskError::Broken) => Err(Failure::Broken),
            Err(AskError::Late) => Err(Failure::TimedOut),
        }
    }

    async fn connect(&self) -> std::io::Result<Link> {
        let tcp = match self.host.parse::<IpAddr>() {
            Ok(ip) => TcpStream::connect((ip, self.port)).await?,
            Err(_) => TcpStream::connect((self.host.as_str(), self.port)).await?,
        };
        tcp.set_nodelay(true)?;
        hold_back(&tcp)?;
        match &self.tls {
            None => Link::open(tcp).await,
            Some((connector, name)) => Link::open(connector.connect(name.clone(), tcp).await?).await,
        }
    }
}

#[cfg(target_os = "linux")]
fn hold_back(socket: &TcpStream) -> std::io::Result<()> {
    socket2::SockRef::from(socket).set_tcp_notsent_lowat(UNSENT_BYTES_MAX)
}

#[cfg(not(target_os = "linux"))]
fn hold_back(_: &TcpStream) -> std::io::Result<()> {
    Ok(())
}
