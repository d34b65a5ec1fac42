//! Sends a permitted request to its upstream and waits for the head of the answer.

use std::time::Duration;

use botwarden_types::{Delivery, Exchange, Operation, Part, hex};
use http::{HeaderMap, HeaderValue, Method};
use hyper::body::Incoming;
use smallvec::SmallVec;
use tokio::time::Instant;

use std::sync::Arc;

use crate::bodies::{Held, Payload, Room};
use crate::config::Timeouts;
use crate::desk::Patron;
use crate::headers::{TRACEPARENT, TRACESTATE, for_upstream};
use crate::outcome::Stage;
use crate::refusal::Refusal;
use crate::route::Route;
use crate::server::Worker;
use crate::stage::identify::Known;
use crate::stage::permit::Permitted;
use crate::stage::read::Read;
use crate::stage::record::Record;
use crate::state::Bot;
use crate::upstream::{Failure, Lease, Outbound};

/// An answer whose head has come. Made by [`Worker::forward`] alone.
pub(crate) struct Answered(pub(super) Box<Underway>);

/// An answer whose head has come, with what the next stage needs to know of its request.
pub(super) struct Underway {
    pub(super) response: hyper::Response<Incoming>,
    pub(super) lease: Lease,
    pub(super) exchange: Arc<Exchange>,
    pub(super) patron: Arc<Patron>,
    /// The room of what `exchange` still holds of the request.
    pub(super) room: Option<Arc<Room>>,
    /// When its request was sent.
    pub(super) sent: Instant,
    /// When its head came.
    pub(super) at: Instant,
}

impl Worker {
    pub(crate) async fn forward(
        &self,
        permitted: Permitted,
        record: &mut Record,
    ) -> Result<Answered, Refusal> {
        let Permitted(Read { identified, body, mut exchange }) = permitted;
        let Known { request, route, caller, bot, user, .. } = identified.into_known();
        let tail = tail(&route, request.uri().query());
        let mut headers = (*request).into_parts().0.headers;
        trace(&mut headers, record.random());
        // Calls are decided by what was said, so that stays, and its room is taken until the answer is over.
        let room = body.room().filter(|_| uses_tools(&exchange));
        let outbound = outbound(&bot, exchange.operation, &tail, headers, body).ok_or(Refusal::Internal)?;
        if room.is_none() {
            // Read and judged. While the upstream thinks nothing is held of what was said but the body, whose room is counted.
            exchange.messages = Vec::new();
        }
        let exchange = Arc::<Exchange>::from(exchange);
        let patron = Arc::new(Patron { bot, caller, user, exchange: Some(exchange.clone()) });
        let bot = &patron.bot;
        let (_, timeouts) = self.shared.bounds_and_timeouts();
        let sent = Instant::from_std(record.end(Stage::Forward));
        record.forwarded();
        let deadline = sent + head_deadline(exchange.delivery, &timeouts);
        let answered =
            bot.upstream.endpoint.send(&self.pool, outbound, timeouts.upstream_connect, deadline).await;
        let at = Instant::from_std(record.end_upstream());
        let (response, lease) = answered.map_err(|failure| match failure {
            Failure::Unreachable => Refusal::UpstreamUnreachable,
            Failure::Unconnected => Refusal::UpstreamUnconnected,
            Failure::Broken => Refusal::UpstreamBroken,
            Failure::TimedOut => Refusal::UpstreamTimeout,
        })?;
        Ok(Answered(Box::new(Underway { response, lease, exchange, patron, room, sent, at })))
    }
}

/// Whether there are tools that its answer may call.
fn uses_tools(exchange: &Exchange) -> bool {
    let mut parts = exchange.messages.iter().flat_map(|message| &message.parts);
    !exchange.tools.is_empty() || parts.any(|part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_)))
}

/// A document is complete when its head comes, so it may take as long as a whole exchange.
fn head_deadline(delivery: Delivery, timeouts: &Timeouts) -> Duration {
    match delivery {
        Delivery::Streamed => timeouts.upstream_first_byte,
        Delivery::Whole => timeouts.upstream_total,
    }
}

fn tail(route: &Route, query: Option<&str>) -> String {
    match (route, query) {
        (Route::OneModel(id), _) => format!("/{id}"),
        (_, Some(query)) => format!("?{query}"),
        (_, None) => String::new(),
    }
}

fn outbound(
    bot: &Bot,
    operation: Operation,
    tail: &str,
    mut headers: HeaderMap,
    body: Held,
) -> Option<Box<Outbound>> {
    let upstream = &bot.upstream;
    for_upstream(&mut headers, &upstream.endpoint.authority, &upstream.credential, body.len());
    let mut request = Box::new(Outbound::new(Payload::new(body)));
    *request.method_mut() = if operation == Operation::Models { Method::GET } else { Method::POST };
    *request.uri_mut() = upstream.target(operation, tail)?;
    *request.headers_mut() = headers;
    Some(request)
}

/// W3C Trace Context: keeps the caller's trace and puts our own span into it; a malformed header starts a new trace.
fn trace(headers: &mut HeaderMap, random: u64) {
    let caller = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(trace_and_flags);
    let mut value: SmallVec<[u8; 55]> = SmallVec::from_slice(b"00-");
    match caller {
        Some((trace, _)) => value.extend_from_slice(trace.as_bytes()),
        None => {
            value.extend_from_slice(&hex(random.rotate_left(32) | 1));
            value.extend_from_slice(&hex(random));
        }
    }
    value.push(b'-');
    value.extend_from_slice(&hex(random | 1));
    value.push(b'-');
    value.extend_from_slice(caller.map_or("00", |(_, flags)| flags).as_bytes());
    if caller.is_none() {
        headers.remove(TRACESTATE);
    }
    if let Ok(value) = HeaderValue::from_bytes(&value) {
        headers.insert(TRACEPARENT, value);
    }
}

/// Trace id and flags of a version-00 `traceparent`.
fn trace_and_flags(value: &str) -> Option<(&str, &str)> {
    let mut pieces = value.split('-');
    let (version, trace, parent, flags) = (pieces.next()?, pieces.next()?, pieces.next()?, pieces.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let sound =
        version == "00" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && pieces.next().is_none();
    (sound && trace.bytes().any(|b| b != b'0')).then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_context() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (name, value, want) in [
            ("W3C's example", parent, Some(("4bf92f3577b34da6a3ce929d0e0e4736", "01"))),
            ("upper case", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None),
            ("all zero", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
            ("too long", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", None),
            ("another version", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
            ("empty", "", None),
        ] {
            assert_eq!(trace_and_flags(value), want, "{name}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static("nonsense"));
        trace(&mut headers, 7);
        let sent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).unwrap();
        assert!(trace_and_flags(sent).is_some(), "a new trace is well formed: {sent}");
    }
}
