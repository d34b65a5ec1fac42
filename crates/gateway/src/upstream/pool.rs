//! Connections to upstreams that are kept for the next request. One pool a worker: nothing crosses threads.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::task::Context;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::link::Link;

/// Kept connections of one worker to one endpoint. Above it the oldest is closed.
const IDLE_MAX: usize = 256;
/// With the 10 s between two prunes below the keep-alive of common servers (75 s nginx, 60 s most balancers), so that we close
/// before they do.
const IDLE_FOR: Duration = Duration::from_secs(45);

/// Kept connections by endpoint. The lock is never contended: all its users run on one thread.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<Arc<str>, Vec<Idle>, ahash::RandomState>>,
}

struct Idle {
    link: Link,
    since: Instant,
}

impl Pool {
    /// The connection used last, if one is kept that is still open.
    pub(super) fn take(&self, endpoint: &str) -> Option<Link> {
        let mut idle = self.idle.lock();
        let kept = idle.get_mut(endpoint)?; // none has waited for longer than `prune` allows
        kept.pop().map(|idle| idle.link)
    }

    /// Holds `link` while its answer is under way.
    pub(super) fn lease(self: &Arc<Self>, endpoint: &Arc<str>, link: Link) -> Lease {
        Lease { pool: Arc::downgrade(self), endpoint: endpoint.clone(), link }
    }

    /// Closes connections that were not used for long or that the upstream has closed.
    pub(crate) fn prune(&self) {
        // An endpoint that a reload took away must not leave its place behind.
        self.idle.lock().retain(|_, kept| {
            kept.retain_mut(|idle| idle.since.elapsed() < IDLE_FOR && idle.link.is_ready());
            kept.shrink_to(IDLE_MAX / 8);
            !kept.is_empty()
        });
    }

    fn keep(&self, endpoint: Arc<str>, link: Link) {
        let mut idle = self.idle.lock();
        let kept = idle.entry(endpoint).or_default();
        if kept.len() >= IDLE_MAX {
            kept.remove(0);
        }
        kept.push(Idle { link, since: Instant::now() });
    }
}

/// A connection in use. Dropped without [`Lease::give_back`] it is closed: an answer that was not read to its end must not
/// meet the next request.
pub(crate) struct Lease {
    pool: Weak<Pool>,
    endpoint: Arc<str>,
    link: Link,
}

impl Lease {
    /// Reads and writes what can be without waiting.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        let _open = self.link.drive(cx); // the body tells whether it ended well
    }

    /// Keeps the connection, if its question was sent to the end; its answer was read to the end.
    pub(crate) fn give_back(self) {
        if let Some(pool) = self.pool.upgrade().filter(|_| self.link.is_sound()) {
            pool.keep(self.endpoint, self.link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_endpoint_without_connections_is_forgotten() {
        let pool = Pool::default();
        let (ours, theirs) = tokio::io::duplex(1024);
        pool.keep("http://here".into(), Link::open(ours).await.unwrap());
        pool.prune();
        assert_eq!(pool.idle.lock().len(), 1, "its connection is open");
        drop(theirs);
        pool.prune();
        assert_eq!(pool.idle.lock().len(), 0);
    }
}
