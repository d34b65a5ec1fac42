//! Takes connections, within bounds, and deals them to the least loaded worker.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::worker::{Arrival, Lane};
use super::{Lanes, Peer};
use crate::route::Door;
use crate::state::Shared;

/// After an error of the listener itself (out of file descriptors), so that it does not spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections from listeners.
#[derive(Clone)]
pub(super) struct Acceptor {
    shared: Arc<Shared>,
    lanes: Arc<Lanes>,
    open: Arc<AtomicUsize>,
    by_address: Arc<ByAddress>,
}

type ByAddress = Mutex<HashMap<IpAddr, usize, ahash::RandomState>>;

/// A place among the open connections; given back when dropped.
pub(super) struct Ticket {
    shared: Arc<Shared>,
    open: Arc<AtomicUsize>,
    by_address: Arc<ByAddress>,
    address: IpAddr,
}

impl Acceptor {
    pub(super) fn new(shared: Arc<Shared>, lanes: Lanes, open: Arc<AtomicUsize>) -> Self {
        Self { shared, lanes: Arc::new(lanes), open, by_address: Arc::default() }
    }

    /// Accepts until the gateway stops; then the listener is closed and further connections are refused by the kernel.
    pub(super) async fn run(self, listener: TcpListener, door: Door, mut stopping: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.changed() => return,
            };
            match accepted {
                Ok((socket, from)) => self.deal(socket, Peer { address: canonical(from.ip()), door }).await,
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn deal(&self, socket: TcpStream, peer: Peer) {
        let ticket = match self.ticket(peer.address) {
            Ok(ticket) => ticket,
            Err(reason) => return self.shared.metrics.connection_refused(reason),
        };
        let Ok(socket) = socket.set_nodelay(true).and_then(|()| socket.into_std()) else { return };
        let lane = self.lanes.iter().min_by_key(|lane| lane.load.load(Ordering::Relaxed));
        if let Some(Lane { sender, .. }) = lane {
            let _ = sender.send(Arrival { socket, peer, ticket }).await;
        }
    }

    fn ticket(&self, address: IpAddr) -> Result<Ticket, &'static str> {
        let bounds = self.shared.live.load().bounds;
        let address = network(address);
        if self.open.load(Ordering::Acquire) >= bounds.connections_max {
            return Err("connections");
        }
        let mut by_address = self.by_address.lock();
        let count = by_address.entry(address).or_default();
        if *count >= bounds.connections_per_address_max {
            return Err("connections_per_address");
        }
        *count += 1;
        self.open.fetch_add(1, Ordering::AcqRel);
        self.shared.metrics.connections.inc();
        Ok(Ticket {
            shared: self.shared.clone(),
            open: self.open.clone(),
            by_address: self.by_address.clone(),
            address,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut by_address = self.by_address.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
        self.open.fetch_sub(1, Ordering::AcqRel);
        self.shared.metrics.connections.dec();
    }
}

/// An IPv4 address that came through an IPv6 socket is the same address.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// One customer's IPv6 network is a /64: its addresses count as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}
