//! The baseline: the leanest reverse proxy with a key check that hyper makes possible, and nothing else.
//!
//! It looks the caller's key up, puts the upstream's in its place, strips hop-by-hop headers and streams bodies both
//! ways over kept connections. No parsing of bodies, no limits, no log, no metrics, no time-outs. What Botwarden costs
//! beyond this is what its own work costs.

mod pool;

use std::collections::HashSet;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use botwarden_bench::{deal, machine};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::pool::{Driver, IDLE_MAX, Idle, Link};

/// A bare hyper reverse proxy with a key check.
#[derive(Parser)]
struct Flags {
    /// Where to listen; the address taken is printed on a line.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The model server.
    #[arg(long)]
    upstream: SocketAddr,
    /// A key that callers may present; repeat for more.
    #[arg(long = "key", required = true)]
    keys: Vec<String>,
    /// The key that the model server is shown.
    #[arg(long, default_value = "sk-upstream")]
    upstream_key: String,
    /// Single-threaded runtimes to serve on [default: one a core].
    #[arg(long)]
    threads: Option<usize>,
    /// Where upstream connections come from.
    #[arg(long, value_enum, default_value_t = Pool::Joined)]
    pool: Pool,
}

/// Which client forwards. The baseline is `joined`, the fastest over all modes; the others are kept so that the choice can be checked
/// (`compare cpu --only bare-spawned,bare-legacy`).
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pool {
    /// A stack of idle hyper connections a worker; whoever uses one drives it.
    Joined,
    /// The same, but each connection is driven by a task of its own, as hyper's examples do: 0.95–0.98 times the
    /// processor time of `joined` for whole answers, 4.7 times for streams whose events come at once.
    Spawned,
    /// The pooled client of hyper-util: 1.08–1.10 times for whole answers, 4.8 times for such streams.
    Legacy,
}

/// What stays the same for all requests.
struct Rules {
    upstream: SocketAddr,
    host: HeaderValue,
    /// Whole values of `authorization`, so that the look-up needs no parsing.
    accepted: HashSet<Vec<u8>>,
    upstream_authorization: HeaderValue,
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let listener = TcpListener::bind(flags.listen)?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let rules = Arc::new(Rules {
        upstream: flags.upstream,
        host: HeaderValue::from_str(&flags.upstream.to_string())?,
        accepted: flags.keys.iter().map(|key| format!("Bearer {key}").into_bytes()).collect(),
        upstream_authorization: HeaderValue::from_str(&format!("Bearer {}", flags.upstream_key))?,
    });
    let pool = flags.pool;
    deal::deal(&listener, flags.threads.unwrap_or_else(machine::cores), move || {
        let worker = Arc::new(Worker {
            rules: Arc::clone(&rules),
            idle: Idle::new(if pool == Pool::Joined { Driver::User } else { Driver::Task }),
            legacy: (pool == Pool::Legacy).then(legacy_client),
        });
        move |stream| serve(stream, Arc::clone(&worker))
    })?;
    Ok(())
}

fn legacy_client() -> Client<HttpConnector, Incoming> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(IDLE_MAX).build(connector)
}

/// One worker thread's own things.
struct Worker {
    rules: Arc<Rules>,
    idle: Idle,
    legacy: Option<Client<HttpConnector, Incoming>>,
}

async fn serve(stream: TcpStream, worker: Arc<Worker>) {
    let service = service_fn(move |request| {
        let worker = Arc::clone(&worker);
        async move { Ok::<_, Infallible>(proxy(request, &worker).await) }
    });
    // A peer that hangs up is its own affair.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn proxy(mut request: Request<Incoming>, worker: &Worker) -> Response<Relayed> {
    let rules = &worker.rules;
    let presented = request.headers().get(header::AUTHORIZATION);
    if !presented.is_some_and(|value| rules.accepted.contains(value.as_bytes())) {
        return plain(StatusCode::UNAUTHORIZED);
    }
    let headers = request.headers_mut();
    strip_hop_by_hop(headers);
    headers.insert(header::AUTHORIZATION, rules.upstream_authorization.clone());
    headers.insert(header::HOST, rules.host.clone());
    let answered = match &worker.legacy {
        Some(client) => forward_legacy(client, request, rules).await,
        None => forward(&worker.idle, request, rules).await,
    };
    answered.unwrap_or_else(|_| plain(StatusCode::BAD_GATEWAY))
}

async fn forward(
    idle: &Idle,
    request: Request<Incoming>,
    rules: &Rules,
) -> anyhow::Result<Response<Relayed>> {
    let mut link = match idle.take().await {
        Some(link) => link,
        None => idle.connect(rules.upstream).await?,
    };
    let (mut head, body) = link.ask(request).await?.into_parts();
    strip_hop_by_hop(&mut head.headers);
    let lease = Some((link, idle.clone()));
    Ok(Response::from_parts(head, Relayed { body: Some(body), lease }))
}

async fn forward_legacy(
    client: &Client<HttpConnector, Incoming>,
    mut request: Request<Incoming>,
    rules: &Rules,
) -> anyhow::Result<Response<Relayed>> {
    let path = request.uri().path_and_query().context("a request without a path")?;
    *request.uri_mut() = Uri::builder()
        .scheme("http")
        .authority(rules.host.as_bytes())
        .path_and_query(path.clone())
        .build()?;
    let (mut head, body) = client.request(request).await?.into_parts();
    strip_hop_by_hop(&mut head.headers);
    Ok(Response::from_parts(head, Relayed { body: Some(body), lease: None }))
}

/// Removes what speaks of one connection only (RFC 9110 §7.6.1). `connection` rarely names further fields; when it
/// does, they go too.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    const HOP_BY_HOP: [HeaderName; 6] = [
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    if let Some(named) = headers.remove(header::CONNECTION) {
        for name in named.to_str().unwrap_or_default().split(',') {
            headers.remove(name.trim());
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

fn plain(status: StatusCode) -> Response<Relayed> {
    let mut response = Response::new(Relayed { body: None, lease: None });
    *response.status_mut() = status;
    response
}

/// The upstream's body on its way down. When it is over, the link goes back to the idle ones.
struct Relayed {
    body: Option<Incoming>,
    lease: Option<(Link, Idle)>,
}

impl Relayed {
    fn end(&mut self) {
        if let Some((link, idle)) = self.lease.take() {
            idle.put(link);
        }
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body: Some(body), lease } = &mut *self else { return Poll::Ready(None) };
        let mut polled = Pin::new(&mut *body).poll_frame(cx);
        if polled.is_pending()
            && let Some((link, _)) = lease
        {
            link.drive(cx);
            polled = Pin::new(body).poll_frame(cx);
        }
        if self.is_end_stream() || matches!(polled, Poll::Ready(None)) {
            self.end();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        // A body that was left half read takes its connection with it.
        if self.is_end_stream() {
            self.end();
        }
    }
}
