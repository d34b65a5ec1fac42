//! What an answer must be to reach the caller.
//!
//! A stream passes as it comes, read along (`passing.rs`). A document in which calls may stand is read whole before its head leaves, so
//! that it can still be refused in words.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use botwarden_policy::Place;
use botwarden_protocol::{self as protocol, Change, From};
use botwarden_types::{Delivery, Exchange, Operation};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode, response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::desk::Patron;
use crate::headers::{for_caller, rewritten};
use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::answer::Source;
use crate::stage::credential::Credential;
use crate::stage::forward::{Answered, Underway};
use crate::stage::offered::{VENDORS, may_have_run, shown};
use crate::stage::passing::{Passing, Terms};
use crate::stage::proposed::{is_vendors, judge};
use crate::stage::read::json_bounds;
use crate::stage::record::Record;
use crate::upstream::{Lease, next_frame};

/// An answer that may go to the caller. Made by [`Worker::screen`] alone.
pub(crate) struct Screened {
    pub(super) head: response::Parts,
    pub(super) body: Source,
    /// For the caller: `allowed`, or why its calls were taken out.
    pub(super) verdict: &'static str,
}

const TOO_LONG: &str = "it is longer than `bounds.answer` allows";

impl Worker {
    pub(crate) async fn screen(&self, answered: Answered, record: &mut Record) -> Result<Screened, Refusal> {
        let Answered(underway) = answered;
        let Underway { response, mut lease, exchange, patron, room, sent, at } = *underway;
        let begun = self.shared.clock.wall();
        patron.caller.still_valid(begun).map_err(|_| Refusal::BadCredential)?;
        self.stopped(&patron.caller, patron.user.as_ref())?;
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
            let granted = |model: &str| patron.bot.config.models.iter().any(|models| models.matches(model));
            let kept = protocol::retain_models(exchange.dialect, &whole, &json_bounds(&bounds), granted)
                .map_err(|_| Refusal::UpstreamAnswer("it is not a list of models"))?;
            rewritten(&mut head.headers, kept.len());
            return Ok(Screened { head, body: Source::Rewritten(kept.into()), verdict: "allowed" });
        }
        if !streamed && head.status.is_success() && proposes(exchange.operation) {
            let max = bounds.answer_bytes_max;
            let document = Document { head, exchange, patron, ends_at };
            let whole = async {
                let whole = gather(body, &mut lease, max, ends_at).await?;
                lease.give_back();
                document.screen(whole, record).await
            };
            return Box::pin(whole).await;
        }
        if streamed {
            head.headers.remove(CONTENT_LENGTH); // it may say something else in the end
        }
        let delivery = if streamed { Delivery::Streamed } else { Delivery::Whole };
        let between = if streamed { timeouts.upstream_between } else { timeouts.upstream_total };
        let credential =
            streamed.then(|| Credential::new(patron.clone(), self.shared.quarantine.clone(), begun));
        let terms = Terms { credential, bytes_max: bounds.answer_bytes_max, between, ends_at, last_byte: at };
        let passing = Passing::new(body, lease, &exchange, delivery, patron, room, terms);
        Ok(Screened { head, body: Source::Passing(Box::new(passing)), verdict: "allowed" })
    }
}

/// Whether its answer may ask for calls of tools.
fn proposes(operation: Operation) -> bool {
    match operation {
        Operation::ChatCompletions | Operation::Messages => true,
        Operation::Embeddings | Operation::CountTokens | Operation::Models => false,
    }
}

/// An answer that is read whole.
struct Document {
    head: response::Parts,
    exchange: Arc<Exchange>,
    patron: Arc<Patron>,
    ends_at: Instant,
}

impl Document {
    async fn screen(self, whole: Bytes, record: &mut Record) -> Result<Screened, Refusal> {
        let Self { mut head, exchange, patron, ends_at } = self;
        let (mut calls, outcome) = match protocol::read_answer(exchange.operation, &whole) {
            Ok(read) => read,
            Err(_) => return Err(Refusal::UpstreamAnswer("it has not one meaning")),
        };
        if calls.is_empty() {
            return Ok(Screened { head, body: Source::Whole(whole, outcome), verdict: "allowed" });
        }
        let mut receipts = Vec::new();
        for call in calls.extract_if(.., |call| is_vendors(call)) {
            let is_granted = may_have_run(&patron.bot.config, &exchange.tools, &call.call.name);
            let refused = (!is_granted).then_some(VENDORS);
            receipts.push(record.tool(Place::Proposed, &call.call, refused).ok_or(Refusal::Unrecorded)?);
            if !is_granted {
                return Err(Refusal::VendorToolNotGranted { tool: shown(&call.call.name) });
            }
        }
        let judging = judge(record.desk(), &patron, calls);
        let judged = tokio::time::timeout_at(ends_at, judging).await.map_err(|_| Refusal::Internal)?;
        for (call, refused) in judged.decisions() {
            receipts.push(record.tool(Place::Proposed, &call.call, refused).ok_or(Refusal::Unrecorded)?);
        }
        for receipt in receipts {
            let written = tokio::time::timeout_at(ends_at, receipt).await;
            if !written.is_ok_and(|is_written| is_written) {
                return Err(Refusal::Unrecorded);
            }
        }
        let (text, arguments) = (judged.text(), judged.arguments());
        let change = match (judged.refused(), &arguments) {
            (Some(_), _) => Change::Refused { text: &text, after_words: false },
            (None, Some(arguments)) => Change::Arguments(arguments),
            (None, None) => {
                return Ok(Screened { head, body: Source::Whole(whole, outcome), verdict: "allowed" });
            }
        };
        let written = protocol::rewrite(exchange.operation, Delivery::Whole, From::Start, &whole, change);
        let written = written.ok_or(Refusal::UpstreamAnswer("a call cannot be taken out of it"))?;
        rewritten(&mut head.headers, written.len());
        let verdict = judged.refused().unwrap_or("allowed");
        record.replaced(verdict);
        Ok(Screened { head, body: Source::Whole(written.into(), outcome), verdict })
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

/// The whole of an answer. One that came in one piece is not copied.
async fn gather(
    mut body: Incoming,
    lease: &mut Lease,
    max: usize,
    deadline: Instant,
) -> Result<Bytes, Refusal> {
    let reading = async {
        let mut whole = Bytes::new();
        let mut more = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| next_frame(&mut body, lease, cx)).await {
            let Ok(data) = frame.map_err(|_| Refusal::UpstreamBroken)?.into_data() else { continue };
            if whole.len() + more.len() + data.len() > max {
                return Err(Refusal::UpstreamAnswer(TOO_LONG));
            }
            if whole.is_empty() && more.is_empty() {
                whole = data;
                continue;
            }
            more.extend_from_slice(&std::mem::take(&mut whole));
            more.extend_from_slice(&data);
        }
        Ok(if more.is_empty() { whole } else { more.freeze() })
    };
    let mut reading = pin!(reading);
    // Most documents are there with their head: no timer for those.
    match poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
        Poll::Ready(whole) => whole,
        Poll::Pending => {
            tokio::time::timeout_at(deadline, reading).await.map_err(|_| Refusal::UpstreamTimeout)?
        }
    }
}
