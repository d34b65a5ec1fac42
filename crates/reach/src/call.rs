//! One call to a service: a connection, a question, an answer.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use crate::patience::{Passing, Patience};
use crate::tls;
use crate::url::ServiceUrl;

/// Bytes of an answer. Wrapped keys and errors take hundreds.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// Why a service of the configuration cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not a name that a certificate can be checked for.
    #[error("the host of its URL cannot be used")]
    Host,
    /// No authority to trust.
    #[error(
        "no certificate authority to trust: install the Debian package `ca-certificates`, or name a file with `ca_file`"
    )]
    NoRoots,
    /// The file of authorities cannot be read.
    #[error("reading the certificate authorities in `{}`: {why}", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The TLS library refused its settings.
    #[error("preparing TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection. Nothing was asked.
    #[error("no connection ({0}); is the address right, and does the service run?")]
    Unreachable(io::Error),
    /// It is not who it says, or speaks no TLS.
    #[error(
        "no TLS ({0}); is the address right, and is its certificate from an authority that is trusted here (`ca_file`)?"
    )]
    Untrusted(io::Error),
    /// The connection ended before the answer did.
    #[error("it closed the connection before it had answered")]
    Broken,
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// More than was asked for.
    #[error("its answer has more than {ANSWER_BYTES_MAX} bytes; is that the service?")]
    TooLong,
    /// Not to be followed: the credential would go to an address nobody wrote down.
    #[error("it answered with a redirection, which is not followed; name the address that answers itself")]
    Redirected,
    /// A secret that no header can carry.
    #[error("a secret for it holds characters that no HTTP header can carry")]
    Header,
}

impl Passing for CallError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Broken | Self::Late(_) => true,
            Self::Untrusted(_) | Self::TooLong | Self::Redirected | Self::Header => false,
        }
    }
}

/// What a service answered. It may hold a key: wiped on drop.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// Calls one service.
pub(crate) struct Client {
    pub(crate) url: ServiceUrl,
    host: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    patience: Patience,
}

impl Client {
    pub(crate) fn new(
        url: ServiceUrl,
        ca_file: Option<&Path>,
        patience: Patience,
    ) -> Result<Self, ClientError> {
        let host = HeaderValue::from_str(url.authority.as_str()).map_err(|_| ClientError::Host)?;
        let tls = if url.is_secure() { Some(tls::connector(url.host(), ca_file)?) } else { None };
        Ok(Self { url, host, tls, patience })
    }

    /// Posts `body` to `path` below the service's own path.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: HeaderMap,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Answer, CallError> {
        self.send(Method::POST, path, headers, body).await
    }

    /// Sends `body` to `path` below the service's own path. A connection for each call: there are few.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Answer, CallError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url.base))
            .body(Full::new(Bytes::from_owner(Wiped(body))))
            .map_err(|_| CallError::Header)?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(header::HOST, self.host.clone());
        let until = Instant::now() + self.patience.connect;
        let late = |_| CallError::Late(self.patience.connect);
        let tcp = timeout_at(until, self.connect()).await.map_err(late)??;
        match &self.tls {
            None => self.ask(tcp, request).await,
            Some((connector, name)) => {
                let shaken = timeout_at(until, connector.connect(name.clone(), tcp)).await;
                self.ask(shaken.map_err(late)?.map_err(CallError::Untrusted)?, request).await
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, CallError> {
        let (host, port) = (self.url.host(), self.url.port());
        let tcp = match host.parse::<IpAddr>() {
            Ok(ip) => TcpStream::connect((ip, port)).await,
            Err(_) => TcpStream::connect((host, port)).await,
        };
        tcp.map_err(CallError::Unreachable)
    }

    async fn ask<T>(&self, io: T, request: Request<Full<Bytes>>) -> Result<Answer, CallError>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let until = Instant::now() + self.patience.answer;
        let late = |_| CallError::Late(self.patience.answer);
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let shaken = timeout_at(until, builder.handshake(TokioIo::new(io))).await.map_err(late)?;
        let (mut sender, connection) = shaken.map_err(|_| CallError::Broken)?;
        let asked = async {
            let response = sender.send_request(request).await.map_err(|_| CallError::Broken)?;
            let status = response.status();
            if status.is_redirection() {
                return Err(CallError::Redirected);
            }
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    CallError::TooLong
                } else {
                    CallError::Broken
                }
            })?;
            Ok(Answer { status, body: Zeroizing::new(body.to_bytes().to_vec()) })
        };
        // Driven here and not by a task of its own: dropped with the call, the connection is closed.
        let driven = async {
            let mut asked = std::pin::pin!(asked);
            tokio::select! {
                done = &mut asked => done,
                // What came before the end of the connection is read all the same.
                _ = connection => asked.await,
            }
        };
        timeout_at(until, driven).await.map_err(late)?
    }
}

/// A body that is wiped once it was sent.
struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
