//! Takes the body, within bounds of size and time, and reads it once.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use botwarden_protocol::{self as protocol};
use botwarden_types::{Delivery, Exchange, Operation};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::bodies::{Held, Room};
use crate::config::Bounds;
use crate::headers::single;
use crate::refusal::Refusal;
use crate::route::Route;
use crate::server::Worker;
use crate::stage::admit::Admitted;
use crate::stage::identify::Identified;
use crate::stage::record::Record;

/// A request whose body was read. Made by [`Worker::read`] alone.
pub(crate) struct Read {
    pub(super) identified: Identified,
    /// The caller's own bytes, forwarded as they are.
    pub(super) body: Held,
    /// What they mean.
    pub(super) exchange: Box<Exchange>,
}

impl Worker {
    pub(crate) async fn read(&self, admitted: Admitted, record: &mut Record) -> Result<Read, Refusal> {
        let Admitted(mut identified) = admitted;
        let operation = match identified.route() {
            Route::Model(operation) => *operation,
            Route::OneModel(_) | Route::Root | Route::Tools(_) | Route::Backend(_) => Operation::Models,
        };
        if operation == Operation::Models {
            let exchange = about_models(&identified);
            return Ok(Read { identified, body: Held::default(), exchange });
        }
        let (bounds, timeouts) = self.shared.bounds_and_timeouts();
        check_head(identified.request.headers(), &bounds)?;
        let room = self.shared.metrics.bodies.room(bounds.bodies_bytes_max, &identified.bot.bodies);
        let incoming = identified.request.body_mut();
        let body = collect(incoming, bounds.body_bytes_max, room, timeouts.body).await?;
        record.bytes_in(body.len());
        let exchange =
            protocol::read_request(operation, &body, &json_bounds(&bounds)).map_err(Refusal::Unreadable)?;
        Ok(Read { identified, body, exchange: Box::new(exchange) })
    }
}

fn about_models(identified: &Identified) -> Box<Exchange> {
    let model = match identified.route() {
        Route::OneModel(id) => id.clone(),
        Route::Model(_) | Route::Root | Route::Tools(_) | Route::Backend(_) => String::new(),
    };
    Box::new(Exchange {
        dialect: identified.bot.config.upstream.dialect,
        operation: Operation::Models,
        model,
        fallback_models: Vec::new(),
        delivery: Delivery::Whole,
        user: None,
        messages: Vec::new(),
        tools: Vec::new(),
        tools_chosen: Vec::new(),
        output_tokens_max: None,
        choices: 0,
    })
}

pub(crate) fn json_bounds(bounds: &Bounds) -> protocol::Bounds {
    protocol::Bounds {
        depth_max: bounds.json_depth_max,
        nodes_max: bounds.json_nodes_max,
        // Images come as base64 in one string, so a string may be as long as the body.
        string_bytes_max: bounds.body_bytes_max,
    }
}

/// What the head says of the body, before a byte of it is read.
pub(crate) fn check_head(headers: &HeaderMap, bounds: &Bounds) -> Result<(), Refusal> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::Compressed);
    }
    let declared = single(headers, &CONTENT_TYPE)?.and_then(|value| value.to_str().ok());
    if !declared.is_some_and(is_json) {
        return Err(Refusal::NotJson);
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > bounds.body_bytes_max) {
        return Err(Refusal::BodyTooLarge { max: bounds.body_bytes_max });
    }
    Ok(())
}

/// `application/json` with or without parameters; a `charset` other than UTF-8 would be another reading of the same bytes.
fn is_json(value: &str) -> bool {
    let mut pieces = value.split(';').map(str::trim);
    let json = pieces.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && pieces.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

/// The whole body, at most `max` bytes, complete within `deadline`, in the `room` it takes. A body that came in one piece
/// is not copied.
pub(crate) async fn collect(
    body: &mut Incoming,
    max: usize,
    room: Room,
    deadline: Duration,
) -> Result<Held, Refusal> {
    let mut gathering = pin!(gather(body, max, room));
    // Most bodies came with their head: no timer for those.
    match poll_fn(|cx| Poll::Ready(gathering.as_mut().poll(cx))).await {
        Poll::Ready(whole) => whole,
        Poll::Pending => tokio::time::timeout(deadline, gathering).await.map_err(|_| Refusal::BodyTooSlow)?,
    }
}

async fn gather(body: &mut Incoming, max: usize, mut room: Room) -> Result<Held, Refusal> {
    // 0 where none is declared, which HTTP/2 allows: then it takes room as it grows.
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > max {
        return Err(Refusal::BodyTooLarge { max });
    }
    room.reach(declared)?;
    let Some(first) = next_data(body).await? else { return Ok(Held::new(Bytes::new(), room)) };
    if first.len() > max {
        return Err(Refusal::BodyTooLarge { max });
    }
    room.reach(first.len())?;
    if body.is_end_stream() {
        return Ok(Held::new(first, room));
    }
    let mut whole = BytesMut::with_capacity(declared.max(first.len()));
    whole.extend_from_slice(&first);
    drop(first);
    while let Some(data) = next_data(body).await? {
        let length = whole.len() + data.len();
        if length > max {
            return Err(Refusal::BodyTooLarge { max });
        }
        room.reach(length)?;
        whole.extend_from_slice(&data);
    }
    Ok(Held::new(whole.freeze(), room))
}

async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::BodyBroken)?;
        // Trailers are not forwarded; nothing in the dialects uses them.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        for (value, want) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json; charset=\"UTF-8\"", true),
            ("application/json; charset=utf-16", false),
            ("application/json5", false),
            ("text/plain", false),
            ("multipart/form-data; boundary=application/json", false),
            ("", false),
        ] {
            assert_eq!(is_json(value), want, "{value}");
        }
    }
}
