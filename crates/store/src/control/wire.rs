//! What is said on the socket: one line each way, then both sides close.
//!
//! ```text
//! → botwarden-control/1 keys-changed
//! → botwarden-control/1 stops-changed
//! → botwarden-control/1 operator uid:1000 key.revoke key_2vq8m1x7c4
//! ← ok 42
//! ← error reading the keys
//! ```
//! The number is the generation of the keys, or of the stops, in force; of an action, it says nothing.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::data_dir::DataDir;

/// The socket's name.
const NAME: &str = "control.sock";
/// Bytes of a line, its end included.
const LINE_BYTES_MAX: u64 = 512;
/// How long either side waits for the other: reading every key of a full store takes a second or two.
pub(super) const WAIT: Duration = Duration::from_secs(10);
/// What each request begins with.
const PROTOCOL: &str = "botwarden-control/1 ";

/// What a process tells the serving one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Credentials were issued or revoked, or keys destroyed: act on it.
    KeysChanged,
    /// Something was stopped, or lifted: put it in force.
    StopsChanged,
    /// An operator is about to do something: write it down, to disk.
    Operator {
        /// Who, such as `uid:1000`.
        operator: String,
        /// What, such as `key.revoke`.
        action: String,
        /// To what.
        target: String,
    },
}

impl News {
    pub(crate) fn line(&self) -> String {
        match self {
            Self::KeysChanged => format!("{PROTOCOL}keys-changed"),
            Self::StopsChanged => format!("{PROTOCOL}stops-changed"),
            Self::Operator { operator, action, target } => {
                format!("{PROTOCOL}operator {operator} {action} {target}")
            }
        }
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix(PROTOCOL)?.split(' ');
        let news = match words.next()? {
            "keys-changed" => Self::KeysChanged,
            "stops-changed" => Self::StopsChanged,
            "operator" => Self::Operator {
                operator: words.next()?.to_owned(),
                action: words.next()?.to_owned(),
                target: words.next()?.to_owned(),
            },
            _ => return None,
        };
        words.next().is_none().then_some(news)
    }
}
/// Bytes of a socket's path that every system allows (`sun_path` holds 104 with its end on macOS, 108 on Linux).
const PATH_BYTES_MAX: usize = 100;

/// Where the socket is, as a path short enough for the system. Hold on to it while using the path.
pub(super) struct SocketPath {
    pub(super) path: PathBuf,
    /// What a path through the descriptor table stands on.
    _dir: Option<std::fs::File>,
}

/// The socket's path. On Linux a long one is shortened by going through an open descriptor of the directory.
pub(super) fn socket_path(dir: &DataDir) -> io::Result<SocketPath> {
    let path = dir.path().join(NAME);
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return Ok(SocketPath { path, _dir: None });
    }
    through_descriptor(dir)
}

#[cfg(target_os = "linux")]
fn through_descriptor(dir: &DataDir) -> io::Result<SocketPath> {
    use std::os::fd::AsRawFd;
    let open = std::fs::File::open(dir.path())?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd()));
    Ok(SocketPath { path, _dir: Some(open) })
}

#[cfg(not(target_os = "linux"))]
fn through_descriptor(_: &DataDir) -> io::Result<SocketPath> {
    Err(io::Error::other("the path is too long for a socket; use a `data_dir` with a shorter path"))
}

/// Whether the other side is us, or root.
pub(super) fn check_peer(stream: &UnixStream) -> io::Result<()> {
    let (theirs, ours) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if theirs == ours || theirs == 0 { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// Reads one line, without its end.
pub(super) async fn read_line(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.to_owned()),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Writes one line.
pub(super) async fn write_line(stream: &mut (impl AsyncWrite + Unpin), line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    stream.flush().await
}
