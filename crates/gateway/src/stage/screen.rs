//! Passes the answer on as it comes, reading along.
//!
//! The bytes are the upstream's own. The reader sees the same answer however it is cut into chunks; what it objects to
//! ends the answer: a stream with an error event that the SDKs raise, a document by breaking off.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use botwarden_identity::Principal;
use botwarden_policy::Place;
use botwarden_policy::quarantine::Quarantine;
use botwarden_protocol::{self as protocol, AnswerError, AnswerReader, ProposedCall, RefusalText};
use botwarden_types::{Delivery, Operation, UnixMs, UserName};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode, response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::headers::{for_caller, rewritten};
use crate::ledger::Receipt;
use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::forward::{Answered, Underway};
use crate::stage::identify::who;
use crate::stage::read::json_bounds;
use crate::stage::record::{Ending, Record};
use crate::tools::Relay;
use crate::upstream::{Lease, next_frame};

/// An answer that may go to the caller. Made by [`Worker::screen`] alone.
pub(crate) struct Screened {
    pub(super) head: response::Parts,
    pub(super) body: Source,
}

const TOO_SLOW: &str = "the answer took longer than `timeouts.upstream_total`";
const TOO_LONG: &str = "it is longer than `bounds.answer` allows";

/// Where the bytes of a screened answer come from.
pub(super) enum Source {
    /// The upstream, as they come.
    Passing(Box<Passing>),
    /// Read whole and rewritten.
    Rewritten(Bytes),
}

impl Worker {
    pub(crate) async fn screen(&self, answered: Answered, record: &mut Record) -> Result<Screened, Refusal> {
        let Answered(underway) = answered;
        let Underway { response, mut lease, bot, exchange, caller, user, sent, at } = *underway;
        let begun = self.shared.clock.wall();
        caller.still_valid(begun).map_err(|_| Refusal::BadCredential)?;
        self.stopped(&caller, user.as_ref())?;
        let (bounds, timeouts) = self.shared.bounds_and_timeouts();
        let ends_at = sent + timeouts.upstream_total; // an answer that begins late has less of it left
        let (mut head, body) = response.into_parts();
        check_head(&head)?;
        // Told beforehand, it can still be refused in words; found out on the way, all that is left is to break off.
        if body.size_hint().lower() > u64::try_from(bounds.answer_bytes_max).unwrap_or(u64::MAX) {
            return Err(Refusal::UpstreamAnswer(TOO_LONG));
        }
        let streamed = is_event_stream(&head.headers);
        for_caller(&mut head.headers);
        record.upstream_answered(head.status.as_u16());
        if exchange.operation == Operation::Models && exchange.model.is_empty() && head.status.is_success() {
            // Boxed: rare, and its state would lie in every request's.
            let whole = Box::pin(gather(body, &mut lease, bounds.answer_bytes_max, ends_at)).await?;
            lease.give_back();
            let granted = |model: &str| bot.config.models.iter().any(|models| models.matches(model));
            let kept = protocol::retain_models(exchange.dialect, &whole, &json_bounds(&bounds), granted)
                .map_err(|_| Refusal::UpstreamAnswer("it is not a list of models"))?;
            rewritten(&mut head.headers, kept.len());
            return Ok(Screened { head, body: Source::Rewritten(kept.into()) });
        }
        let head_is_success = head.status.is_success();
        let delivery = if streamed { Delivery::Streamed } else { Delivery::Whole };
        let between = if streamed { timeouts.upstream_between } else { timeouts.upstream_total };
        let passing = Passing {
            inner: Some(body),
            lease: Some(lease),
            reader: Some(AnswerReader::new(exchange.operation, delivery)),
            dialect: exchange.dialect,
            delivery,
            bytes: 0,
            held: VecDeque::new(),
            unfinished: Vec::new(),
            held_bytes: 0,
            unwritten: Vec::new(),
            is_over: false,
            is_success: head_is_success,
            sent: 0,
            bytes_max: bounds.answer_bytes_max,
            between,
            ends_at,
            last_byte: at,
            alarm: None,
            credential: streamed.then(|| Credential {
                caller,
                user,
                quarantine: self.shared.quarantine.clone(),
                begun,
                taken_back: None,
            }),
        };
        Ok(Screened { head, body: Source::Passing(Box::new(passing)) })
    }
}

