//! A small HTTP/1.1 client for the people who act in the demo: a connection a request, from an address of their own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Context;
use botwarden_types::Secret;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Longer than anything in the demo takes; what exceeds it has failed.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The catalogue as a stream is about 250 KiB.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Between two bytes of a request that is sent slowly on purpose.
const TRICKLE: Duration = Duration::from_millis(50);

/// Someone who calls a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    to: SocketAddr,
    from: IpAddr,
}

/// A request.
pub(super) struct Ask {
    method: Method,
    path: String,
    credential: Option<Secret>,
    body: Bytes,
}

impl Ask {
    pub(super) fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), credential: None, body: Bytes::new() }
    }

    pub(super) fn delete(path: &str) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(super) fn post(path: &str, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, body: body.into(), ..Self::get(path) }
    }

    #[must_use]
    pub(super) fn with(mut self, credential: &Secret) -> Self {
        self.credential = Some(credential.clone());
        self
    }

    fn build(self, host: SocketAddr) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request =
            Request::builder().method(self.method).uri(self.path).header(HOST, host.to_string());
        if let Some(credential) = &self.credential {
            request = request.header(AUTHORIZATION, format!("Bearer {}", credential.expose()));
        }
        if !self.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::new(self.body))?)
    }
}

/// The head of an answer: what the gateway says of its decision.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    /// 0 if the connection was cut instead.
    pub(super) status: u16,
    /// `botwarden-verdict`; empty if it is not there.
    pub(super) verdict: String,
    /// `retry-after`, in seconds.
    pub(super) retry_after_s: Option<u64>,
}

impl Head {
    fn read(status: u16, headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let retry_after_s = text(RETRY_AFTER.as_str()).parse().ok();
        Self { status, verdict: text("botwarden-verdict").to_owned(), retry_after_s }
    }
}

/// A whole answer.
pub(super) struct Reply {
    pub(super) head: Head,
    pub(super) body: Bytes,
    /// From the connection's first packet to the answer's last byte.
    pub(super) took: Duration,
}

/// An answer whose body is left where it is. Dropping it hangs up.
pub(super) struct Open {
    pub(super) head: Head,
    body: Incoming,
    /// Drives the connection; aborted on drop.
    connection: JoinSet<()>,
}

impl Open {
    /// Waits for the first bytes of the body; `false` if there are none.
    pub(super) async fn first_bytes(&mut self) -> bool {
        matches!(tokio::time::timeout(CALL_TIMEOUT, self.body.frame()).await, Ok(Some(Ok(_))))
    }

    async fn rest(self) -> anyhow::Result<Bytes> {
        let Self { body, connection, .. } = self;
        let collected = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        drop(connection);
        Ok(collected.map_err(|error| anyhow::anyhow!(error)).context("reading the answer")?.to_bytes())
    }
}

impl Client {
    /// Somebody at the usual loopback address.
    pub(super) fn new(to: SocketAddr) -> Self {
        Self { to, from: Ipv4Addr::LOCALHOST.into() }
    }

    /// The same at 127.0.0.`host`, so that the gateway can tell addresses apart.
    pub(super) fn at(self, host: u8) -> Self {
        Self { from: Ipv4Addr::new(127, 0, 0, host).into(), ..self }
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&self, ask: Ask) -> anyhow::Result<Reply> {
        let began = Instant::now();
        let open = self.open(ask).await?;
        let head = open.head.clone();
        let body =
            tokio::time::timeout(CALL_TIMEOUT, open.rest()).await.context("the answer took too long")??;
        Ok(Reply { head, body, took: began.elapsed() })
    }

    /// Sends a request and reads the head of the answer.
    pub(super) async fn open(&self, ask: Ask) -> anyhow::Result<Open> {
        let request = ask.build(self.to)?;
        tokio::time::timeout(CALL_TIMEOUT, self.exchange(request)).await.context("no answer in time")?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Open> {
        let stream = self.connect().await.context("connecting")?;
        let (mut sender, driver) = http1::handshake(TokioIo::new(stream)).await.context("connecting")?;
        let mut connection = JoinSet::new();
        connection.spawn(async {
            // Its failures reach the sender and the body, too.
            let _ = driver.await;
        });
        let (head, body) = sender.send_request(request).await.context("sending the request")?.into_parts();
        Ok(Open { head: Head::read(head.status.as_u16(), &head.headers), body, connection })
    }

    /// Sends `bytes` as they are, for requests no honest client would build, and reads what comes until the end.
    pub(super) async fn send_raw(&self, bytes: &[u8]) -> anyhow::Result<Reply> {
        let began = Instant::now();
        let mut stream = self.connect().await.context("connecting")?;
        stream.write_all(bytes).await.context("sending the request")?;
        let answer = tokio::time::timeout(CALL_TIMEOUT, read_to_end(&mut stream))
            .await
            .context("no answer in time")?;
        let (head, body) = read_raw(&answer);
        Ok(Reply { head, body, took: began.elapsed() })
    }

    /// Sends `at_once`, then `slowly` byte by byte until the server hangs up; what it said is the answer.
    pub(super) async fn trickle(&self, at_once: &str, slowly: &str) -> anyhow::Result<Reply> {
        let began = Instant::now();
        let stream = self.connect().await.context("connecting")?;
        let (mut read, mut write) = stream.into_split();
        write.write_all(at_once.as_bytes()).await.context("sending the request")?;
        let drip = async {
            let mut pace = tokio::time::interval(TRICKLE);
            for byte in slowly.bytes() {
                pace.tick().await;
                if write.write_all(&[byte]).await.is_err() {
                    break;
                }
            }
            std::future::pending::<()>().await;
        };
        let heard = async {
            tokio::select! {
                answer = read_to_end(&mut read) => answer,
                () = drip => Vec::new(),
            }
        };
        let answer = tokio::time::timeout(CALL_TIMEOUT, heard).await.context("the connection was not cut")?;
        let (head, body) = read_raw(&answer);
        Ok(Reply { head, body, took: began.elapsed() })
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        // Only Linux has all of 127.0.0.0/8 up; elsewhere everybody comes from 127.0.0.1.
        if socket.bind((self.from, 0).into()).is_ok() {
            return nodelay(socket.connect(self.to).await?);
        }
        nodelay(TcpStream::connect(self.to).await?)
    }
}

fn nodelay(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What came until the peer hung up, whichever way it did.
async fn read_to_end(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = stream.take(ANSWER_BYTES_MAX as u64).read_to_end(&mut answer).await;
    answer
}

/// Takes an answer apart. Nothing, or no head, is a connection that was cut.
fn read_raw(answer: &[u8]) -> (Head, Bytes) {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return (Head::default(), Bytes::new()) };
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let mut found = Head { status, ..Head::default() };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "botwarden-verdict" => found.verdict = value.trim().to_owned(),
            "retry-after" => found.retry_after_s = value.trim().parse().ok(),
            _ => {}
        }
    }
    (found, Bytes::from(body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_answers() {
        for (name, answer, want) in [
            ("cut", "", (0, "", None)),
            ("half a head", "HTTP/1.1 400 Bad", (0, "", None)),
            (
                "refused",
                "HTTP/1.1 413 X\r\nBotwarden-Verdict: body-too-large\r\n\r\n{}",
                (413, "body-too-large", None),
            ),
            ("wait", "HTTP/1.1 429 X\r\nretry-after: 60\r\n\r\n", (429, "", Some(60))),
        ] {
            let (head, _) = read_raw(answer.as_bytes());
            assert_eq!((head.status, head.verdict.as_str(), head.retry_after_s), want, "{name}");
        }
    }
}
