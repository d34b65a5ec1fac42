//! What came of a request: for the log, the metrics and whoever watches. Ids and numbers, never content.

use std::time::{Duration, Instant};

use botwarden_protocol::Usage;
use botwarden_types::{BotName, KeyId, RequestId, SessionId, UnixMs};

/// A step of a request's life whose time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Who asks.
    Identify,
    /// Whether limits known from the head leave room.
    Admit,
    /// Taking the body and reading it.
    Read,
    /// Charging every limit.
    Charge,
    /// Policy.
    Permit,
    /// Making the upstream's request, before it leaves.
    Forward,
    /// From the head of the upstream's answer to the head of ours.
    Screen,
}

impl Stage {
    /// In the order in which they happen.
    pub const ALL: [Stage; 7] = [
        Stage::Identify,
        Stage::Admit,
        Stage::Read,
        Stage::Charge,
        Stage::Permit,
        Stage::Forward,
        Stage::Screen,
    ];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Identify => "identify",
            Stage::Admit => "admit",
            Stage::Read => "read",
            Stage::Charge => "charge",
            Stage::Permit => "permit",
            Stage::Forward => "forward",
            Stage::Screen => "screen",
        }
    }
}

/// When each stage of one request ended.
#[derive(Clone, Debug)]
pub struct Timings {
    begun: Instant,
    last: Instant,
    spent: [Option<Duration>; Stage::ALL.len()],
    upstream: Option<Duration>,
}

impl Timings {
    pub(crate) fn begin() -> Self {
        let now = Instant::now();
        Self { begun: now, last: now, spent: [None; Stage::ALL.len()], upstream: None }
    }

    /// Ends `stage` now; returns the moment.
    pub(crate) fn end(&mut self, stage: Stage) -> Instant {
        let spent = self.lap();
        if let Some(slot) = self.spent.get_mut(stage as usize) {
            *slot = Some(spent);
        }
        self.last
    }

    /// Ends the wait for the upstream now; returns the moment.
    pub(crate) fn end_upstream(&mut self) -> Instant {
        self.upstream = Some(self.lap());
        self.last
    }

    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let spent = now.duration_since(self.last);
        self.last = now;
        spent
    }

    /// Time spent in each stage that was reached, in the order of [`Stage::ALL`].
    pub fn stages(&self) -> impl Iterator<Item = Option<Duration>> + '_ {
        self.spent.iter().copied()
    }

    /// From forwarding to the head of the answer.
    pub fn upstream(&self) -> Option<Duration> {
        self.upstream
    }

    /// From the beginning until now.
    pub fn total(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What the gateway itself added before the answer began.
    pub fn added(&self) -> Duration {
        self.stages().flatten().sum()
    }
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it was over.
    pub at: UnixMs,
    /// Its id.
    pub request: RequestId,
    /// The bot, once known.
    pub bot: Option<BotName>,
    /// The credential, once known.
    pub key: Option<KeyId>,
    /// The session, if it came with a session token.
    pub session: Option<SessionId>,
    /// What was asked: an operation's name, `backend`, or `none`.
    pub operation: &'static str,
    /// `allowed` or why not.
    pub verdict: &'static str,
    /// The status sent.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// Whether the answer was sent to its end.
    pub complete: bool,
    /// Tokens as the upstream counted them.
    pub usage: Option<Usage>,
    /// Where the time went.
    pub timings: Timings,
}

/// Whoever wants to know what became of each request. Called once a request, after its last byte, on the worker's own
/// thread: it must hand over and return.
pub trait Watch: Send + Sync + 'static {
    /// Takes notice.
    fn finished(&self, outcome: &Outcome);
}