/// What the head of an answer must not be.
fn check_head(head: &response::Parts) -> Result<(), Refusal> {
    match head.status {
        // They speak of the owner's account (and have been seen to quote its key), not of the caller's.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Refusal::UpstreamRefusedKey),
        status if status.is_redirection() => return Err(Refusal::UpstreamAnswer("it points elsewhere")),
        // 101 above all: what follows it would reach the caller as no HTTP.
        status if !(200..600).contains(&status.as_u16()) => {
            return Err(Refusal::UpstreamAnswer("its status is not that of an answer"));
        }
        _ => {}
    }
    if head.headers.get_all(CONTENT_ENCODING).iter().any(|encoding| encoding != "identity") {
        return Err(Refusal::UpstreamAnswer("it is compressed though asked not to be"));
    }
    Ok(())
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

async fn gather(
    mut body: Incoming,
    lease: &mut Lease,
    max: usize,
    deadline: Instant,
) -> Result<Bytes, Refusal> {
    let reading = async {
        let mut whole = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| next_frame(&mut body, lease, cx)).await {
            let Ok(data) = frame.map_err(|_| Refusal::UpstreamBroken)?.into_data() else { continue };
            if whole.len() + data.len() > max {
                return Err(Refusal::UpstreamAnswer(TOO_LONG));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    };
    tokio::time::timeout_at(deadline, reading).await.map_err(|_| Refusal::UpstreamTimeout)?
}

/// An upstream's answer under way.
pub(super) struct Passing {
    inner: Option<Incoming>,
    lease: Option<Lease>,
    reader: Option<AnswerReader>,
    dialect: botwarden_types::Dialect,
    delivery: Delivery,
    bytes: u64,
    /// Pieces that may not leave yet: a tool call in them is not complete, or not on disk.
    held: VecDeque<Bytes>,
    /// Pieces of an event that is not complete: a tool call may be in it.
    unfinished: Vec<Bytes>,
    /// Bytes in both.
    held_bytes: usize,
    /// Tool calls on their way to the disk.
    unwritten: Vec<Receipt>,
    /// The upstream has said everything.
    is_over: bool,
    /// It is an answer, not an error, of which the vendor's gateways make pages.
    is_success: bool,
    /// Bytes that have left.
    sent: u64,
    bytes_max: usize,
    between: Duration,
    ends_at: Instant,
    last_byte: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
    credential: Option<Credential>,
}

/// What a stream stands on: it is cut when that is taken back, or when an operator stops it.
struct Credential {
    caller: Principal,
    user: Option<UserName>,
    quarantine: Arc<Quarantine>,
    /// When the stream began. A credential that runs out afterwards lets it end; one that is taken back does not.
    begun: UnixMs,
    taken_back: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Credential {
    /// Asked for each piece, since a reader slower than the model never leaves anything to wait for: some atomic reads.
    fn is_over(&self) -> bool {
        self.caller.still_valid(self.begun).is_err() || self.is_stopped()
    }

    fn is_stopped(&self) -> bool {
        self.quarantine.stops(who(&self.caller, self.user.as_ref())).is_some()
    }

    /// Ready when it is revoked or the session ends: wakes a stream that waits.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { caller, user, quarantine, taken_back, .. } = self;
        let taken_back = taken_back.get_or_insert_with(|| {
            let (caller, user, quarantine) = (caller.clone(), user.clone(), quarantine.clone());
            Box::pin(async move {
                tokio::select! {
                    _why = caller.taken_back() => {}
                    _kind = quarantine.stopped(who(&caller, user.as_ref())) => {}
                }
            })
        });
        taken_back.as_mut().poll(cx)
    }
}

/// The body of an answer, on its way to the caller.
pub(crate) struct Answer {
    source: AnswerSource,
    record: Record,
}

enum AnswerSource {
    Own(Option<Bytes>),
    Passing(Box<Passing>),
    Steps(Box<Relay>),
}

/// Why an answer broke off. Seen by the HTTP layer alone, which closes the connection.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut: {0}")]
pub(crate) struct Cut(&'static str);

impl Answer {
    pub(super) fn new(source: Source, record: Record) -> Self {
        match source {
            Source::Passing(passing) => Self { source: AnswerSource::Passing(passing), record },
            Source::Rewritten(bytes) => Self::own(bytes, record),
        }
    }

    /// A body of our own, recorded at once: what follows is up to the network.
    pub(super) fn own(bytes: Bytes, mut record: Record) -> Self {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        record.close(Ending {
            usage: None,
            counted: false,
            text_bytes: 0,
            bytes_out: length,
            complete: true,
        });
        Self { source: AnswerSource::Own((!bytes.is_empty()).then_some(bytes)), record }
    }
}

impl Answer {
    /// What a tool does, step by step.
    pub(super) fn steps(relay: Box<Relay>, record: Record) -> Self {
        Self { source: AnswerSource::Steps(relay), record }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Self { source, record } = self.get_mut();
        match source {
            AnswerSource::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            AnswerSource::Passing(passing) => passing.poll(record, cx),
            AnswerSource::Steps(relay) => poll_steps(relay, record, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            AnswerSource::Own(bytes) => bytes.is_none(),
            AnswerSource::Passing(passing) => passing.inner.is_none(),
            AnswerSource::Steps(relay) => relay.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            AnswerSource::Own(bytes) => SizeHint::with_exact(
                bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            ),
            AnswerSource::Passing(passing) => {
                let rest = passing.inner.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint);
                let held = passing.held_bytes as u64;
                rest.exact().map_or(rest, |rest| SizeHint::with_exact(rest.saturating_add(held)))
            }
            AnswerSource::Steps(_) => SizeHint::default(),
        }
    }
}

fn poll_steps(
    relay: &mut Relay,
    record: &mut Record,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
    let Some((piece, verdict)) = ready!(relay.poll(cx)) else { return Poll::Ready(None) };
    record.passes(&piece);
    if let Some(verdict) = verdict {
        if verdict != "allowed" {
            record.cut(verdict);
        }
        let bytes_out = relay.bytes();
        record.close(Ending { usage: None, counted: false, text_bytes: 0, bytes_out, complete: true });
    }
    Poll::Ready(Some(Ok(Frame::data(piece))))
}

impl Drop for Answer {
    /// The caller hung up before the end: what was sent until then is what is recorded.
    fn drop(&mut self) {
        if let AnswerSource::Passing(passing) = &mut self.source
            && passing.inner.is_some()
        {
            passing.end(&mut self.record, false);
        }
    }
}

impl Passing {
    fn poll(&mut self, record: &mut Record, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            if self.inner.is_none() {
                return Poll::Ready(None);
            }
            while let Some(receipt) = self.unwritten.last_mut() {
                match receipt.as_mut().poll(cx) {
                    Poll::Ready(true) => self.unwritten.pop(),
                    Poll::Ready(false) => return Poll::Ready(self.cut_unrecorded(record)),
                    Poll::Pending if self.poll_taken_back(cx).is_ready() => {
                        return Poll::Ready(self.cut_taken_back(record));
                    }
                    Poll::Pending => {
                        ready!(self.poll_alarm(cx));
                        return Poll::Ready(self.cut_unrecorded(record));
                    }
                };
            }
            // What was held back goes by the same rules as what comes.
            if !self.held.is_empty() {
                if self.credential.as_ref().is_some_and(Credential::is_over) {
                    return Poll::Ready(self.cut_taken_back(record));
                }
                if Instant::now() >= self.ends_at {
                    return Poll::Ready(self.cut(record, "upstream-timeout", TOO_SLOW));
                }
            }
            if let Some(piece) = self.let_go() {
                return Poll::Ready(Some(Ok(self.passes(record, piece))));
            }
            if self.is_over {
                self.end(record, true);
                return Poll::Ready(None);
            }
            if let Some(result) = ready!(self.poll_next(record, cx)) {
                return Poll::Ready(result);
            }
        }
    }

    /// Takes what comes next. Nothing, if it is held back.
    #[expect(clippy::type_complexity, reason = "what a body gives, if it gives anything yet")]
    fn poll_next(
        &mut self,
        record: &mut Record,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Option<Result<Frame<Bytes>, Cut>>>> {
        let (Some(inner), Some(lease)) = (&mut self.inner, &mut self.lease) else {
            return Poll::Ready(Some(None));
        };
        let frame = match next_frame(inner, lease, cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                if self.poll_taken_back(cx).is_ready() {
                    return Poll::Ready(Some(self.cut_taken_back(record)));
                }
                ready!(self.poll_alarm(cx));
                return Poll::Ready(Some(self.cut(record, "upstream-timeout", "the upstream fell silent")));
            }
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.take(record, data),
                Err(_) => None, // trailers end an answer; the dialects have none
            },
            Some(Err(_)) => Some(self.cut(record, "upstream-broken", "the upstream broke off")),
            None => self.take_end(record),
        })
    }

    /// Looks at a piece: it is passed on, or held back (`None`).
    fn take(&mut self, record: &mut Record, data: Bytes) -> Option<Option<Result<Frame<Bytes>, Cut>>> {
        if self.credential.as_ref().is_some_and(Credential::is_over) {
            return Some(self.cut_taken_back(record));
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if self.bytes > u64::try_from(self.bytes_max).unwrap_or(u64::MAX) {
            return Some(self.cut(
                record,
                "upstream-answer",
                "the answer is longer than `bounds.answer` allows",
            ));
        }
        let Some(reader) = &mut self.reader else { return Some(None) };
        if reader.push(&data).is_err() {
            return Some(self.cut(record, "upstream-answer", "the upstream's answer cannot be read"));
        }
        let calls = reader.take_calls();
        if let Some(cut) = self.write_down(record, &calls) {
            return Some(cut);
        }
        if self.inner.as_ref().is_some_and(Body::is_end_stream) {
            if let Some(cut) = self.take_end(record) {
                return Some(cut);
            }
        } else {
            self.last_byte = Instant::now();
            // A client that takes a little now and then never lets the alarm below ring.
            if self.last_byte >= self.ends_at {
                return Some(self.cut(record, "upstream-timeout", TOO_SLOW));
            }
        }
        // Nearly every piece ends where an event does and has no call in it: it was looked at just now, and need not be again.
        let is_whole = self.reader.as_ref().is_none_or(|reader| reader.unfinished() == 0);
        if is_whole && self.held_bytes == 0 && self.unwritten.is_empty() && !self.is_held_back() {
            return Some(Some(Ok(self.passes(record, data))));
        }
        self.hold(data);
        None
    }

    /// Holds a piece. All of them together are no more than the answer may have.
    fn hold(&mut self, mut data: Bytes) {
        self.held_bytes += data.len();
        let unfinished = self.reader.as_ref().filter(|_| !self.is_over).map_or(0, AnswerReader::unfinished);
        let complete = data.split_to(data.len().saturating_sub(unfinished));
        if !complete.is_empty() || self.is_over {
            self.held.extend(self.unfinished.drain(..));
            self.held.extend((!complete.is_empty()).then_some(complete));
        }
        self.unfinished.extend((!data.is_empty()).then_some(data));
    }

    /// The upstream has said everything: what calls are left are complete, or never will be.
    fn take_end(&mut self, record: &mut Record) -> Option<Option<Result<Frame<Bytes>, Cut>>> {
        self.is_over = true;
        self.held.extend(self.unfinished.drain(..));
        match self.reader.as_mut().map(AnswerReader::end) {
            Some(Ok(calls)) => self.write_down(record, &calls),
            // A page that says that something is wrong proposes nothing.
            Some(Err(AnswerError::Json(_))) if !self.is_success && self.delivery == Delivery::Whole => None,
            Some(Err(_)) => Some(self.cut(record, "upstream-answer", "the upstream's answer cannot be read")),
            None => None,
        }
    }

    /// Writes down calls; no piece leaves before that is on disk.
    fn write_down(
        &mut self,
        record: &mut Record,
        calls: &[ProposedCall],
    ) -> Option<Option<Result<Frame<Bytes>, Cut>>> {
        for call in calls {
            match record.tool(Place::Proposed, call, None) {
                Some(receipt) => self.unwritten.push(receipt),
                None => return Some(self.cut_unrecorded(record)),
            }
        }
        None
    }

    /// Whether what has come stays for now.
    fn is_held_back(&self) -> bool {
        let reader = self.reader.as_ref().filter(|_| !self.is_over);
        reader.is_some_and(|reader| reader.is_in_call() || reader.is_read_at_its_end())
    }

    /// The oldest piece that was held back, if it may go.
    fn let_go(&mut self) -> Option<Bytes> {
        if self.is_held_back() {
            return None;
        }
        let piece = self.held.pop_front()?;
        self.held_bytes -= piece.len();
        Some(piece)
    }

    /// Ready when the credential is taken back.
    fn poll_taken_back(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.credential.as_mut().map_or(Poll::Pending, |credential| credential.poll_over(cx))
    }

    /// A piece leaves; with the last one the answer is over.
    fn passes(&mut self, record: &mut Record, piece: Bytes) -> Frame<Bytes> {
        record.passes(&piece);
        self.sent = self.sent.saturating_add(piece.len() as u64);
        if self.is_over && self.held.is_empty() {
            self.end(record, true);
        }
        Frame::data(piece)
    }

    /// Ready when the upstream took too long. The timer is set once and moved only when it fires.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // While it is the disk that is waited for, the upstream is not late.
            let silent = self.unwritten.is_empty().then(|| self.last_byte + self.between);
            let due = silent.map_or(self.ends_at, |due| due.min(self.ends_at));
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            ready!(alarm.as_mut().poll(cx));
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(due);
        }
    }

    fn cut_taken_back(&mut self, record: &mut Record) -> Option<Result<Frame<Bytes>, Cut>> {
        let is_stopped = self.credential.as_ref().is_some_and(Credential::is_stopped);
        self.credential = None; // a future that is over must not be polled again
        if is_stopped {
            return self.cut(record, "quarantined", "an operator has stopped this");
        }
        self.cut(record, "bad-credential", "the credential was taken back")
    }

    fn cut_unrecorded(&mut self, record: &mut Record) -> Option<Result<Frame<Bytes>, Cut>> {
        self.unwritten.clear(); // a future that is over must not be polled again
        self.cut(record, "unrecorded", "a tool call could not be written to the audit log")
    }

    /// Ends the answer early: a stream with an event that says so, a document by breaking off.
    fn cut(
        &mut self,
        record: &mut Record,
        reason: &'static str,
        message: &'static str,
    ) -> Option<Result<Frame<Bytes>, Cut>> {
        record.cut(reason);
        let refusal =
            RefusalText { trouble: protocol::Trouble::Upstream, code: reason, message, param: None };
        let event = protocol::stream_error_event(self.dialect, &refusal, record.request_id());
        self.end(record, false);
        match self.delivery {
            Delivery::Streamed => Some(Ok(Frame::data(event.into()))),
            Delivery::Whole => Some(Err(Cut(message))),
        }
    }

    /// Settles and records. The connection is kept only if the answer was `read` to its end.
    fn end(&mut self, record: &mut Record, read: bool) {
        self.inner = None;
        self.held.clear();
        self.unfinished.clear();
        self.held_bytes = 0;
        if let Some(lease) = self.lease.take().filter(|_| read) {
            lease.give_back();
        }
        let outcome = self.reader.take().map(AnswerReader::finish).unwrap_or_default();
        record.close(Ending {
            usage: outcome.usage,
            counted: read || outcome.ended,
            text_bytes: outcome.output_bytes_seen,
            bytes_out: self.sent,
            // A server that gives up in the middle of a stream may close it properly all the same.
            complete: read && (self.delivery == Delivery::Whole || outcome.ended),
        });
    }
}
