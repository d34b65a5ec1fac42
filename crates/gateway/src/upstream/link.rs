//! One connection to an upstream.
//!
//! No task of its own drives it: whoever waits for its answer does, so a piece of an answer is passed on by the very turn
//! that read it, and all pieces one read brought leave in one write. Measured against a task a connection, a streamed
//! answer of 64 events costs a fifth of the processor time (`bench`, `--only bare-spawned`).

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Outbound;

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An open connection. Dropped, it is closed.
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once the connection is over: a future that is over must not be polled again.
    driver: Option<Driver>,
    blocked: Arc<AtomicBool>,
}

/// Why a request got no answer.
pub(super) enum AskError {
    /// Not one byte of it was written; here it is back.
    Unsent(Box<Outbound>),
    /// It may have been read.
    Broken,
}

impl Link {
    /// Speaks HTTP/1.1 over `io`.
    pub(super) async fn open<T>(io: T) -> io::Result<Self>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let blocked = Arc::new(AtomicBool::new(false));
        let io = TokioIo::new(Watched { io, blocked: blocked.clone() });
        let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
        Ok(Self { sender, driver: Some(Box::pin(connection)), blocked })
    }

    /// Reads and writes what can be without waiting. False once the connection is over.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        let pending = self.driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_pending());
        if !pending {
            self.driver = None;
        }
        pending
    }

    /// Whether it can take a request now: looks for a close that came while nobody drove it. Nobody waits for one that
    /// cannot: its upstream answered before it took the whole question, and may never take the rest.
    pub(super) fn is_ready(&mut self) -> bool {
        let open = self.drive(&mut Context::from_waker(Waker::noop())) && self.sender.is_ready();
        open && !self.blocked.load(Ordering::Relaxed)
    }

    /// Sends `request` and waits for the head of its answer.
    pub(super) async fn ask(&mut self, request: Outbound) -> Result<http::Response<Incoming>, AskError> {
        let asked = self.sender.try_send_request(request);
        let mut asked = std::pin::pin!(asked);
        let driver = &mut self.driver;
        poll_fn(|cx| {
            let over = driver.as_mut().is_none_or(|driver| driver.as_mut().poll(cx).is_ready());
            if over {
                *driver = None;
            }
            match asked.as_mut().poll(cx) {
                Poll::Pending if over => Poll::Ready(Err(AskError::Broken)),
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(response)) => Poll::Ready(Ok(response)),
                Poll::Ready(Err(mut error)) => Poll::Ready(Err(match error.take_message() {
                    Some(unsent) => AskError::Unsent(Box::new(unsent)),
                    None => AskError::Broken,
                })),
            }
        })
        .await
    }
}

/// A stream that tells whether the other side takes what is written.
struct Watched<T> {
    io: T,
    blocked: Arc<AtomicBool>,
}

impl<T> Watched<T> {
    fn wrote(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.blocked.store(outcome.is_pending(), Ordering::Relaxed);
        outcome
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.wrote(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
