//! Every way in which a request is turned away, and the one place where a cause gets its status.

use botwarden_identity::Right;
use botwarden_limit::{Standing, Unit};
use botwarden_protocol::{ReadError, ReadErrorKind, Trouble};
use botwarden_types::Dialect;
use http::{Method, StatusCode};

use crate::bodies::Full;

/// Why a request is not served. `Display` is the message for the caller: it says the mend and never holds content or a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "no credential: send `Authorization: Bearer …` or `x-api-key: …` with a key from `botwarden key issue`"
    )]
    NoCredential,
    #[error("this credential is not known, has expired or was revoked")]
    BadCredential,
    #[error("two different credentials in one request: send one")]
    TwoCredentials,
    #[error("Rate limit exceeded: too many failed sign-ins from this address; try again in {} s", whole_seconds(*retry_ms))]
    CredentialThrottled { retry_ms: u64 },
    #[error("this credential does not have the right `{}`", .0.as_str())]
    NoRight(Right),
    #[error("the bot of this credential is not in the configuration")]
    NoBot,

    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path takes {allowed}")]
    MethodNotAllowed { allowed: Method },
    #[error("the host by which the request came is none of the gateway's: add it to `hosts` of `[listen]`")]
    ForeignHost,
    #[error("web pages of this origin may not call tools: add it to `origins` of `[listen]`")]
    ForeignOrigin,
    #[error("the bot has no tool server of this name that is called through the gateway")]
    NoToolServer,
    #[error("there is no such method; tools are offered, and nothing else of MCP")]
    NoMethod,
    #[error("`{header}` says something else than the body")]
    HeaderMismatch { header: &'static str },
    #[error("Unsupported protocol version")]
    ProtocolVersion { asked: String },
    #[error("the bot's upstream speaks the {} dialect, which has no such path", .speaks.as_str())]
    WrongDialect { speaks: Dialect },
    #[error("this path takes no such query parameters")]
    Query,
    #[error("the request target is longer than {max} bytes")]
    TargetTooLong { max: usize },
    #[error("the request has more than {max} header fields")]
    TooManyHeaders { max: usize },
    #[error("`{name}` was sent more than once")]
    TwoHeaders { name: http::HeaderName },
    #[error("`{name}` is not usable: {expected}")]
    Header { name: &'static str, expected: &'static str },

    #[error("the body came without its length: send `content-length`, not `transfer-encoding`")]
    NoLength,
    #[error("the body is not declared as JSON: send `content-type: application/json`")]
    NotJson,
    #[error("compressed bodies are not taken: send the body without `content-encoding`")]
    Compressed,
    #[error("the body is larger than {max} bytes")]
    BodyTooLarge { max: usize },
    #[error(
        "the gateway holds as many request bodies as it may: try again in {} s",
        whole_seconds(BODIES_RETRY_MS)
    )]
    BodiesFull,
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    #[error("the body broke off")]
    BodyBroken,
    #[error("{0}")]
    Unreadable(ReadError),
    #[error("{message}")]
    Field { param: &'static str, message: String },

    #[error("{message}")]
    Over { message: String, unit: Unit, retry_ms: Option<u64>, standings: Vec<Standing<'static>> },
    #[error("the gateway could not record this request and therefore does not serve it")]
    Unrecorded,
    #[error("the model is not granted to this bot")]
    ModelNotGranted,
    #[error("the vendor's own tool {kind} is not granted to this bot: what it does is done past the gateway")]
    VendorTool { kind: String },

    #[error("there is no such session")]
    NoSession,
    #[error("this idempotency key was used with another body")]
    IdempotencyConflict,
    #[error("{0}")]
    SessionLimit(String),
    #[error("there is no such approval in that session")]
    NoApproval,
    #[error("the approval waits for no answer: {0}")]
    ApprovalOver(&'static str),
    #[error("{0}")]
    ApprovalElsewhere(&'static str),
    #[error("the store did not answer")]
    Store,
    #[error("an operator has stopped this; nothing is served until they lift it")]
    Quarantined,

    #[error("the upstream could not be reached")]
    UpstreamUnreachable,
    #[error("the upstream did not take a connection in time")]
    UpstreamUnconnected,
    #[error("the upstream did not answer in time")]
    UpstreamTimeout,
    #[error("the upstream broke off")]
    UpstreamBroken,
    #[error("the upstream refused the gateway's own key; its operator has to renew it")]
    UpstreamRefusedKey,
    #[error("the upstream's answer cannot be read: {0}")]
    UpstreamAnswer(&'static str),
    #[error("the gateway is shutting down")]
    Draining,
    #[error("the gateway met an error of its own")]
    Internal,
}

/// When to try again where the room for bodies is taken. Nobody knows when a body ends; most take less than that.
const BODIES_RETRY_MS: u64 = 1000;

/// The longest that vendors' SDKs wait for a retry. Source: `MAX_RETRY_AFTER_DELAY` of openai-python 3.54.0 and anthropic
/// 2.12.0; older ones do not wait beyond a minute and ask again within seconds.
const SDK_WAIT_MS_MAX: u64 = 120_000;

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self::BodiesFull
    }
}

/// What the wire needs of a refusal.
pub(crate) struct Terms {
    pub(crate) status: StatusCode,
    /// Stable id: header `botwarden-verdict`, metrics, logs, `error.code`.
    pub(crate) reason: &'static str,
    pub(crate) trouble: Trouble,
}

impl Refusal {
    /// The one mapping from cause to status. No wildcard: a new cause makes the compiler ask.
    pub(crate) fn terms(&self) -> Terms {
        let (status, reason, trouble) = match self {
            Self::NoCredential => (401, "no-credential", Trouble::Authentication),
            Self::BadCredential => (401, "bad-credential", Trouble::Authentication),
            Self::TwoCredentials => (400, "two-credentials", Trouble::InvalidRequest),
            Self::CredentialThrottled { .. } => (429, "credential-throttled", Trouble::RateLimit),
            Self::NoRight(_) => (403, "no-right", Trouble::Permission),
            Self::NoBot => (403, "no-bot", Trouble::Permission),
            Self::NotFound => (404, "not-found", Trouble::NotFound),
            Self::MethodNotAllowed { .. } => (405, "method-not-allowed", Trouble::MethodNotAllowed),
            Self::WrongDialect { .. } => (404, "wrong-dialect", Trouble::NotFound),
            Self::ForeignHost => (403, "foreign-host", Trouble::Permission),
            Self::ForeignOrigin => (403, "foreign-origin", Trouble::Permission),
            Self::NoToolServer => (404, "no-tool-server", Trouble::NotFound),
            Self::NoMethod => (404, "no-method", Trouble::NotFound),
            Self::HeaderMismatch { .. } => (400, "header-mismatch", Trouble::InvalidRequest),
            Self::ProtocolVersion { .. } => (400, "protocol-version", Trouble::InvalidRequest),
            Self::Query => (400, "unknown-query", Trouble::InvalidRequest),
            Self::TargetTooLong { .. } => (414, "target-too-long", Trouble::InvalidRequest),
            Self::TooManyHeaders { .. } => (431, "too-many-headers", Trouble::InvalidRequest),
            Self::TwoHeaders { .. } => (400, "two-headers", Trouble::InvalidRequest),
            Self::Header { .. } => (400, "bad-header", Trouble::InvalidRequest),
            Self::NoLength => (411, "length-required", Trouble::InvalidRequest),
            Self::NotJson => (415, "not-json", Trouble::UnsupportedMediaType),
            Self::Compressed => (415, "compressed-body", Trouble::UnsupportedMediaType),
            Self::BodyTooLarge { .. } => (413, "body-too-large", Trouble::TooLarge),
            Self::BodiesFull => (503, "bodies-full", Trouble::Overloaded),
            Self::BodyTooSlow => (408, "body-too-slow", Trouble::Timeout),
            Self::BodyBroken => (400, "body-broken", Trouble::InvalidRequest),
            Self::Unreadable(error) => match error.kind() {
                ReadErrorKind::Malformed => (400, "malformed-request", Trouble::InvalidRequest),
                ReadErrorKind::Field => (400, "bad-field", Trouble::InvalidRequest),
                ReadErrorKind::Bound => (400, "too-complex", Trouble::InvalidRequest),
            },
            Self::Field { .. } => (400, "bad-field", Trouble::InvalidRequest),
            Self::Over { unit, .. } => match unit {
                Unit::Requests => (429, "rate-limit", Trouble::RateLimit),
                Unit::Tokens => (429, "token-limit", Trouble::RateLimit),
                Unit::Open => (429, "open-streams", Trouble::RateLimit),
            },
            Self::Unrecorded => (503, "unrecorded", Trouble::Overloaded),
            Self::VendorTool { .. } => (403, "vendor-tool", Trouble::Permission),
            Self::ModelNotGranted => (404, "model-not-granted", Trouble::NotFound),
            Self::NoSession => (404, "no-session", Trouble::NotFound),
            Self::IdempotencyConflict => (409, "idempotency-conflict", Trouble::InvalidRequest),
            Self::SessionLimit(_) => (429, "session-limit", Trouble::RateLimit),
            Self::NoApproval => (404, "no-approval", Trouble::NotFound),
            Self::ApprovalOver(_) => (409, "approval-over", Trouble::InvalidRequest),
            Self::ApprovalElsewhere(_) => (409, "approval-elsewhere", Trouble::InvalidRequest),
            Self::Quarantined => (503, "quarantined", Trouble::Overloaded),
            Self::Store => (503, "store", Trouble::Overloaded),
            Self::UpstreamUnreachable => (502, "upstream-unreachable", Trouble::Upstream),
            Self::UpstreamUnconnected => (504, "upstream-timeout", Trouble::Timeout),
            Self::UpstreamTimeout => (504, "upstream-timeout", Trouble::Timeout),
            Self::UpstreamBroken => (502, "upstream-broken", Trouble::Upstream),
            Self::UpstreamRefusedKey => (502, "upstream-key", Trouble::Upstream),
            Self::UpstreamAnswer(_) => (502, "upstream-answer", Trouble::Upstream),
            Self::Draining => (503, "draining", Trouble::Overloaded),
            Self::Internal => (500, "internal", Trouble::Internal),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Terms { status, reason, trouble }
    }

    /// The field of the request that is at fault, where one is.
    pub(crate) fn param(&self) -> Option<&str> {
        match self {
            Self::ModelNotGranted => Some("model"),
            Self::VendorTool { .. } => Some("tools"),
            Self::Field { param, .. } => Some(param),
            Self::Unreadable(error) => error.param(),
            _ => None,
        }
    }

    /// The wait after which to try again: of limits the exact one after which the same request would be admitted.
    pub(crate) fn retry_ms(&self) -> Option<u64> {
        match self {
            Self::Over { retry_ms, .. } => *retry_ms,
            Self::CredentialThrottled { retry_ms } => Some(*retry_ms),
            Self::BodiesFull => Some(BODIES_RETRY_MS),
            _ => None,
        }
    }

    /// Whether it is of no use that the caller's SDK sends the same again by itself, as it does on 408, 409, 429 and from
    /// 500 on: nothing it could wait for would change the answer.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Over { retry_ms: Some(ms), .. } => *ms > SDK_WAIT_MS_MAX,
            // Places of open streams come free by themselves; what is more than a whole limit never fits.
            Self::Over { retry_ms: None, unit, .. } => *unit != Unit::Open,
            Self::CredentialThrottled { .. }
            | Self::IdempotencyConflict
            | Self::ApprovalOver(_)
            | Self::ApprovalElsewhere(_)
            | Self::Quarantined
            | Self::UpstreamRefusedKey
            | Self::UpstreamAnswer(_) => true,
            _ => false,
        }
    }

    /// Whether unread bytes of the request may still be under way, so that the connection cannot be used again.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::NoLength
                | Self::BodyTooLarge { .. }
                | Self::BodiesFull
                | Self::BodyTooSlow
                | Self::BodyBroken
        )
    }
}

