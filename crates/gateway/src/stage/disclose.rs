//! Tells the caller what was decided: the verdict, the request's id, where they stand in their limits, and every refusal in
//! their own dialect.

use botwarden_limit::{Per, Standing, Unit};
use botwarden_protocol::{RefusalText, refusal_body};
use botwarden_types::Dialect;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::headers::{ANTHROPIC_REQUEST_ID, REQUEST_ID, VERDICT};
use crate::refusal::{Refusal, whole_seconds};
use crate::stage::admit::Admitted;
use crate::stage::record::Record;
use crate::stage::screen::{Answer, Screened};

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// Obeyed by the SDKs of both vendors. Source: `_should_retry` in `_base_client.py` of either.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const VENDOR_REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const VENDOR_TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer that no upstream gave.
pub(crate) struct Own {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// `GET /v1/`: the address and the credential are right.
pub(crate) fn root(admitted: &Admitted) -> Own {
    let body = serde_json::json!({ "object": "gateway", "gateway": "botwarden", "bot": admitted.bot_name() });
    Own { status: StatusCode::OK, body: body.to_string().into() }
}

pub(crate) fn own(own: Own, mut record: Record) -> Response<Answer> {
    record.answered(own.status.as_u16());
    let mut headers = HeaderMap::with_capacity(8);
    if !own.body.is_empty() {
        headers.insert(CONTENT_TYPE, JSON);
    }
    label(&mut headers, "allowed", &record);
    respond(own.status, headers, Answer::own(own.body, record))
}

pub(crate) fn passing(dialect: Dialect, screened: Screened, record: Record) -> Response<Answer> {
    let Screened { mut head, body } = screened;
    label(&mut head.headers, "allowed", &record);
    label_for(dialect, &mut head.headers);
    standings(&mut head.headers, record.standings());
    let mut response = Response::new(Answer::new(body, record));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

pub(crate) fn refusal(dialect: Dialect, refusal: &Refusal, mut record: Record) -> Response<Answer> {
    let terms = refusal.terms();
    record.refused(refusal, terms.status.as_u16(), terms.reason);
    let message = refusal.to_string();
    let text =
        RefusalText { trouble: terms.trouble, code: terms.reason, message: &message, param: refusal.param() };
    let body: Bytes = refusal_body(dialect, &text, record.request_id()).into();
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(CONTENT_TYPE, JSON);
    label(&mut headers, terms.reason, &record);
    label_for(dialect, &mut headers);
    hint(&mut headers, refusal);
    respond(terms.status, headers, Answer::own(body, record))
}

fn respond(status: StatusCode, headers: HeaderMap, answer: Answer) -> Response<Answer> {
    let mut response = Response::new(answer);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn label(headers: &mut HeaderMap, verdict: &'static str, record: &Record) {
    headers.insert(VERDICT, HeaderValue::from_static(verdict));
    insert(headers, REQUEST_ID, record.request_id());
}

/// Anthropic's SDKs read the request's id from a header of another name.
fn label_for(dialect: Dialect, headers: &mut HeaderMap) {
    if let (Dialect::Anthropic, Some(id)) = (dialect, headers.get(REQUEST_ID).cloned()) {
        headers.insert(ANTHROPIC_REQUEST_ID, id);
    }
}

/// What the refusal's status asks for beside the body.
fn hint(headers: &mut HeaderMap, refusal: &Refusal) {
    if let Some(ms) = refusal.retry_ms() {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(ms)));
        headers.insert(RETRY_AFTER_MS, HeaderValue::from(ms.max(1)));
    }
    if refusal.is_final() {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    match refusal {
        Refusal::Over { standings: all, .. } => standings(headers, all),
        Refusal::MethodNotAllowed { allowed } => insert(headers, ALLOW, allowed.as_str()),
        Refusal::NoCredential | Refusal::BadCredential => insert(headers, WWW_AUTHENTICATE, "Bearer"),
        _ => {}
    }
    if refusal.ends_connection() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Where the caller stands. Limits that others use up too (of the bot, of an address) stay untold: they would show what
/// others do.
///
/// Source: draft-ietf-httpapi-ratelimit-headers-10 (`RateLimit`, `RateLimit-Policy`) and OpenAI's `x-ratelimit-*`.
fn standings(headers: &mut HeaderMap, all: &[Standing]) {
    let (mut policy, mut state) = (String::with_capacity(128), String::with_capacity(128));
    let (mut requests, mut tokens): (Option<&Standing>, Option<&Standing>) = (None, None);
    for standing in all.iter().filter(|standing| matches!(standing.per, Per::User | Per::Key)) {
        let unit = match standing.unit {
            Unit::Requests => "",
            Unit::Tokens => ";botwarden-unit=\"tokens\"",
            Unit::Open => ";qu=\"concurrent-requests\"",
        };
        let window = standing.window.as_secs();
        let span = if window > 0 { Some((";w=", window)) } else { None };
        item(&mut policy, &standing.rule, [Some((";q=", standing.max)), span]);
        policy.push_str(unit);
        let reset = standing.reset_ms.div_ceil(1000);
        item(&mut state, &standing.rule, [Some((";r=", standing.remaining)), Some((";t=", reset))]);
        match standing.unit {
            Unit::Requests => requests = tighter(requests, standing),
            Unit::Tokens => tokens = tighter(tokens, standing),
            Unit::Open => {}
        }
    }
    if !policy.is_empty() {
        insert(headers, RATELIMIT_POLICY, &policy);
        insert(headers, RATELIMIT, &state);
    }
    vendor_set(headers, requests, &VENDOR_REQUESTS);
    vendor_set(headers, tokens, &VENDOR_TOKENS);
}

/// One item of a structured-field list: `"name";a=1;b=2`. Written out because it is made for every request.
fn item(list: &mut String, name: &str, parameters: [Option<(&str, u64)>; 2]) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push('"');
    list.push_str(name);
    list.push('"');
    for (key, value) in parameters.into_iter().flatten() {
        list.push_str(key);
        list.push_str(itoa::Buffer::new().format(value));
    }
}

fn tighter<'s>(held: Option<&'s Standing>, new: &'s Standing) -> Option<&'s Standing> {
    held.filter(|held| held.remaining <= new.remaining).or(Some(new))
}

fn vendor_set(headers: &mut HeaderMap, standing: Option<&Standing>, names: &[HeaderName; 3]) {
    let Some(standing) = standing else { return };
    let [limit, remaining, reset] = names;
    headers.insert(limit, HeaderValue::from(standing.max));
    headers.insert(remaining, HeaderValue::from(standing.remaining));
    insert(headers, reset.clone(), &vendor_duration(standing.reset_ms));
}

/// OpenAI's way to write a span: `12ms`, `1.5s`, `6m0s`, `1h2m3s`.
fn vendor_duration(ms: u64) -> String {
    let (secs, rest) = (ms / 1000, ms % 1000);
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, 0) => format!("{rest}ms"),
        (0, 0, s) if rest == 0 => format!("{s}s"),
        (0, 0, s) => format!("{s}.{rest:03}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_openai_writes_them() {
        for (ms, want) in [
            (0, "0ms"),
            (12, "12ms"),
            (1000, "1s"),
            (1500, "1.500s"),
            (360_000, "6m0s"),
            (3_723_000, "1h2m3s"),
        ] {
            assert_eq!(vendor_duration(ms), want);
        }
    }
}
