//! Kept connections to the upstream.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::anyhow;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;

/// Idle upstream connections that a worker keeps.
pub(crate) const IDLE_MAX: usize = 1024;

type Connection = http1::Connection<TokioIo<TcpStream>, Incoming>;

/// Who does the reading and writing of an upstream connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    /// The task that serves the caller, while it waits for the answer: no second task to wake, and all chunks that one
    /// read brought are passed on by one write. An idle connection is driven by nobody; that the upstream has closed it
    /// is found out when it is taken.
    User,
    /// A task of its own, from opening to closing.
    Task,
}

/// One upstream connection. `connection` is absent when a task drives it.
pub(crate) struct Link {
    sender: SendRequest<Incoming>,
    connection: Option<Pin<Box<Connection>>>,
}

impl Link {
    /// Reads and writes what can be without waiting; whether the connection is still open.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(connection) = &mut self.connection else { return !self.sender.is_closed() };
        if connection.as_mut().poll(cx).is_pending() {
            return true;
        }
        // A future that is over must not be polled again.
        self.connection = None;
        false
    }

    /// Sends the request and waits for the head of the answer.
    pub(crate) async fn ask(&mut self, request: Request<Incoming>) -> anyhow::Result<Response<Incoming>> {
        let mut asked = std::pin::pin!(self.sender.send_request(request));
        let Some(connection) = &mut self.connection else { return Ok(asked.await?) };
        let mut over = false;
        std::future::poll_fn(|cx| {
            over = over || connection.as_mut().poll(cx).is_ready();
            match asked.as_mut().poll(cx) {
                Poll::Pending if over => Poll::Ready(Err(anyhow!("the upstream hung up"))),
                Poll::Pending => Poll::Pending,
                Poll::Ready(answered) => Poll::Ready(answered.map_err(Into::into)),
            }
        })
        .await
    }
}

/// Idle links of one worker. The lock is never contended: all its users run on one thread. It is there because
/// `tokio::spawn` asks for `Send`, and costs less than a `LocalSet` would.
#[derive(Clone)]
pub(crate) struct Idle {
    links: Arc<Mutex<Vec<Link>>>,
    driver: Driver,
}

impl Idle {
    pub(crate) fn new(driver: Driver) -> Self {
        Self { links: Arc::default(), driver }
    }

    /// The link used last that is still open.
    pub(crate) async fn take(&self) -> Option<Link> {
        loop {
            let mut link = self.links.lock().pop()?;
            let ready = std::future::poll_fn(|cx| {
                if !link.drive(cx) {
                    return Poll::Ready(false);
                }
                link.sender.poll_ready(cx).map(|ready| ready.is_ok())
            });
            if ready.await {
                return Some(link);
            }
        }
    }

    pub(crate) fn put(&self, link: Link) {
        let mut links = self.links.lock();
        if links.len() < IDLE_MAX && !link.sender.is_closed() {
            links.push(link);
        }
    }

    pub(crate) async fn connect(&self, upstream: SocketAddr) -> anyhow::Result<Link> {
        let stream = TcpStream::connect(upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        if self.driver == Driver::Task {
            // It ends by itself when the sender is dropped or the upstream closes.
            tokio::spawn(connection);
            return Ok(Link { sender, connection: None });
        }
        Ok(Link { sender, connection: Some(Box::pin(connection)) })
    }
}
