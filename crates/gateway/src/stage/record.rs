//! What is kept of a request while it runs, and the one place where it is closed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use botwarden_identity::Principal;
use botwarden_limit::{Admission, Standing};
use botwarden_policy::Place;
use botwarden_protocol::mcp::Id;
use botwarden_protocol::{ProposedCall, Usage};
use botwarden_types::{KeyId, Now, RequestId, UnixMs, UserName};
use smallvec::SmallVec;

use crate::desk::Desk;
use crate::ledger::{Decided, Receipt, ToolDecided};
use crate::outcome::{Outcome, Stage, Timings};
use crate::refusal::Refusal;
use crate::route::Route;
use crate::stage::charge::output_from_bytes;
use crate::stage::disclose::Policies;
use crate::stage::keep::Keeping;
use crate::state::{Bot, Shared};

/// The running record of one request. Closed once: at the last byte, or when it is dropped because the client hung up.
///
/// Boxed, because it goes along with the request and then with its answer.
pub(crate) struct Record(Box<Running>);

/// How an answer ended.
pub(crate) struct Ending {
    /// Tokens as the upstream counted them.
    pub(crate) usage: Option<Usage>,
    /// Whether it counted to the end: a caller who hangs up must not profit from the count so far.
    pub(crate) counted: bool,
    /// Bytes of text in the answer, for where it did not count.
    pub(crate) text_bytes: u64,
    pub(crate) bytes_out: u64,
    pub(crate) complete: bool,
}

struct Running {
    shared: Arc<Shared>,
    outcome: Outcome,
    admission: Option<Admission>,
    bot: Option<Arc<Bot>>,
    input_estimate: u64,
    reserved: u64,
    random: u64,
    progress: Progress,
    /// The status of the upstream's answer, once its head has come.
    upstream_status: Option<u16>,
    /// What was decided, on its way to the disk.
    receipt: Option<Receipt>,
    /// Whether a decision was written, so that its outcome is too.
    is_decided: bool,
    /// The address it came from.
    address: Option<IpAddr>,
    /// For whom it was decided.
    user: Option<UserName>,
    /// What is kept of the exchange, if anything.
    keeping: Option<Keeping>,
    /// By which a client of tools knows its answer.
    rpc: Option<Id>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing went to an upstream: no tokens were used.
    Ours,
    /// The upstream may have begun to work.
    Forwarded,
    /// Outcome recorded.
    Closed,
}

impl Record {
    pub(crate) fn begin(shared: &Arc<Shared>) -> Self {
        let (request, random) = shared.next_request();
        shared.metrics.in_flight.inc();
        let outcome = Outcome {
            at: UnixMs::default(),
            request,
            bot: None,
            key: None,
            session: None,
            operation: "none",
            verdict: "allowed",
            status: 0,
            bytes_in: 0,
            bytes_out: 0,
            complete: false,
            usage: None,
            timings: Timings::begin(),
        };
        Self(Box::new(Running {
            shared: shared.clone(),
            outcome,
            admission: None,
            bot: None,
            input_estimate: 0,
            reserved: 0,
            random,
            progress: Progress::Ours,
            upstream_status: None,
            receipt: None,
            is_decided: false,
            address: None,
            user: None,
            keeping: None,
            rpc: None,
        }))
    }

    pub(crate) fn request(&self) -> &RequestId {
        &self.0.outcome.request
    }

    /// The address it came from.
    pub(crate) fn from(&mut self, address: IpAddr) {
        self.0.address = Some(address);
    }

    /// Writes down that the request may go on; refuses if that cannot be written.
    pub(crate) fn decide(&mut self, user: Option<&UserName>, model: Option<&str>) -> Result<(), Refusal> {
        self.0.user = user.cloned();
        self.write_decision(user, model, None).ok_or(Refusal::Unrecorded)
    }

    /// Hands over what was decided about a tool call; `None` if it cannot be written.
    pub(crate) fn tool(
        &self,
        place: Place,
        call: &ProposedCall,
        refused: Option<&'static str>,
    ) -> Option<Receipt> {
        let Running { shared, outcome, address, user, .. } = &*self.0;
        shared.ledger.tool(&ToolDecided {
            request: &outcome.request,
            at: shared.clock.wall(),
            bot: outcome.bot.as_ref()?,
            user: user.as_ref(),
            address: (*address)?,
            place,
            call,
            refused,
        })
    }

