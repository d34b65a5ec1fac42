//! Listeners, workers, and how they start and stop.
//!
//! One thread accepts and deals connections; each worker is a thread with a single-threaded runtime that serves its
//! connections alone, so a request never changes threads.

mod acceptor;
mod connection;
mod ops;
mod worker;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::config::Listen;
use crate::metrics::WitnessMeter;
use crate::route::Door;
use crate::state::{Live, Ports, Shared};

pub(crate) use worker::Worker;

/// Where a connection comes from and which door it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) door: Door,
}

/// The addresses that listen; ports are the real ones where 0 was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Callers.
    pub gateway: SocketAddr,
    /// Backends, where they listen apart.
    pub backend: Option<SocketAddr>,
    /// Health and metrics.
    pub ops: SocketAddr,
}

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be listened on.
    #[error("listening on {address} for {what}")]
    Listen {
        /// What would have listened.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A worker thread could not be started.
    #[error("starting a worker")]
    Worker(#[source] io::Error),
}

/// A running gateway.
pub struct Gateway {
    shared: Arc<Shared>,
    addresses: Addresses,
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    open: Arc<AtomicUsize>,
}

impl Gateway {
    /// Opens the listeners and serves. `workers` threads; the runtime it is called on accepts.
    pub async fn start(
        listen: &Listen,
        workers: usize,
        live: Live,
        ports: Ports,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::new(live, listen.hosts.clone(), ports));
        let gateway = bind("the gateway", listen.gateway).await?;
        let backend = match listen.backend {
            Some(address) => Some(bind("the backend calls", address).await?),
            None => None,
        };
        let ops = bind("operations", listen.ops).await?;
        let addresses = Addresses {
            gateway: local(&gateway, listen.gateway)?,
            backend: backend.as_ref().map(|socket| local(socket, listen.gateway)).transpose()?,
            ops: local(&ops, listen.ops)?,
        };
        let (stop, stopping) = watch::channel(false);
        let open = Arc::new(AtomicUsize::new(0));
        let (threads, lanes) = spawn_workers(workers.max(1), &shared, &stopping)?;
        let acceptor = acceptor::Acceptor::new(shared.clone(), lanes, open.clone());
        let shared_door = if backend.is_some() { Door::Callers } else { Door::Shared };
        let mut tasks = vec![tokio::spawn(acceptor.clone().run(gateway, shared_door, stopping.clone()))];
        if let Some(backend) = backend {
            tasks.push(tokio::spawn(acceptor.run(backend, Door::Backend, stopping.clone())));
        }
        tasks.push(tokio::spawn(ops::serve(ops, shared.clone())));
        shared.live.load().start_programs();
        Ok(Self { shared, addresses, stop, workers: threads, tasks, open })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Puts another configuration in force for every request that comes from now on.
    pub fn replace(&self, mut live: Live) {
        live.carry_on(&self.shared.live.load());
        live.start_programs();
        self.shared.live.store(Arc::new(live));
        self.shared.metrics.reloaded("applied");
    }

    /// Counts a configuration that was refused; the one before stays in force.
    pub fn reload_refused(&self) {
        self.shared.metrics.reloaded("refused");
    }

    /// Where those are counted who keep watch over the audit log.
    pub fn witness_meter(&self) -> WitnessMeter {
        self.shared.metrics.witnesses.clone()
    }

    /// Takes no new connections, lets requests in flight finish within the drain timeout or until `hurry` is over, then
    /// closes. Returns how many connections had to be cut.
    pub async fn stop(self, hurry: impl Future<Output = ()>) -> usize {
        self.shared.draining.store(true, Ordering::Relaxed);
        let drain = self.shared.live.load().timeouts.drain;
        let _ = self.stop.send(true);
        let finished = tokio::select! {
            finished = wait_until_none(&self.open, drain) => finished,
            () = hurry => false,
        };
        for task in self.tasks {
            task.abort();
        }
        let cut = if finished { 0 } else { self.open.load(Ordering::Acquire) };
        drop(self.stop); // workers end when nobody can tell them anything any more
        let joining = tokio::task::spawn_blocking(move || {
            for worker in self.workers {
                let _ = worker.join();
            }
        });
        let _ = joining.await;
        cut
    }
}

/// How often a drain looks whether it is over.
const DRAIN_STEP: Duration = Duration::from_millis(10);

async fn wait_until_none(open: &AtomicUsize, at_most: Duration) -> bool {
    let none = async {
        while open.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(DRAIN_STEP).await;
        }
    };
    tokio::time::timeout(at_most, none).await.is_ok()
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { what, address, source })
}

fn local(socket: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, StartError> {
    socket.local_addr().map_err(|source| StartError::Listen { what: "a listener", address: asked, source })
}

type Lanes = Vec<worker::Lane>;

fn spawn_workers(
    count: usize,
    shared: &Arc<Shared>,
    stopping: &watch::Receiver<bool>,
) -> Result<(Vec<JoinHandle<()>>, Lanes), StartError> {
    let mut threads = Vec::with_capacity(count);
    let mut lanes = Vec::with_capacity(count);
    for number in 0..count {
        let (sender, receiver) = mpsc::channel(worker::LANE_CAPACITY);
        let load = Arc::new(AtomicUsize::new(0));
        let worker = Worker::new(shared.clone(), load.clone());
        let stopping = stopping.clone();
        let thread = std::thread::Builder::new()
            .name(format!("gateway-{number}"))
            .spawn(move || worker.run(receiver, stopping))
            .map_err(StartError::Worker)?;
        threads.push(thread);
        lanes.push(worker::Lane { sender, load });
    }
    Ok((threads, lanes))
}
