//! One core's share of the connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use super::acceptor::Ticket;
use super::{Peer, connection};
use crate::state::Shared;
use crate::upstream::Pool;

/// Accepted connections that wait for their worker. Above it the acceptor waits, and the kernel's backlog holds the rest.
pub(super) const LANE_CAPACITY: usize = 1024;
/// How often kept upstream connections are looked through.
const PRUNE_EVERY: Duration = Duration::from_secs(10);

/// The way to a worker.
pub(super) struct Lane {
    pub(super) sender: mpsc::Sender<Arrival>,
    /// Connections the worker has.
    pub(super) load: Arc<AtomicUsize>,
}

/// An accepted connection on its way to its worker.
pub(super) struct Arrival {
    pub(super) socket: std::net::TcpStream,
    pub(super) peer: Peer,
    pub(super) ticket: Ticket,
}

/// One core's share of the gateway.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pool: Arc<Pool>,
    load: Arc<AtomicUsize>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, load: Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self { shared, pool: Arc::default(), load })
    }

    /// Serves what comes down the lane until the gateway has stopped.
    pub(super) fn run(self: Arc<Self>, arrivals: mpsc::Receiver<Arrival>, stopping: watch::Receiver<bool>) {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(self.serve_connections(arrivals, stopping)),
            Err(error) => tracing::error!(%error, "a worker has no runtime"),
        }
    }

    async fn serve_connections(
        self: Arc<Self>,
        mut arrivals: mpsc::Receiver<Arrival>,
        stopping: watch::Receiver<bool>,
    ) {
        let mut prune = tokio::time::interval(PRUNE_EVERY);
        let mut gone = stopping.clone();
        loop {
            tokio::select! {
                arrival = arrivals.recv() => match arrival {
                    Some(arrival) => self.clone().take(arrival, stopping.clone()),
                    None => break,
                },
                _ = prune.tick() => self.pool.prune(),
            }
        }
        // No more connections come; those that are here finish until the gateway drops the other end.
        while gone.changed().await.is_ok() {}
    }

    fn take(self: Arc<Self>, arrival: Arrival, stopping: watch::Receiver<bool>) {
        let Arrival { socket, peer, ticket } = arrival;
        let socket = match TcpStream::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => return tracing::warn!(%error, "an accepted connection could not be served"),
        };
        self.load.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            connection::serve(self.clone(), socket, peer, stopping).await;
            self.load.fetch_sub(1, Ordering::Relaxed);
            drop(ticket);
        });
    }
}