    /// Hands over what a backend answers for a person, and waits until that outlives a loss of power.
    pub(crate) fn answer_given(
        &self,
        by: &KeyId,
        action: &'static str,
        target: &str,
    ) -> impl Future<Output = Result<(), Refusal>> + use<> {
        let Running { shared, .. } = &*self.0;
        let receipt = shared.ledger.answered(shared.clock.wall(), by, action, target);
        async move {
            match receipt {
                Some(receipt) => receipt.await.then_some(()).ok_or(Refusal::Unrecorded),
                None => Err(Refusal::Unrecorded),
            }
        }
    }

    /// Waits until what was decided outlives a loss of power: no byte of an answer leaves before.
    pub(crate) async fn durable(&mut self) -> Result<(), Refusal> {
        match self.0.receipt.take() {
            Some(receipt) => receipt.await.then_some(()).ok_or(Refusal::Unrecorded),
            None => Ok(()),
        }
    }

    /// Hands a decision over, where it is known who asks: strangers could fill the log.
    fn write_decision(
        &mut self,
        user: Option<&UserName>,
        model: Option<&str>,
        refused: Option<&'static str>,
    ) -> Option<()> {
        let Running { shared, outcome, address, reserved, .. } = &*self.0;
        let (Some(bot), Some(key), Some(address)) = (&outcome.bot, &outcome.key, *address) else {
            return Some(());
        };
        let receipt = shared.ledger.decided(&Decided {
            request: &outcome.request,
            at: shared.clock.wall(),
            bot,
            key,
            session: outcome.session.as_ref(),
            user,
            address,
            operation: outcome.operation,
            model,
            refused,
            tokens: *reserved,
        })?;
        self.0.is_decided = true;
        // What is refused releases nothing, so nobody waits for its decision.
        self.0.receipt = refused.is_none().then_some(receipt);
        Some(())
    }

    /// From here on the exchange is gathered.
    pub(crate) fn keeps(&mut self, keeping: Keeping) {
        self.0.keeping = Some(keeping);
    }

    /// A piece of the answer goes to the caller.
    pub(crate) fn passes(&mut self, piece: &[u8]) {
        if let Some(keeping) = &mut self.0.keeping {
            keeping.passes(piece);
        }
    }

    pub(crate) fn request_id(&self) -> &str {
        self.0.outcome.request.as_str()
    }

    /// 64 bits that look random and differ for each request.
    pub(crate) fn random(&self) -> u64 {
        self.0.random
    }

    pub(crate) fn caller(&mut self, caller: &Principal) {
        self.0.outcome.bot = Some(caller.bot.clone());
        self.0.outcome.key = Some(caller.key.clone());
        self.0.outcome.session = caller.session.as_ref().map(|session| session.id.clone());
    }

    pub(crate) fn route(&mut self, route: &Route) {
        self.0.outcome.operation = match route {
            Route::Model(operation) => operation.as_str(),
            Route::OneModel(_) => "models",
            Route::Root => "root",
            Route::Tools(_) => "mcp",
            Route::Backend(_) => "backend",
        };
    }

    /// More is known of what is asked than its path told.
    pub(crate) fn operation(&mut self, operation: &'static str) {
        self.0.outcome.operation = operation;
    }

    /// A client of tools asks under that id.
    pub(crate) fn asks(&mut self, id: Option<Id>) {
        self.0.rpc = id;
    }

    /// The id under which a client of tools asks.
    pub(crate) fn rpc(&self) -> Option<&Id> {
        self.0.rpc.as_ref()
    }

    pub(crate) fn bot(&mut self, bot: &Arc<Bot>) {
        self.0.bot = Some(bot.clone());
    }

