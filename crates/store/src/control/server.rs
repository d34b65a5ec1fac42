//! The serving process's side.

use std::error::Error;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::wire::{News, WAIT, check_peer, read_line, socket_path, write_line};
use crate::data_dir::{DataDir, LockError, ServeLock};

/// Connections answered at once; the rest wait in the socket's queue.
const CONNECTIONS_MAX: usize = 8;

/// How long to leave the socket alone after it could not be accepted from.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What went wrong when news was to be acted on.
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// Acts on news; gives the generation of the keys in force.
pub type Handler =
    Arc<dyn Fn(News) -> Pin<Box<dyn Future<Output = Result<u64, HandlerError>> + Send>> + Send + Sync>;

/// Why nobody can be heard.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process serves from the directory.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The socket could not be made.
    #[error("listening on `{}`", .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Listens for other processes' news. Holding it is the right to serve from the directory.
#[derive(Debug)]
pub struct ControlListener {
    listener: UnixListener,
    _lock: ServeLock,
}

impl ControlListener {
    /// Takes the right to serve from `dir` and listens there. Do this *before* the keys are read for the first time: news of a
    /// change that the reading missed then waits in the socket's queue.
    pub fn bind(dir: &DataDir) -> Result<Self, BindError> {
        let lock = dir.lock()?;
        let listener =
            listen(dir).map_err(|source| BindError::Io { path: dir.path().join("control.sock"), source })?;
        Ok(Self { listener, _lock: lock })
    }

    /// Answers until the future is dropped.
    pub async fn serve(self, handler: Handler) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        // Owns the tasks: they end with this future.
        let mut tasks = JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let handler = Arc::clone(&handler);
                    tasks.spawn(async move {
                        answer(stream, handler).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    warn!(%error, "accepting on the control socket");
                    // Out of descriptors, as a rule: wait until some are closed instead of spinning.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// A socket nobody else can connect to. A file that is there is left over from a process that is gone: we hold the lock.
fn listen(dir: &DataDir) -> io::Result<UnixListener> {
    let socket = socket_path(dir)?;
    match fs::remove_file(&socket.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&socket.path)?;
    // Until this line the directory's own mode keeps others out.
    fs::set_permissions(&socket.path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn answer(mut stream: UnixStream, handler: Handler) {
    match timeout(WAIT, converse(&mut stream, handler)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "on the control socket"),
        Err(_) => debug!("a caller on the control socket was too slow"),
    }
}

async fn converse(stream: &mut UnixStream, handler: Handler) -> io::Result<()> {
    check_peer(stream)?;
    let line = read_line(stream).await?;
    let Some(news) = News::parse(&line) else {
        return write_line(stream, "error this server does not know that request; are both of one version?")
            .await;
    };
    match handler(news).await {
        Ok(generation) => write_line(stream, &format!("ok {generation}")).await,
        Err(error) => {
            warn!(error = &*error as &dyn Error, "acting on news");
            write_line(stream, &format!("error {}", one_line(&*error))).await
        }
    }
}

/// An error and its causes on one line of a bounded length.
fn one_line(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect()
}
