//! What it takes to speak to a tool server: connections, time, room.

use std::sync::Arc;
use std::time::Duration;

use botwarden_protocol as protocol;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Fault;
use crate::config::{Bounds, Timeouts};
use crate::stage::read::json_bounds;
use crate::upstream::Pool;

/// What one exchange with a tool server may use.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(crate) pool: Arc<Pool>,
    /// Until a connection is there.
    pub(crate) connect: Duration,
    /// Until all of it is over.
    pub(crate) deadline: Instant,
    /// Bytes of an answer.
    pub(crate) bytes_max: usize,
    /// What its JSON may be.
    pub(crate) json: protocol::Bounds,
}

impl Reach {
    pub(crate) fn new(pool: &Arc<Pool>, bounds: &Bounds, timeouts: &Timeouts, time: Duration) -> Self {
        let bytes_max = bounds.answer_bytes_max;
        Self {
            pool: pool.clone(),
            connect: timeouts.upstream_connect,
            deadline: Instant::now() + time,
            bytes_max,
            json: protocol::Bounds { string_bytes_max: bytes_max, ..json_bounds(bounds) },
        }
    }

    /// Waits for `work` until the deadline.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        tokio::time::timeout_at(self.deadline, work).await.unwrap_or(Err(Fault::TimedOut))
    }
}

/// How far a call is: the numbers, as its server wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) progress: String,
    pub(crate) total: Option<String>,
}

/// Whoever wants to hear of steps. Bounded; a step that finds no room is left out, as a later one says more.
pub(crate) type Steps = mpsc::Sender<Step>;

/// Steps that wait for a client to take them.
pub(crate) const STEPS_MAX: usize = 16;

/// A request to a tool server.
pub(crate) struct Request<'r> {
    /// By which its answer is known.
    pub(crate) id: u64,
    pub(crate) method: &'static str,
    /// The tool, if it calls one.
    pub(crate) tool: Option<&'r str>,
    /// Headers that repeat arguments.
    pub(crate) params: Vec<(String, String)>,
    /// Who hears of steps.
    pub(crate) steps: Option<&'r Steps>,
}

impl<'r> Request<'r> {
    pub(crate) fn new(id: u64, method: &'static str) -> Self {
        Self { id, method, tool: None, params: Vec::new(), steps: None }
    }

    /// Takes notice of how far it is.
    pub(crate) fn step(&self, progress: String, total: Option<String>) {
        if let Some(steps) = self.steps {
            let _ = steps.try_send(Step { progress, total });
        }
    }
}
