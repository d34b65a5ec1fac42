//! Tells the caller what was decided: the verdict, the request's id, where they stand in their limits, and every refusal in
//! their own dialect.

use std::time::Duration;

use botwarden_limit::{Per, Plan, Standing, Unit};
use botwarden_protocol::{RefusalText, mcp, refusal_body};
use botwarden_types::Dialect;
use bytes::{Bytes, BytesMut};
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use smallvec::SmallVec;

use crate::headers::{ANTHROPIC_REQUEST_ID, REQUEST_ID, VERDICT};
use crate::refusal::{Refusal, whole_seconds};
use crate::route::Voice;
use crate::stage::admit::Admitted;
use crate::stage::answer::Answer;
use crate::stage::record::Record;
use crate::stage::screen::Screened;
use crate::tools::{ToolBody, ToolReply, code_of};

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
const TOOL_SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
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
    label(&mut headers, Voice::Model(Dialect::OpenAi), "allowed", &record, &[]);
    respond(own.status, headers, Answer::own(own.body, record))
}

/// What a client of tools is answered.
pub(crate) fn tools(reply: ToolReply, mut record: Record) -> Response<Answer> {
    let ToolReply { status, verdict, session, body } = reply;
    record.answered(status.as_u16());
    if verdict != "allowed" {
        record.cut(verdict);
    }
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(session) = session {
        headers.insert(TOOL_SESSION, session);
    }
    label(&mut headers, Voice::Tools, verdict, &record, &record.standings());
    match body {
        ToolBody::Whole(body) => {
            if !body.is_empty() {
                headers.insert(CONTENT_TYPE, JSON);
            }
            record.passes(&body);
            respond(status, headers, Answer::own(body, record))
        }
        ToolBody::Steps(relay) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            respond(status, headers, Answer::steps(relay, record))
        }
    }
}

