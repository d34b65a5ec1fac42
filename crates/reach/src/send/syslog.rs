//! A syslog daemon: one message for each checkpoint. Source: RFC 5424; RFC 5426 (UDP), RFC 6587 §3.4.1 (TCP), RFC 5425 (TLS).
//!
//! Syslog acknowledges nothing: that a message was sent is all that can be known.

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use botwarden_audit::SignedCheckpoint;
use botwarden_types::{Clock, UnixMs};
use http::uri::Authority;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::SendError;
use super::config::Syslog;
use crate::call::ClientError;
use crate::patience::Patience;
use crate::tls;

/// Facility 13 (log audit), severity 6 (informational).
const PRIORITY: u8 = 13 * 8 + 6;
/// Source: RFC 5426 §3.3.
const UDP_PORT: u16 = 514;
/// Source: RFC 6587 names none that is registered; daemons listen here.
const TCP_PORT: u16 = 514;
/// Source: RFC 5425 §4.1.
const TLS_PORT: u16 = 6514;

pub(super) struct Daemon {
    to: Syslog,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    clock: Arc<dyn Clock>,
    patience: Patience,
}

impl Daemon {
    pub(super) fn new(
        to: Syslog,
        ca_file: Option<&Path>,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Result<Self, ClientError> {
        let tls = match &to {
            Syslog::Tls(authority) => Some(tls::connector(bare(authority), ca_file)?),
            Syslog::Udp(_) | Syslog::Tcp(_) | Syslog::Unix(_) => None,
        };
        Ok(Self { to, tls, clock, patience })
    }

    pub(super) async fn send(&self, checkpoint: &SignedCheckpoint) -> Result<(), SendError> {
        let message = message(checkpoint, self.clock.now().wall);
        let after = self.patience.connect + self.patience.answer;
        match timeout(after, self.transmit(message.as_bytes())).await {
            Ok(sent) => sent.map_err(|source| SendError::Syslog { to: self.place(), source }),
            Err(_) => Err(SendError::Late { to: self.place(), after }),
        }
    }

    async fn transmit(&self, message: &[u8]) -> io::Result<()> {
        match &self.to {
            Syslog::Udp(authority) => {
                let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
                for address in tokio::net::lookup_host((bare(authority), port(authority, UDP_PORT))).await? {
                    let any: IpAddr = if address.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
                    let socket = UdpSocket::bind((any, 0)).await?;
                    match socket.send_to(message, address).await {
                        Ok(_) => return Ok(()),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Syslog::Tcp(authority) => {
                counted(TcpStream::connect((bare(authority), port(authority, TCP_PORT))).await?, message)
                    .await
            }
            Syslog::Tls(authority) => {
                let tcp = TcpStream::connect((bare(authority), port(authority, TLS_PORT))).await?;
                let Some((connector, name)) = &self.tls else {
                    return Err(io::ErrorKind::Unsupported.into());
                };
                counted(connector.connect(name.clone(), tcp).await?, message).await
            }
            Syslog::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                let Err(error) = socket.connect(path) else { return socket.send(message).await.map(drop) };
                // Some daemons take connections there instead: messages then end with a line feed.
                let Ok(mut stream) = UnixStream::connect(path).await else { return Err(error) };
                stream.write_all(message).await?;
                stream.write_all(b"\n").await?;
                stream.shutdown().await
            }
        }
    }

    fn place(&self) -> String {
        match &self.to {
            Syslog::Udp(authority) => format!("syslog+udp://{authority}"),
            Syslog::Tcp(authority) => format!("syslog+tcp://{authority}"),
            Syslog::Tls(authority) => format!("syslog+tls://{authority}"),
            Syslog::Unix(path) => format!("syslog+unix://{}", path.display()),
        }
    }
}

/// The message behind its length. Source: RFC 6587 §3.4.1, RFC 5425 §4.3.
async fn counted(mut to: impl AsyncWrite + Unpin, message: &[u8]) -> io::Result<()> {
    to.write_all(format!("{} ", message.len()).as_bytes()).await?;
    to.write_all(message).await?;
    to.shutdown().await
}

/// One line of printable ASCII: the checkpoint as JSON, with what is searched for beside the note itself.
fn message(checkpoint: &SignedCheckpoint, now: UnixMs) -> String {
    let json = serde_json::json!({
        "origin": checkpoint.checkpoint().origin,
        "size": checkpoint.size(),
        "root": checkpoint.root().to_string(),
        "note": checkpoint.note(),
    });
    let mut text = format!("<{PRIORITY}>1 {} - botwarden - checkpoint - ", now.rfc3339());
    for c in json.to_string().chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// The host without the brackets of an IPv6 address.
fn bare(authority: &Authority) -> &str {
    authority.host().trim_start_matches('[').trim_end_matches(']')
}

fn port(authority: &Authority, usual: u16) -> u16 {
    authority.port_u16().unwrap_or(usual)
}
