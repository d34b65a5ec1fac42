//! Those who want more than their share: of requests, of tokens, of streams.

use std::time::{Duration, Instant};

use botwarden_types::Delivery;
use serde_json::json;

use super::Stage;
use super::stage::plain_question;
use crate::command::demo::client::{Ask, Head};
use crate::command::demo::model::MODEL;
use crate::command::demo::shop::CHAT;
use crate::command::demo::tour::Seen;

/// The limits of the demo's configuration.
const REQUESTS_MAX: usize = 30;
const WINDOW: Duration = Duration::from_secs(60);
const STREAMS_MAX: usize = 4;
/// 40,000 tokens are gone before this many catalogues of 1,900 tokens.
const CATALOGUES_MAX: usize = 30;

/// As many requests as a user has, one after the other.
pub(super) async fn flood(stage: &Stage) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    for _ in 0..REQUESTS_MAX {
        let before = Instant::now();
        let ask = plain_question("Any news?", Delivery::Whole).with(&stage.sessions.dora.token);
        let reply = stage.caller().send(ask).await?;
        let _ = stage.flood_began.set((before, Instant::now()));
        seen = Seen { reached_model: true, ..Seen::of_reply(reply) };
        if seen.head.status != 200 {
            return Ok(seen);
        }
    }
    Ok(seen.note(format!("all {REQUESTS_MAX} served")))
}

/// One more, which must wait exactly until the first of them leaves the window.
pub(super) async fn flood_on(stage: &Stage) -> anyhow::Result<Seen> {
    let ask = plain_question("Any news?", Delivery::Whole).with(&stage.sessions.dora.token);
    let asked = Instant::now();
    let seen = stage.probe(stage.caller(), ask).await?;
    let answered = Instant::now();
    let first = stage.flood_began.get().copied();
    let exact = first.is_some_and(|first| is_exact(&seen.head, first, (asked, answered)));
    let wait = seen.head.retry_after_s.unwrap_or(0);
    Ok(seen.expect(exact, "Retry-After is not exact").note(format!("wait {wait} s")))
}

/// Whether `retry-after` is the time until the first request's age is over the window, in whole seconds rounded up.
/// Both requests were decided somewhere between being sent and being answered: the answer must fit one such moment.
fn is_exact(head: &Head, first: (Instant, Instant), last: (Instant, Instant)) -> bool {
    let Some(wait_s) = head.retry_after_s else { return false };
    let oldest = last.1.duration_since(first.0);
    let youngest = last.0.duration_since(first.1);
    // A call leaves when its age is over the window: a millisecond past it, on clocks that read whole milliseconds.
    let seconds = |age: Duration| WINDOW.saturating_sub(age).as_millis().div_ceil(1000);
    let (least, most) = (seconds(oldest), seconds(youngest.saturating_sub(Duration::from_millis(2))) + 1);
    (least..=most).contains(&u128::from(wait_s))
}

/// Long answers until the budget is used up; the last request is the one that is judged.
pub(super) async fn drain_budget(stage: &Stage) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    for served in 0..CATALOGUES_MAX {
        let body = json!({
            "model": MODEL,
            "messages": [{ "role": "user", "content": "Recite the whole catalogue." }],
            "max_completion_tokens": 2000,
        });
        let ask = Ask::post(CHAT, body.to_string()).with(&stage.sessions.frank.token);
        seen = stage.probe(stage.caller(), ask).await?;
        if seen.head.status != 200 {
            let told = seen.head.retry_after_s.is_some();
            let note = format!("{served} answers");
            return Ok(seen.note(note).expect(told, "no Retry-After").expect(served > 5, "too early"));
        }
    }
    Ok(seen)
}

/// Holds as many streams as a user may and asks for one more.
pub(super) async fn hoard_streams(stage: &Stage) -> anyhow::Result<Seen> {
    let token = &stage.sessions.trudy.token;
    let mut held = Vec::new();
    let mut flowing = true;
    for _ in 0..STREAMS_MAX {
        let ask = long_stream().with(token);
        let mut open = stage.caller().open(ask).await?;
        flowing &= open.head.status == 200 && open.first_bytes().await;
        held.push(open);
    }
    let seen = stage.probe(stage.caller(), long_stream().with(token)).await?;
    drop(held);
    Ok(seen.expect(flowing, "the first four did not flow"))
}

/// Enough words for the stream to outlast the others.
fn long_stream() -> Ask {
    let body = json!({
        "model": MODEL,
        "messages": [{ "role": "user", "content": "Recite the whole catalogue." }],
        "max_completion_tokens": 500,
        "stream": true,
    });
    Ask::post(CHAT, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_waits() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let first = (at(0), at(5));
        for (name, wait, last, want) in [
            ("at once", Some(60), (at(100), at(110)), true),
            ("a second too short", Some(59), (at(100), at(110)), false),
            ("two seconds too long", Some(62), (at(100), at(110)), false),
            ("later", Some(50), (at(10_100), at(10_110)), true),
            ("the whole window again", Some(60), (at(10_100), at(10_110)), false),
            ("none", None, (at(100), at(110)), false),
        ] {
            let head = Head { retry_after_s: wait, ..Head::default() };
            assert_eq!(is_exact(&head, first, last), want, "{name}");
        }
    }
}
