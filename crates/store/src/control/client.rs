//! The other processes' side.

use std::io;

use tokio::net::UnixStream;
use tokio::time::timeout;

use super::wire::{News, WAIT, check_peer, read_line, socket_path, write_line};
use crate::data_dir::DataDir;

/// What became of the news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notified {
    /// A server has put the keys in force.
    Acknowledged {
        /// The generation in force there.
        generation: u64,
    },
    /// No server runs on this directory, so there is none to tell.
    NobodyListens,
}

/// A server is there, but did not confirm. It still notices the change by itself within about a second.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// It took too long.
    #[error("the running server did not answer within {} s", WAIT.as_secs())]
    Slow,
    /// It could not read the keys.
    #[error("the running server could not do it: {0}")]
    Refused(String),
    /// The conversation broke off.
    #[error("talking to the running server")]
    Io(#[from] io::Error),
}

/// Tells the server on `dir`, if one runs, that keys have changed. When it returns, whatever was committed before the call is in force.
pub async fn notify_keys_changed(dir: &DataDir) -> Result<Notified, NotifyError> {
    tell(dir, &News::KeysChanged).await
}

/// Tells the server on `dir`, if one runs. When it returns, the server has done what the news asks for.
pub async fn tell(dir: &DataDir, news: &News) -> Result<Notified, NotifyError> {
    let socket = socket_path(dir)?;
    let mut stream = match UnixStream::connect(&socket.path).await {
        Ok(stream) => stream,
        // No socket, or one that a process which is gone has left.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(Notified::NobodyListens);
        }
        Err(error) => return Err(error.into()),
    };
    timeout(WAIT, converse(&mut stream, news)).await.map_err(|_| NotifyError::Slow)?
}

async fn converse(stream: &mut UnixStream, news: &News) -> Result<Notified, NotifyError> {
    check_peer(stream)?;
    write_line(stream, &news.line()).await?;
    let answer = read_line(stream).await?;
    match answer.split_once(' ') {
        Some(("ok", number)) => match number.parse() {
            Ok(generation) => Ok(Notified::Acknowledged { generation }),
            Err(_) => Err(NotifyError::Io(io::ErrorKind::InvalidData.into())),
        },
        Some(("error", reason)) => Err(NotifyError::Refused(reason.to_owned())),
        _ => Err(NotifyError::Io(io::ErrorKind::InvalidData.into())),
    }
}
