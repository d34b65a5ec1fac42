//! Serves connections on single-threaded runtimes, one a thread: the shape that costs hyper least a request.
//!
//! One acceptor deals each connection to the worker that has fewest. With `SO_REUSEPORT` the kernel would deal by a
//! hash of the addresses, and of a few dozen kept connections two thirds may then end on one worker.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Connections that wait for a worker to take them up; the acceptor waits beyond that.
const WAITING_MAX: usize = 1024;

/// One worker thread, as the acceptor sees it.
struct Worker {
    open: Arc<AtomicUsize>,
    inbox: mpsc::Sender<std::net::TcpStream>,
}

/// Accepts on `listener` until it fails, and never returns otherwise. Each of `threads` workers first calls `setup` on
/// its own runtime, then runs `serve` for every connection dealt to it.
pub fn deal<S, F, Fut>(listener: &TcpListener, threads: usize, setup: S) -> io::Result<()>
where
    S: Fn() -> F + Clone + Send + 'static,
    F: Fn(TcpStream) -> Fut + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut workers = Vec::with_capacity(threads);
    for number in 0..threads.max(1) {
        workers.push(start(number, setup.clone())?);
    }
    loop {
        let (stream, _) = listener.accept()?;
        let Some(worker) = workers.iter().min_by_key(|w| w.open.load(Ordering::Relaxed)) else {
            return Ok(());
        };
        worker.open.fetch_add(1, Ordering::Relaxed);
        if worker.inbox.blocking_send(stream).is_err() {
            return Err(io::Error::other("a worker has ended"));
        }
    }
}

fn start<S, F, Fut>(number: usize, setup: S) -> io::Result<Worker>
where
    S: Fn() -> F + Send + 'static,
    F: Fn(TcpStream) -> Fut + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (inbox, mut dealt) = mpsc::channel::<std::net::TcpStream>(WAITING_MAX);
    let open = Arc::new(AtomicUsize::new(0));
    let worker = Worker { open: Arc::clone(&open), inbox };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
        runtime.block_on(async move {
            let serve = setup();
            while let Some(stream) = dealt.recv().await {
                let open = Arc::clone(&open);
                let Ok(stream) = prepared(stream) else { continue };
                let served = serve(stream);
                tokio::spawn(async move {
                    served.await;
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
    })?;
    Ok(worker)
}

/// Non-blocking, and without Nagle's algorithm: with it a small last segment waits for the peer's delayed
/// acknowledgement, 40 ms on Linux.
fn prepared(stream: std::net::TcpStream) -> io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    TcpStream::from_std(stream)
}
