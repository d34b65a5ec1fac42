//! Requests that two readers could read differently, or that have no end.

use anyhow::Context;

use super::Stage;
use crate::command::demo::client::{Ask, Reply};
use crate::command::demo::shop::CHAT;
use crate::command::demo::tour::Seen;

/// Far above the gateway's bound of 64.
const DEPTH: usize = 1000;

async fn post(stage: &Stage, body: String) -> anyhow::Result<Seen> {
    stage.probe(stage.caller(), Ask::post(CHAT, body).with(&stage.sessions.trudy.token)).await
}

/// One parser takes the first model, another the last: the policy could check one and the upstream serve the other.
pub(super) async fn duplicate_keys(stage: &Stage) -> anyhow::Result<Seen> {
    let body = r#"{"model":"shop-assistant","model":"gpt-4-turbo-ultra","messages":[{"role":"user","content":"Hi"}]}"#;
    post(stage, body.to_owned()).await
}

pub(super) async fn trailing_bytes(stage: &Stage) -> anyhow::Result<Seen> {
    let body = r#"{"model":"shop-assistant","messages":[{"role":"user","content":"Hi"}]}{"model":"gpt-4-turbo-ultra"}"#;
    post(stage, body.to_owned()).await
}

pub(super) async fn too_deep(stage: &Stage) -> anyhow::Result<Seen> {
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    post(stage, format!(r#"{{"model":"shop-assistant","messages":{open}{close}}}"#)).await
}

/// Only announced: it must be refused before it is sent.
pub(super) async fn too_large(stage: &Stage) -> anyhow::Result<Seen> {
    let request = format!("{}Content-Length: {}\r\n\r\n{{", head(stage), 64 << 20);
    raw(stage, &request).await
}

/// Request smuggling: a proxy that believes one length and a server that believes the other see different requests.
pub(super) async fn two_lengths(stage: &Stage) -> anyhow::Result<Seen> {
    let body = r#"{"model":"shop-assistant","messages":[{"role":"user","content":"Hi"}]}"#;
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let request = format!("{}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}", head(stage));
    raw(stage, &request).await
}

/// Each byte keeps the connection busy; enough such connections and nobody else gets one.
pub(super) async fn slow_head(stage: &Stage) -> anyhow::Result<Seen> {
    let before = stage.model_answered();
    let reply = stage.caller().trickle("", &head(stage)).await?;
    Ok(cut_in_time(stage, reply, before))
}

pub(super) async fn slow_body(stage: &Stage) -> anyhow::Result<Seen> {
    let before = stage.model_answered();
    let head = format!("{}Content-Length: 1000\r\n\r\n", head(stage));
    let reply = stage.caller().trickle(&head, &"{".repeat(1000)).await?;
    Ok(cut_in_time(stage, reply, before))
}

async fn raw(stage: &Stage, request: &str) -> anyhow::Result<Seen> {
    let before = stage.model_answered();
    let reply = stage.caller().send_raw(request.as_bytes()).await.context("sending a raw request")?;
    Ok(Seen { reached_model: stage.model_answered() > before, ..Seen::of_reply(reply) })
}

/// The deadlines of the demo's gateway are one second. How much later a busy machine notices is not judged; that it does
/// is, since the client gives up after ten.
fn cut_in_time(stage: &Stage, reply: Reply, answered_before: u64) -> Seen {
    let took_ms = reply.took.as_millis();
    let seen = Seen { reached_model: stage.model_answered() > answered_before, ..Seen::of_reply(reply) };
    seen.expect(took_ms >= 900, "before its time was over")
}

/// The head of an honest request with trudy's token, its length still to come.
fn head(stage: &Stage) -> String {
    let token = stage.sessions.trudy.token.expose();
    format!(
        "POST {CHAT} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n"
    )
}
