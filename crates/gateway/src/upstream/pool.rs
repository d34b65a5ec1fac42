//! Connections to upstreams that are kept for the next request. One pool a worker: nothing crosses threads.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Sender;

/// Kept connections of one worker to one endpoint. Above it the oldest is closed.
const IDLE_MAX: usize = 256;
/// Below the keep-alive of common servers (75 s nginx, 60 s most balancers), so that we close before they do.
const IDLE_FOR: Duration = Duration::from_secs(50);

/// Kept connections by endpoint.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<Arc<str>, Vec<Idle>, ahash::RandomState>>,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

impl Pool {
    /// The connection used last, if one is kept and still open.
    pub(crate) fn take(&self, endpoint: &str) -> Option<Sender> {
        let mut idle = self.idle.lock();
        let kept = idle.get_mut(endpoint)?;
        while let Some(Idle { sender, since }) = kept.pop() {
            if !sender.is_closed() && since.elapsed() < IDLE_FOR {
                return Some(sender);
            }
        }
        None
    }

    /// Holds `sender` while its answer is under way.
    pub(crate) fn lease(self: &Arc<Self>, endpoint: &Arc<str>, sender: Sender) -> Lease {
        Lease { pool: Arc::downgrade(self), endpoint: endpoint.clone(), sender }
    }

    /// Closes connections that were not used for long.
    pub(crate) fn prune(&self) {
        for kept in self.idle.lock().values_mut() {
            kept.retain(|idle| idle.since.elapsed() < IDLE_FOR && !idle.sender.is_closed());
            kept.shrink_to(IDLE_MAX / 8);
        }
    }

    fn keep(&self, endpoint: Arc<str>, sender: Sender) {
        let mut idle = self.idle.lock();
        let kept = idle.entry(endpoint).or_default();
        if kept.len() >= IDLE_MAX {
            kept.remove(0);
        }
        kept.push(Idle { sender, since: Instant::now() });
    }
}

/// A connection in use. Dropped without [`Lease::give_back`] it is closed: an answer that was not read to its end must not
/// meet the next request.
pub(crate) struct Lease {
    pool: Weak<Pool>,
    endpoint: Arc<str>,
    sender: Sender,
}

impl Lease {
    /// Keeps the connection; its answer was read to the end.
    pub(crate) fn give_back(self) {
        if let Some(pool) = self.pool.upgrade().filter(|_| !self.sender.is_closed()) {
            pool.keep(self.endpoint, self.sender);
        }
    }
}