pub(crate) fn passing(voice: Voice, screened: Screened, record: Record) -> Response<Answer> {
    let Screened { mut head, body, verdict } = screened;
    label(&mut head.headers, voice, verdict, &record, &record.standings());
    let mut response = Response::new(Answer::new(body, record));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

pub(crate) fn refusal(
    voice: Voice,
    challenge: Option<HeaderValue>,
    refusal: &Refusal,
    mut record: Record,
) -> Response<Answer> {
    let terms = refusal.terms();
    record.refused(refusal, terms.status.as_u16(), terms.reason);
    let message = refusal.to_string();
    let text =
        RefusalText { trouble: terms.trouble, code: terms.reason, message: &message, param: refusal.param() };
    let body: Bytes = match voice {
        Voice::Model(dialect) => refusal_body(dialect, &text, record.request_id()).into(),
        Voice::Tools => rpc_error(refusal, &text, &record).into(),
    };
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(CONTENT_TYPE, JSON);
    let all = if let Refusal::Over { standings, .. } = refusal { standings.as_slice() } else { &[] };
    label(&mut headers, voice, terms.reason, &record, all);
    hint(&mut headers, challenge, refusal);
    respond(terms.status, headers, Answer::own(body, record))
}

/// A refusal in JSON-RPC. Programs find the reason in `data`.
fn rpc_error(refusal: &Refusal, text: &RefusalText<'_>, record: &Record) -> Vec<u8> {
    if let Refusal::ProtocolVersion { asked } = refusal {
        return mcp::unsupported_version(record.rpc(), asked);
    }
    let data = format!("{{\"reason\":\"{}\"}}", text.code);
    mcp::error_body(record.rpc(), code_of(refusal, text.trouble), text.message, Some(&data))
}

fn respond(status: StatusCode, headers: HeaderMap, answer: Answer) -> Response<Answer> {
    let mut response = Response::new(answer);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Most headers that [`label`] adds.
const LABELS: usize = 12;

/// Verdict, request id, and where the caller stands.
fn label(
    headers: &mut HeaderMap,
    voice: Voice,
    verdict: &'static str,
    record: &Record,
    all: &[Standing<'_>],
) {
    headers.reserve(LABELS);
    headers.insert(VERDICT, HeaderValue::from_static(verdict));
    let mut values = Values::new();
    values.add(REQUEST_ID, |text| text.extend_from_slice(record.request_id().as_bytes()));
    standings(headers, &mut values, all, record.policies());
    values.put_into(headers);
    // Anthropic's SDKs read the request's id from a header of another name.
    if let (Voice::Model(Dialect::Anthropic), Some(id)) = (voice, headers.get(REQUEST_ID).cloned()) {
        headers.insert(ANTHROPIC_REQUEST_ID, id);
    }
}

/// Values of several headers, written into one piece of memory: a dozen go out with every answer.
struct Values {
    text: BytesMut,
    /// Name, and where its value ends.
    names: SmallVec<[(HeaderName, usize); LABELS]>,
}

impl Values {
    fn new() -> Self {
        Self { text: BytesMut::with_capacity(512), names: SmallVec::new() }
    }

    /// Adds a value; one that holds nothing is left out.
    fn add(&mut self, name: HeaderName, write: impl FnOnce(&mut BytesMut)) {
        let before = self.text.len();
        write(&mut self.text);
        if self.text.len() > before {
            self.names.push((name, self.text.len()));
        }
    }

    fn number(&mut self, name: HeaderName, number: u64) {
        self.add(name, |text| push_number(text, number));
    }

    fn put_into(self, headers: &mut HeaderMap) {
        let text = self.text.freeze();
        let mut from = 0;
        for (name, to) in self.names {
            if let Ok(value) = HeaderValue::from_maybe_shared(text.slice(from..to)) {
                headers.insert(name, value);
            }
            from = to;
        }
    }
}

fn push_number(text: &mut BytesMut, number: u64) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// What the refusal's status asks for beside the body.
fn hint(headers: &mut HeaderMap, challenge: Option<HeaderValue>, refusal: &Refusal) {
    if let Some(ms) = refusal.retry_ms() {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(ms)));
        headers.insert(RETRY_AFTER_MS, HeaderValue::from(ms.max(1)));
    }
    if refusal.is_final() {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    match refusal {
        Refusal::MethodNotAllowed { allowed } => insert(headers, ALLOW, allowed.as_str()),
        Refusal::NoCredential | Refusal::BadCredential => {
            let bearer = HeaderValue::from_static("Bearer");
            headers.insert(WWW_AUTHENTICATE, challenge.unwrap_or(bearer));
        }
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
fn standings(headers: &mut HeaderMap, values: &mut Values, all: &[Standing<'_>], known: Option<&Policies>) {
    let told = || all.iter().filter(|standing| is_told(standing.per));
    let known = known.filter(|known| known.rules == told().count());
    match known {
        Some(known) => drop(headers.insert(RATELIMIT_POLICY, known.value.clone())),
        None => values.add(RATELIMIT_POLICY, |text| list(text, told(), policy)),
    }
    values.add(RATELIMIT, |text| list(text, told(), state));
    let tightest = |unit| told().filter(|standing| standing.unit == unit).min_by_key(|s| s.remaining);
    vendor_set(values, tightest(Unit::Requests), &VENDOR_REQUESTS);
    vendor_set(values, tightest(Unit::Tokens), &VENDOR_TOKENS);
}

fn is_told(per: Per) -> bool {
    matches!(per, Per::User | Per::Key)
}

/// What `RateLimit-Policy` says where every rule of a bot that callers are told of applies: made once, it is the same in
/// nearly every answer.
pub(crate) struct Policies {
    /// How many rules it tells.
    rules: usize,
    value: HeaderValue,
}

impl Policies {
    /// `None` if there is nothing to tell.
    pub(crate) fn of(plan: &Plan) -> Option<Self> {
        let told = || plan.rules().filter(|rule| is_told(rule.per()));
        let mut text = BytesMut::new();
        for (at, rule) in told().enumerate() {
            let measure = rule.measure();
            item(&mut text, at, rule.name());
            terms(&mut text, measure.unit(), measure.max(), measure.window());
        }
        let value = HeaderValue::from_maybe_shared(text.freeze()).ok()?;
        (!value.is_empty()).then(|| Self { rules: told().count(), value })
    }
}

/// A structured-field list of items, `"name"` and parameters each.
fn list<'s>(
    text: &mut BytesMut,
    standings: impl Iterator<Item = &'s Standing<'s>>,
    parameters: fn(&mut BytesMut, &Standing<'_>),
) {
    for (at, standing) in standings.enumerate() {
        item(text, at, &standing.rule);
        parameters(text, standing);
    }
}

fn item(text: &mut BytesMut, at: usize, name: &str) {
    text.extend_from_slice(if at == 0 { b"\"" } else { b", \"" });
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b"\"");
}

fn policy(text: &mut BytesMut, standing: &Standing<'_>) {
    terms(text, standing.unit, standing.max, standing.window);
}

fn terms(text: &mut BytesMut, unit: Unit, max: u64, window: Duration) {
    parameter(text, ";q=", max);
    let window = window.as_secs();
    if window > 0 {
        parameter(text, ";w=", window);
    }
    text.extend_from_slice(match unit {
        Unit::Requests => b"",
        Unit::Tokens => b";botwarden-unit=\"tokens\"",
        Unit::Open => b";qu=\"concurrent-requests\"",
    });
}

fn state(text: &mut BytesMut, standing: &Standing<'_>) {
    parameter(text, ";r=", standing.remaining);
    parameter(text, ";t=", standing.reset_ms.div_ceil(1000));
}

fn parameter(text: &mut BytesMut, key: &str, value: u64) {
    text.extend_from_slice(key.as_bytes());
    push_number(text, value);
}

fn vendor_set(values: &mut Values, standing: Option<&Standing<'_>>, names: &[HeaderName; 3]) {
    let Some(standing) = standing else { return };
    let [limit, remaining, reset] = names;
    values.number(limit.clone(), standing.max);
    values.number(remaining.clone(), standing.remaining);
    values.add(reset.clone(), |text| vendor_duration(text, standing.reset_ms));
}

/// OpenAI's way to write a span: `12ms`, `1.5s`, `6m0s`, `1h2m3s`.
fn vendor_duration(text: &mut BytesMut, ms: u64) {
    let (secs, rest) = (ms / 1000, ms % 1000);
    let mut part = |number, unit: &[u8]| {
        push_number(text, number);
        text.extend_from_slice(unit);
    };
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, 0) => part(rest, b"ms"),
        (0, 0, s) if rest == 0 => part(s, b"s"),
        (0, 0, s) => {
            part(s, b".");
            part(rest / 100, b"");
            part(rest / 10 % 10, b"");
            part(rest % 10, b"s");
        }
        (0, m, s) => {
            part(m, b"m");
            part(s, b"s");
        }
        (h, m, s) => {
            part(h, b"h");
            part(m, b"m");
            part(s, b"s");
        }
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
            let mut text = BytesMut::new();
            vendor_duration(&mut text, ms);
            assert_eq!(text, want);
        }
    }
}
