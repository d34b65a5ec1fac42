//! One connection to an upstream.
//!
//! No task of its own drives it: whoever waits for its answer does, so a piece of an answer is passed on by the very turn
//! that read it, and all pieces one read brought leave in one write. Measured against a task a connection, a streamed
//! answer of 64 events costs a fifth of the processor time (`bench`, `--only bare-spawned`).

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

use super::Outbound;
use crate::bodies::{Payload, Unsent};

/// Bytes of an answer that wait in memory, its whole head among them. Vendors' heads are about 2 KiB.
const READ_BYTES_MAX: usize = 16 << 10;
/// Header fields of an answer. Vendors behind a content network send about 40; up to 100 hyper reads without an allocation.
const HEADER_FIELDS_MAX: usize = 100;

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An open connection. Dropped, it is closed.
pub(crate) struct Link {
    sender: SendRequest<Payload>,
    /// `None` once the connection is over: a future that is over must not be polled again.
    driver: Option<Driver>,
    /// Rings when an answer is late. It lives as long as the connection, because a timer that is only put off costs no visit to
    /// the runtime's wheel, and one that is made and dropped costs two.
    alarm: Pin<Box<Sleep>>,
    unsent: Unsent,
    /// Whether an answer came before its question was sent to its end. Nobody knows whether the upstream will read the rest
    /// of it, and so whether it will ever read what comes behind.
    interrupted: bool,
}

/// Why a request got no answer.
pub(super) enum AskError {
    /// Not one byte of it was written; here it is back.
    Unsent(Box<Outbound>),
    /// It may have been read.
    Broken,
    /// The same, and the deadline has passed.
    Late,
}

impl Link {
    /// Speaks HTTP/1.1 over `io`.
    pub(super) async fn open<T>(io: T) -> io::Result<Self>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(READ_BYTES_MAX).max_headers(HEADER_FIELDS_MAX);
        let (sender, connection) = builder.handshake(TokioIo::new(io)).await.map_err(io::Error::other)?;
        let alarm = Box::pin(tokio::time::sleep_until(Instant::now()));
        let driver: Driver = Box::pin(connection);
        Ok(Self { sender, driver: Some(driver), alarm, unsent: Unsent::default(), interrupted: false })
    }

    /// Reads and writes what can be without waiting. False once the connection is over.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        let pending = self.driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_pending());
        if !pending {
            self.driver = None;
        }
        pending
    }

    /// Whether it may be kept for another request once its answer was read to the end.
    pub(super) fn is_sound(&self) -> bool {
        !self.interrupted
    }

    /// Whether it can take a request now: looks for a close that came while nobody drove it. One that cannot is not worth
    /// a wait, since another is opened sooner.
    pub(super) fn is_ready(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop())) && self.sender.is_ready()
    }

    /// Sends `request` and waits for the head of its answer.
    pub(super) async fn ask(
        &mut self,
        mut request: Box<Outbound>,
        deadline: Instant,
    ) -> Result<http::Response<Incoming>, AskError> {
        request.body_mut().attach(&self.unsent);
        let asked = self.sender.try_send_request(*request);
        let mut asked = std::pin::pin!(asked);
        let Self { driver, alarm, unsent, interrupted, .. } = self;
        alarm.as_mut().reset(deadline);
        poll_fn(|cx| {
            // Before the turn that may read an answer and write the rest of its question.
            let unsent = unsent.is_attached();
            let over = driver.as_mut().is_none_or(|driver| driver.as_mut().poll(cx).is_ready());
            if over {
                *driver = None;
            }
            match asked.as_mut().poll(cx) {
                Poll::Pending if over => Poll::Ready(Err(AskError::Broken)),
                Poll::Pending => alarm.as_mut().poll(cx).map(|()| Err(AskError::Late)),
                Poll::Ready(Ok(response)) => {
                    *interrupted = unsent;
                    Poll::Ready(Ok(response))
                }
                Poll::Ready(Err(mut error)) => Poll::Ready(Err(match error.take_message() {
                    Some(unsent) => AskError::Unsent(Box::new(unsent)),
                    None => AskError::Broken,
                })),
            }
        })
        .await
    }
}