/// Rounded up, never 0: a client that waits this long is never early.
pub(crate) fn whole_seconds(ms: u64) -> u64 {
    ms.div_ceil(1000).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use botwarden_protocol::{RefusalText, refusal_body};
    use botwarden_types::Dialect;

    use super::Refusal;

    const GUIDE: &str = include_str!("../../../docs/guide/errors.md");

    /// Reason and status of each arm of [`super::Refusal::terms`], as the source has them: the one place where they stand.
    fn in_source() -> BTreeSet<(&'static str, &'static str)> {
        let source = include_str!("refusal.rs");
        let (_, rest) = source.split_once("let (status, reason, trouble) = match self {").unwrap();
        let (arms, _) = rest.split_once("StatusCode::from_u16").unwrap();
        let tuples = arms.split("=> (").skip(1).map(|arm| {
            let (status, rest) = arm.split_once(", \"").unwrap();
            let (reason, _) = rest.split_once('"').unwrap();
            (reason, status)
        });
        tuples.collect()
    }

    /// Reasons with which an answer is cut that has begun, as the source has them.
    fn cuts_in_source() -> BTreeSet<&'static str> {
        let source = include_str!("stage/passing.rs");
        source.split(".cut(").skip(1).filter_map(|call| call.split('"').nth(1)).collect()
    }

    /// The same, as the guide lists them.
    fn cuts_in_guide() -> BTreeSet<&'static str> {
        let (_, rest) = GUIDE.split_once("with one of the reasons ").unwrap();
        let (list, _) = rest.split_once(":\n").unwrap();
        list.split('`').skip(1).step_by(2).collect()
    }

    #[test]
    fn the_guide_explains_every_reason_to_cut_an_answer() {
        assert_eq!(cuts_in_guide(), cuts_in_source());
    }

    /// Reason and status of each row of the guide's tables.
    fn in_guide() -> BTreeSet<(&'static str, &'static str)> {
        let rows = GUIDE.lines().filter_map(|line| {
            let (reason, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            Some((reason, rest.split_once(' ')?.0))
        });
        rows.collect()
    }

    /// No request from outside is known to lead there, so that only this holds what a caller would see of it.
    #[test]
    fn an_error_of_our_own_says_that_it_is_ours_and_nothing_more() {
        let refusal = Refusal::Internal;
        let terms = refusal.terms();
        let message = refusal.to_string();
        let text = RefusalText { trouble: terms.trouble, code: terms.reason, message: &message, param: None };
        assert_eq!((terms.status.as_u16(), terms.reason), (500, "internal"));
        for (dialect, want) in [
            (
                Dialect::OpenAi,
                r#"{"error":{"message":"the gateway met an error of its own","type":"server_error","param":null,"code":"internal"}}"#,
            ),
            (
                Dialect::Anthropic,
                r#"{"type":"error","error":{"type":"api_error","message":"the gateway met an error of its own"},"request_id":"req-1"}"#,
            ),
        ] {
            assert_eq!(String::from_utf8_lossy(&refusal_body(dialect, &text, "req-1")), want);
        }
    }

    #[test]
    fn the_guide_explains_every_reason_and_no_other() {
        let (source, guide) = (in_source(), in_guide());
        let missing: Vec<_> = source.difference(&guide).collect();
        let stale: Vec<_> = guide.difference(&source).collect();
        assert!(missing.is_empty(), "docs/guide/errors.md lacks {missing:?}");
        assert!(stale.is_empty(), "docs/guide/errors.md has what no refusal says: {stale:?}");
        assert!(source.len() > 30, "the arms were not found in the source");
    }
}
