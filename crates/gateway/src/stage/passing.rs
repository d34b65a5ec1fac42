//! An answer that passes as it comes, read along.
//!
//! The reader sees the same answer however it is cut into chunks; what it objects to ends the answer: a stream with an error event
//! that the SDKs raise, a document by breaking off.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use botwarden_policy::Place;
use botwarden_protocol::{self as protocol, AnswerError, AnswerReader, Change, From, Proposed, RefusalText};
use botwarden_types::{Delivery, Dialect, Exchange, Operation};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::bodies::Room;
use crate::desk::Patron;
use crate::ledger::Receipt;
use crate::stage::answer::Cut;
use crate::stage::credential::Credential;
use crate::stage::offered::{VENDORS, may_have_run};
use crate::stage::proposed::{Judged, Judging, is_vendors, judge};
use crate::stage::record::{Ending, Record};
use crate::upstream::{Lease, next_frame};

const NOT_GRANTED: &str = "the vendor ran a tool by itself that is not granted to this bot";
const TOO_SLOW: &str = "the answer took longer than `timeouts.upstream_total`";

/// An upstream's answer under way.
pub(super) struct Passing {
    inner: Option<Incoming>,
    lease: Option<Lease>,
    reader: Option<AnswerReader>,
    operation: Operation,
    dialect: Dialect,
    delivery: Delivery,
    patron: Arc<Patron>,
    /// Of what the patron's exchange holds.
    _room: Option<Arc<Room>>,
    /// Calls that the application is to run, complete and not decided.
    calls: Vec<Proposed>,
    /// How many of them were decided.
    decided: usize,
    /// Their decision under way.
    judging: Option<Judging>,
    bytes: u64,
    /// Pieces that may not leave yet: a tool call in them is not complete, not decided, or not on disk.
    held: VecDeque<Bytes>,
    /// Pieces of an event that is not complete: a tool call may be in it.
    unfinished: Vec<Bytes>,
    /// Bytes in both.
    held_bytes: usize,
    /// Tool calls on their way to the disk.
    unwritten: Vec<Receipt>,
    /// The upstream has said everything.
    is_over: bool,
    /// Bytes that have left.
    sent: u64,
    terms: Terms,
    alarm: Option<Pin<Box<Sleep>>>,
}

/// What it stands on, how long it may be, and how long it may take.
pub(super) struct Terms {
    /// What it stands on. A document was begun with a credential that held, and ends with it.
    pub(super) credential: Option<Credential>,
    pub(super) bytes_max: usize,
    /// The longest silence.
    pub(super) between: Duration,
    pub(super) ends_at: Instant,
    pub(super) last_byte: Instant,
}

impl Passing {
    pub(super) fn new(
        body: Incoming,
        lease: Lease,
        exchange: &Exchange,
        delivery: Delivery,
        patron: Arc<Patron>,
        room: Option<Arc<Room>>,
        terms: Terms,
    ) -> Self {
        Self {
            inner: Some(body),
            lease: Some(lease),
            reader: Some(AnswerReader::new(exchange.operation, delivery)),
            operation: exchange.operation,
            dialect: exchange.dialect,
            delivery,
            patron,
            _room: room,
            calls: Vec::new(),
            decided: 0,
            judging: None,
            bytes: 0,
            held: VecDeque::new(),
            unfinished: Vec::new(),
            held_bytes: 0,
            unwritten: Vec::new(),
            is_over: false,
            sent: 0,
            terms,
            alarm: None,
        }
    }

    /// Whether its last byte has left.
    pub(super) fn is_done(&self) -> bool {
        self.inner.is_none()
    }

    /// What is left of it, where that is known: a stream may say something else in the end than what comes.
    pub(super) fn size_hint(&self) -> SizeHint {
        match (&self.inner, self.delivery) {
            (None, _) => SizeHint::with_exact(0),
            (Some(_), Delivery::Streamed) => SizeHint::default(),
            (Some(rest), Delivery::Whole) => {
                let (rest, held) = (rest.size_hint(), self.held_bytes as u64);
                rest.exact().map_or(rest, |rest| SizeHint::with_exact(rest.saturating_add(held)))
            }
        }
    }

