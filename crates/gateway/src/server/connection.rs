//! One connection: HTTP/1.1 or HTTP/2, and the watch over how long each of its silences lasts.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Peer, Worker};
use crate::config::{HEAD_BYTES_MAX, HEADER_FIELDS_MAX, Timeouts};
use crate::stage::answer::{Answer, Cut};

/// Bytes of an answer that are gathered before they are written.
const GATHERED_BYTES_MAX: usize = 8 << 10;
/// HTTP/2: requests at once on one connection.
const STREAMS_MAX: u32 = 100;
/// HTTP/2: bytes of one header list, as for HTTP/1.1.
const HEADER_LIST_BYTES_MAX: u32 = HEAD_BYTES_MAX as u32;
/// HTTP/2: resets waiting to be dealt with (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;
/// HTTP/2: bytes in flight of one body and of one connection.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// Serves a connection until it ends, is silent for too long, or the gateway stops and its requests are done.
pub(super) async fn serve(
    worker: Arc<Worker>,
    socket: TcpStream,
    peer: Peer,
    mut stopping: watch::Receiver<bool>,
) {
    let timeouts = worker.shared.live.load().timeouts;
    let silence = Arc::new(Silence::new());
    let io = TokioIo::new(Watched { socket, silence: silence.clone() });
    let metrics_of = worker.clone();
    let service = service_fn(|request: Request<Incoming>| {
        let (worker, version) = (worker.clone(), request.version());
        // Boxed, because it goes from stage to stage: a future holds what it was given once more for each of them.
        let request = Box::new(request);
        let busy = silence.begin(version);
        async move {
            let response = worker.serve(request, peer).await;
            Ok::<_, std::convert::Infallible>(attend(response, busy, version))
        }
    });
    let builder = builder();
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut cut = pin!(silence.wait(timeouts));
    let mut draining = *stopping.borrow();
    if draining {
        connection.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            biased; // the connection itself has something to do nearly always
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            reason = cut.as_mut() => return metrics_of.shared.metrics.connection_cut(reason),
            changed = stopping.changed(), if !draining => {
                draining = true;
                if changed.is_ok() {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None) // `Silence` watches heads and idleness with one timer a connection
        // Pieces of an answer are small: gathered in one buffer they leave in one write, listed apart sixteen at a time.
        // [`GATHERED_BYTES_MAX`] bounds the buffer, which a connection keeps.
        .writev(false)
        .max_headers(HEADER_FIELDS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    builder
}

/// What a connection is waiting for, as far as timeouts care. Times are milliseconds since `opened`, 0 for "not so".
struct Silence {
    opened: Instant,
    requests: AtomicUsize,
    /// Since when nothing was asked.
    idle_since: AtomicU64,
    /// Since when a head has been arriving.
    head_since: AtomicU64,
    /// Since when the client takes nothing.
    stalled_since: AtomicU64,
    /// HTTP/2 frames between requests are not heads.
    multiplexed: AtomicBool,
    /// HTTP/2: since when the client makes no room for the next piece of each answer. The socket does not show it: flow
    /// control stops one stream while others go on. At most [`STREAMS_MAX`] are alive.
    untaken: Mutex<Vec<Weak<AtomicU64>>>,
}

/// A request in flight; when it is over the connection may be idle again.
struct Busy(Arc<Silence>);

impl Silence {
    fn new() -> Self {
        Self {
            opened: Instant::now(),
            requests: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(1),
            stalled_since: AtomicU64::new(0),
            multiplexed: AtomicBool::new(false),
            untaken: Mutex::default(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn begin(self: &Arc<Self>, version: Version) -> Busy {
        if version == Version::HTTP_2 {
            self.multiplexed.store(true, Ordering::Relaxed);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        Busy(self.clone())
    }

    fn arrived(&self) {
        let between = self.requests.load(Ordering::Relaxed) == 0 && !self.multiplexed.load(Ordering::Relaxed);
        if between && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// Returns why the connection has to end, once it has to. Wakes once per shortest timeout, not once per event.
    async fn wait(&self, timeouts: Timeouts) -> &'static str {
        loop {
            let now = self.now_ms();
            let mut wake = now + millis(timeouts.head.min(timeouts.write_stall));
            for (since, allowed, reason) in [
                (self.stalled_since.load(Ordering::Relaxed), timeouts.write_stall, "write-stall"),
                (self.untaken_since(), timeouts.write_stall, "write-stall"),
                (self.head_since.load(Ordering::Relaxed), timeouts.head, "head"),
                (self.idle(), timeouts.idle, "idle"),
            ] {
                if since > 0 {
                    let due = since + millis(allowed);
                    if due <= now {
                        return reason;
                    }
                    wake = wake.min(due);
                }
            }
            tokio::time::sleep_until(self.opened + Duration::from_millis(wake)).await;
        }
    }

    /// Since when the answer waits that has waited longest.
    fn untaken_since(&self) -> u64 {
        let untaken = self.untaken.lock();
        let since = untaken.iter().filter_map(|since| Some(since.upgrade()?.load(Ordering::Relaxed)));
        since.filter(|since| *since > 0).min().unwrap_or(0)
    }

    /// Watches over an answer of HTTP/2, whose client has to make room for its first piece.
    fn watch(&self) -> Arc<AtomicU64> {
        let since = Arc::new(AtomicU64::new(self.now_ms()));
        let mut untaken = self.untaken.lock();
        untaken.retain(|since| since.strong_count() > 0);
        untaken.push(Arc::downgrade(&since));
        since
    }

    fn idle(&self) -> u64 {
        if self.requests.load(Ordering::Relaxed) == 0 { self.idle_since.load(Ordering::Relaxed) } else { 0 }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now_ms(), Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// An answer that keeps its connection busy until its last byte was handed over.
struct Attended {
    answer: Answer,
    busy: Busy,
    /// Bytes handed over since the HTTP layer last had to write.
    gathered: usize,
    /// HTTP/2: since when the client makes no room, 0 while it does.
    untaken: Option<Arc<AtomicU64>>,
}

fn attend(response: Response<Answer>, busy: Busy, version: Version) -> Response<Attended> {
    let untaken = (version == Version::HTTP_2).then(|| busy.0.watch());
    response.map(|answer| Attended { answer, busy, gathered: 0, untaken })
}

impl Body for Attended {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.gathered >= GATHERED_BYTES_MAX {
            // Nothing to wait for: the HTTP layer writes what it has and comes back.
            self.gathered = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.answer).poll_frame(cx);
        self.gathered = match &polled {
            Poll::Ready(Some(Ok(frame))) => self.gathered + frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        if let Some(untaken) = &self.untaken {
            // Asked for the next piece, the client has made room; given one, it has to make room again.
            let given = matches!(polled, Poll::Ready(Some(Ok(_))));
            untaken.store(if given { self.busy.0.now_ms() } else { 0 }, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

/// A socket that tells [`Silence`] when bytes come and when the client takes none.
struct Watched {
    socket: TcpStream,
    silence: Arc<Silence>,
}

impl Watched {
    fn wrote(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let stalled = &self.silence.stalled_since;
        match &outcome {
            Poll::Pending if stalled.load(Ordering::Relaxed) == 0 => {
                stalled.store(self.silence.now_ms(), Ordering::Relaxed);
            }
            Poll::Pending => {}
            Poll::Ready(_) => stalled.store(0, Ordering::Relaxed),
        }
        outcome
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.socket).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.silence.arrived();
        }
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.wrote(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