    pub(crate) fn bytes_in(&mut self, bytes: usize) {
        self.0.outcome.bytes_in = u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// `reserved` tokens, the estimate of the question among them.
    pub(crate) fn charged(&mut self, admission: Admission, input_estimate: u64, reserved: u64) {
        self.0.admission = Some(admission);
        self.0.input_estimate = input_estimate;
        self.0.reserved = reserved;
    }

    /// Where the caller stands in each limit, after this request.
    pub(crate) fn standings(&self) -> SmallVec<[Standing<'_>; 6]> {
        self.0.admission.as_ref().map(Admission::standings).unwrap_or_default()
    }

    /// What callers of the bot are told of its rules, made beforehand.
    pub(crate) fn policies(&self) -> Option<&Policies> {
        self.0.bot.as_ref().and_then(|bot| bot.policies.as_ref())
    }

    pub(crate) fn forwarded(&mut self) {
        self.0.progress = Progress::Forwarded;
    }

    /// Ends `stage`; returns the moment.
    pub(crate) fn end(&mut self, stage: Stage) -> Instant {
        self.0.outcome.timings.end(stage)
    }

    /// Ends the wait for the upstream; returns the moment.
    pub(crate) fn end_upstream(&mut self) -> Instant {
        self.0.outcome.timings.end_upstream()
    }

    /// The head of the upstream's answer has come.
    pub(crate) fn upstream_answered(&mut self, status: u16) {
        self.0.upstream_status = Some(status);
        self.0.outcome.status = status;
    }

    /// We answer ourselves.
    pub(crate) fn answered(&mut self, status: u16) {
        self.0.outcome.status = status;
    }

    pub(crate) fn refused(&mut self, refusal: &Refusal, status: u16, reason: &'static str) {
        if !self.0.is_decided {
            let _ = self.write_decision(None, None, Some(reason));
        }
        self.0.outcome.verdict = reason;
        self.0.outcome.status = status;
        if matches!(
            refusal,
            Refusal::UpstreamUnreachable | Refusal::UpstreamUnconnected | Refusal::UpstreamRefusedKey
        ) {
            self.0.progress = Progress::Ours; // it did no work
        }
    }

    /// Where tool calls are decided.
    pub(crate) fn desk(&self) -> &Desk {
        &self.0.shared.desk
    }

    /// The calls of an answer were refused, and it says so instead.
    pub(crate) fn replaced(&mut self, reason: &'static str) {
        self.0.outcome.verdict = reason;
    }

    /// An answer that had begun was ended early by us.
    pub(crate) fn cut(&mut self, reason: &'static str) {
        self.0.outcome.verdict = reason;
    }

    /// Settles the charge by what the answer told in the end. An answer that told nothing gives nothing back: the caller
    /// chooses whether a stream tells (and when to hang up), and reasoning that is not shown leaves no text to go by.
    fn settle(&mut self, now: Now, ending: &Ending) {
        self.0.outcome.usage = ending.usage;
        let Some(admission) = &mut self.0.admission else { return };
        let told = ending.usage.map(|usage| usage.input_tokens.saturating_add(usage.output_tokens));
        let tokens = match (told, self.0.progress, self.0.upstream_status) {
            (Some(told), ..) if ending.counted => told,
            // Nobody knows what it cost: the reservation stands, so that hanging up early saves nothing.
            (_, Progress::Forwarded, None) => return,
            (_, Progress::Forwarded, Some(status)) if status < 400 => {
                let seen = self.0.input_estimate.saturating_add(output_from_bytes(ending.text_bytes));
                self.0.reserved.max(seen).max(told.unwrap_or(0))
            }
            _ => 0, // never left, or the upstream itself refused
        };
        admission.settle(now, tokens);
    }

    /// Settles and ends the record. Later calls do nothing.
    pub(crate) fn close(&mut self, ending: Ending) {
        if self.0.progress == Progress::Closed {
            return;
        }
        let now = self.0.shared.clock.now();
        self.settle(now, &ending);
        self.0.progress = Progress::Closed;
        self.0.admission = None; // gives the open-stream places back
        self.0.outcome.at = now.wall;
        self.0.outcome.bytes_out = ending.bytes_out;
        self.0.outcome.complete = ending.complete;
        self.0.shared.metrics.in_flight.dec();
        self.0.shared.metrics.finished(&self.0.outcome, self.0.bot.as_ref().map(|bot| &bot.counters));
        for watcher in &self.0.shared.watchers {
            watcher.finished(&self.0.outcome);
        }
        if self.0.is_decided {
            self.0.shared.ledger.finished(&self.0.outcome);
        }
        if let Some(keeping) = self.0.keeping.take() {
            keeping.finish(&self.0.outcome);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.close(Ending { usage: None, counted: false, text_bytes: 0, bytes_out: 0, complete: false });
    }
}