    pub(super) fn poll(
        &mut self,
        record: &mut Record,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
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
            if let Some(cut) = ready!(self.poll_judged(record, cx)) {
                return Poll::Ready(cut);
            }
            if !self.unwritten.is_empty() {
                continue;
            }
            // What was held back goes by the same rules as what comes.
            if !self.held.is_empty() {
                if self.is_taken_back() {
                    return Poll::Ready(self.cut_taken_back(record));
                }
                if Instant::now() >= self.terms.ends_at {
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

    /// Decides the calls once the answer has said all of them. What of it was held back is then what may be said.
    #[expect(clippy::type_complexity, reason = "what a body gives, if it has to be cut")]
    fn poll_judged(
        &mut self,
        record: &mut Record,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Option<Result<Frame<Bytes>, Cut>>>> {
        if self.judging.is_none() {
            if !self.is_to_be_judged() {
                return Poll::Ready(None);
            }
            self.judging = Some(judge(record.desk(), &self.patron, std::mem::take(&mut self.calls)));
        }
        let Some(judging) = &mut self.judging else { return Poll::Ready(None) };
        match judging.as_mut().poll(cx) {
            Poll::Ready(judged) => {
                self.judging = None;
                Poll::Ready(self.apply(record, &judged))
            }
            Poll::Pending if self.poll_taken_back(cx).is_ready() => {
                Poll::Ready(Some(self.cut_taken_back(record)))
            }
            Poll::Pending => {
                ready!(self.poll_alarm(cx));
                Poll::Ready(Some(self.cut(record, "upstream-timeout", TOO_SLOW)))
            }
        }
    }

    /// Whether there are calls to be decided, and no more of them come: they are decided together.
    fn is_to_be_judged(&self) -> bool {
        let Some(reader) = &self.reader else { return false };
        reader.proposed() > self.decided && (self.is_over || (reader.has_ended() && !reader.is_in_call()))
    }

    /// Writes down what was decided, and makes what was held back say it.
    fn apply(&mut self, record: &mut Record, judged: &Judged) -> Option<Option<Result<Frame<Bytes>, Cut>>> {
        for (call, refused) in judged.decisions() {
            match record.tool(Place::Proposed, &call.call, refused) {
                Some(receipt) => self.unwritten.push(receipt),
                None => return Some(self.cut_unrecorded(record)),
            }
        }
        let reader = self.reader.as_ref()?;
        self.decided = reader.proposed();
        let (text, arguments) = (judged.text(), judged.arguments());
        let change = match (judged.refused(), &arguments) {
            (Some(reason), _) => {
                record.replaced(reason);
                Change::Refused { text: &text, after_words: reader.spoke() }
            }
            (None, Some(arguments)) => Change::Arguments(arguments),
            (None, None) => return None,
        };
        let from = if self.sent == 0 { From::Start } else { From::Within };
        let held: Vec<u8> = self.held.drain(..).flatten().collect();
        let Some(written) = protocol::rewrite(self.operation, self.delivery, from, &held, change) else {
            return Some(self.cut(record, "upstream-answer", "a call cannot be taken out of the answer"));
        };
        self.held_bytes = self.held_bytes.saturating_sub(held.len()).saturating_add(written.len());
        self.held.push_back(written.into());
        None
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
        if self.is_taken_back() {
            return Some(self.cut_taken_back(record));
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if self.bytes > u64::try_from(self.terms.bytes_max).unwrap_or(u64::MAX) {
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
        if let Some(cut) = self.gather(record, calls) {
            return Some(cut);
        }
        if self.inner.as_ref().is_some_and(Body::is_end_stream) {
            if let Some(cut) = self.take_end(record) {
                return Some(cut);
            }
        } else {
            self.terms.last_byte = Instant::now();
            // A client that takes a little now and then never lets the alarm below ring.
            if self.terms.last_byte >= self.terms.ends_at {
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
            Some(Ok(calls)) => self.gather(record, calls),
            // A page that says that something is wrong proposes nothing. Vendors' gateways make such pages.
            Some(Err(AnswerError::Json(_))) if self.delivery == Delivery::Whole => None,
            Some(Err(_)) => Some(self.cut(record, "upstream-answer", "the upstream's answer cannot be read")),
            None => None,
        }
    }

    /// Takes calls that are complete. Those that the vendor itself runs are written down; no piece leaves before that is on disk.
    fn gather(
        &mut self,
        record: &mut Record,
        calls: Vec<Proposed>,
    ) -> Option<Option<Result<Frame<Bytes>, Cut>>> {
        for call in calls {
            if !is_vendors(&call) {
                if self.delivery == Delivery::Whole {
                    // Its length was told. Only what says that something went wrong comes so, and no call belongs in that.
                    return Some(self.cut(record, "upstream-answer", "there is a call in an error"));
                }
                self.calls.push(call);
                continue;
            }
            let offers = self.patron.exchange.as_ref().map_or(&[][..], |exchange| &exchange.tools);
            let is_granted = may_have_run(&self.patron.bot.config, offers, &call.call.name);
            match record.tool(Place::Proposed, &call.call, (!is_granted).then_some(VENDORS)) {
                Some(_) if !is_granted => {
                    return Some(self.cut(record, "vendor-tool-not-granted", NOT_GRANTED));
                }
                Some(receipt) => self.unwritten.push(receipt),
                None => return Some(self.cut_unrecorded(record)),
            }
        }
        None
    }

    /// Whether what has come stays for now.
    fn is_held_back(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| {
            reader.proposed() > self.decided
                || (!self.is_over && (reader.is_in_call() || reader.is_read_at_its_end()))
        })
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
        self.terms.credential.as_mut().map_or(Poll::Pending, |credential| credential.poll_over(cx))
    }

    /// Whether it was taken back.
    fn is_taken_back(&self) -> bool {
        self.terms.credential.as_ref().is_some_and(Credential::is_over)
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
            let is_upstreams = self.unwritten.is_empty() && self.judging.is_none();
            let silent = is_upstreams.then(|| self.terms.last_byte + self.terms.between);
            let due = silent.map_or(self.terms.ends_at, |due| due.min(self.terms.ends_at));
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            ready!(alarm.as_mut().poll(cx));
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(due);
        }
    }

    fn cut_taken_back(&mut self, record: &mut Record) -> Option<Result<Frame<Bytes>, Cut>> {
        let is_stopped = self.terms.credential.as_ref().is_some_and(Credential::is_stopped);
        self.terms.credential = None; // a future that is over must not be polled again
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
    pub(super) fn end(&mut self, record: &mut Record, read: bool) {
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
