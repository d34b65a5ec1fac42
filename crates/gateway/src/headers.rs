//! What passes in heads and what does not.

use botwarden_types::Secret;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use smallvec::SmallVec;

use crate::refusal::Refusal;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
pub(crate) const VERDICT: HeaderName = HeaderName::from_static("botwarden-verdict");
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const USER: HeaderName = HeaderName::from_static("x-botwarden-user");
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("botwarden-upstream-request-id");

/// RFC 9110 §7.6.1: they speak of one connection, so they end here.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "proxy-authenticate"
            | "proxy-authorization"
    )
}

/// The caller's credentials and addresses, what would pick another account of the owner's at the provider, and what is
/// written anew.
fn is_callers_own(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "x-api-key"
            | "api-key"
            | "x-goog-api-key"
            | "cookie"
            | "x-botwarden-user"
            | "cookie2"
            | "openai-organization"
            | "openai-project"
            | "expect"
    ) || is_from_the_way(name)
}

/// What proxies and sign-in services on the way to us wrote of the caller: addresses, certificates, names. Whatever its name,
/// it is not the provider's. Most headers are told apart by a letter or two.
fn is_from_the_way(name: &str) -> bool {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    match name.as_bytes() {
        [b'x', b'-', b'a', ..] => starts(&["x-amz", "x-auth", "x-azure-", "x-appengine-", "x-arr-"]),
        [b'x', b'-', b'c', ..] => starts(&["x-client-", "x-cluster-client-ip"]),
        [b'x', b'-', b'e', ..] => starts(&["x-envoy-"]),
        [b'x', b'-', b'f', ..] => starts(&["x-forwarded", "x-forward-"]),
        [b'x', b'-', b'g', ..] => starts(&["x-goog-iap-", "x-goog-authenticated-user-"]),
        [b'x', b'-', b'm', ..] => starts(&["x-ms-client-principal", "x-ms-token-"]),
        [b'x', b'-', b'o', ..] => starts(&["x-original-"]),
        [b'x', b'-', b'r', ..] => starts(&["x-real-ip", "x-remote-"]),
        [b'x', b'-', b's', ..] => starts(&["x-ssl-"]),
        [b'x', ..] => false,
        [b'b', ..] => name == "baggage",
        [b'c', ..] => starts(&["cf-", "client-cert", "client-ip", "cdn-loop"]),
        [b'f', ..] => starts(&["forwarded", "fastly-client-ip", "fly-client-ip"]),
        [b'r', ..] => starts(&["remote-"]),
        [b's', ..] => starts(&["ssl-client-"]),
        [b't', ..] => name == "true-client-ip",
        [b'v', ..] => name == "via",
        _ => false,
    }
}

/// What a provider tells its customer, not that customer's callers: cookies, the account, the account's own limits.
fn is_providers_own(name: &str) -> bool {
    matches!(
        name,
        "set-cookie" | "openai-organization" | "openai-project" | "anthropic-organization-id" | "alt-svc"
    ) || name.starts_with("x-ratelimit-")
        || name.starts_with("anthropic-ratelimit-")
        || name.starts_with("ratelimit")
}

/// Makes the caller's head into the one the upstream gets; `authority` is its host, `key` the provider's.
pub(crate) fn for_upstream(
    headers: &mut HeaderMap,
    authority: &HeaderValue,
    credential: &Credential,
    body_bytes: usize,
) {
    remove(headers, is_callers_own);
    declare(headers, body_bytes);
    headers.insert(header::HOST, authority.clone());
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    match credential {
        Credential::None => {}
        Credential::Bearer(value) => drop(headers.insert(header::AUTHORIZATION, value.clone())),
        Credential::ApiKey(value) => drop(headers.insert(API_KEY, value.clone())),
    }
}

/// Sees to it that the length declared is the length sent. Nearly always it is already.
fn declare(headers: &mut HeaderMap, body_bytes: usize) {
    let mut digits = itoa::Buffer::new();
    let length = digits.format(body_bytes).as_bytes();
    let mut declared = headers.get_all(header::CONTENT_LENGTH).iter();
    match (declared.next(), declared.next()) {
        (None, _) if body_bytes == 0 => {}
        _ if body_bytes == 0 => drop(headers.remove(header::CONTENT_LENGTH)),
        (Some(declared), None) if declared.as_bytes() == length => {}
        _ => drop(headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body_bytes))),
    }
}

/// The provider's key in the form its dialect wants.
#[derive(Clone)]
pub(crate) enum Credential {
    /// The upstream asks for none.
    None,
    /// OpenAI.
    Bearer(HeaderValue),
    /// Anthropic.
    ApiKey(HeaderValue),
}

impl Credential {
    /// The header value, marked so that it never shows in debug output or HTTP/2 header tables. `None` if it holds line breaks.
    pub(crate) fn new(dialect: botwarden_types::Dialect, key: Option<&Secret>) -> Option<Self> {
        let Some(key) = key else { return Some(Self::None) };
        let sensitive = |text: &str| {
            let mut value = HeaderValue::from_str(text).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        match dialect {
            botwarden_types::Dialect::OpenAi => {
                sensitive(&format!("Bearer {}", key.expose())).map(Self::Bearer)
            }
            botwarden_types::Dialect::Anthropic => sensitive(key.expose()).map(Self::ApiKey),
        }
    }
}

/// Makes the upstream's head into the one the caller gets. The upstream's request id stays readable under our name.
pub(crate) fn for_caller(headers: &mut HeaderMap) {
    remove(headers, is_providers_own);
    if let Some(id) = headers.remove(REQUEST_ID).or_else(|| headers.remove(ANTHROPIC_REQUEST_ID)) {
        headers.insert(UPSTREAM_REQUEST_ID, id);
    }
}

/// Makes the head fit a body that is ours: another length, and nothing that vouches for the upstream's bytes.
pub(crate) fn rewritten(headers: &mut HeaderMap, body_bytes: usize) {
    const OF_OTHER_BYTES: [&str; 5] = ["etag", "content-md5", "digest", "content-digest", "repr-digest"];
    for name in OF_OTHER_BYTES {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body_bytes));
}

/// Removes what `also` says, what speaks of one connection, and what `connection` names as such.
fn remove(headers: &mut HeaderMap, also: fn(&str) -> bool) {
    let mut gone: SmallVec<[HeaderName; 8]> = SmallVec::new();
    for value in headers.get_all(header::CONNECTION) {
        let names = value.to_str().unwrap_or_default().split(',');
        gone.extend(names.filter_map(|name| name.trim().parse::<HeaderName>().ok()));
    }
    // One look at what is there costs less than a look-up of each name that could be.
    gone.extend(headers.keys().filter(|name| is_hop_by_hop(name.as_str()) || also(name.as_str())).cloned());
    for name in gone {
        headers.remove(name);
    }
}

/// The host by which a request reached us: of HTTP/2 from its target, else from `host`, of which there is one.
pub(crate) fn authority(uri: &http::Uri, headers: &HeaderMap) -> Option<String> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str().to_owned()),
        None => single(headers, &header::HOST).ok()??.to_str().ok().map(str::to_owned),
    }
}

/// The only value of `name`; two are a refusal, because two readers might each take another one.
pub(crate) fn single<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h HeaderValue>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Refusal::TwoHeaders { name: name.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botwarden_types::Dialect;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn the_callers_credentials_and_connection_end_here() {
        let mut headers = map(&[
            ("authorization", "Bearer bw_secret"),
            ("x-api-key", "bw_secret"),
            ("cookie", "a=b"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("openai-organization", "org-other"),
            ("x-botwarden-user", "alice"),
            ("accept-encoding", "gzip"),
            ("anthropic-version", "2023-06-01"),
            ("x-custom", "kept"),
        ]);
        let key = Secret::new("sk-provider".into());
        let credential = Credential::new(Dialect::OpenAi, Some(&key)).unwrap();
        for_upstream(&mut headers, &HeaderValue::from_static("api.example"), &credential, 0);
        let mut left: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        left.sort();
        assert_eq!(
            left,
            [
                "accept-encoding: identity",
                "anthropic-version: 2023-06-01",
                "authorization: Bearer sk-provider",
                "host: api.example",
                "x-custom: kept",
            ]
        );
    }

    #[test]
    fn what_the_way_says_of_the_caller_ends_here_and_what_sdks_say_goes_on() {
        for name in [
            "forwarded",
            "via",
            "baggage",
            "cookie2",
            "true-client-ip",
            "cf-connecting-ip",
            "cf-connecting-ipv6",
            "cf-access-jwt-assertion",
            "cdn-loop",
            "client-cert",
            "fastly-client-ip",
            "remote-user",
            "ssl-client-verify",
            "x-real-ip",
            "x-client-ip",
            "x-client-cert",
            "x-cluster-client-ip",
            "x-forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-user",
            "x-forwarded-access-token",
            "x-forwarded-client-cert",
            "x-original-forwarded-for",
            "x-original-url",
            "x-ssl-client-cert",
            "x-amzn-oidc-identity",
            "x-amzn-oidc-data",
            "x-amzn-trace-id",
            "x-amz-cf-id",
            "x-amz-security-token",
            "x-auth-request-email",
            "x-authentik-username",
            "x-remote-user",
            "x-envoy-external-address",
            "x-azure-clientip",
            "x-goog-iap-jwt-assertion",
            "x-ms-client-principal-name",
        ] {
            assert!(is_callers_own(name), "{name} goes on to the provider");
        }
        for name in [
            "accept",
            "accept-language",
            "content-type",
            "content-length",
            "user-agent",
            "anthropic-version",
            "anthropic-beta",
            "anthropic-dangerous-direct-browser-access",
            "openai-beta",
            "x-stainless-lang",
            "x-stainless-retry-count",
            "x-should-retry",
            "x-client",
            "x-custom",
            "x-title",
            "http-referer",
            "idempotency-key",
            "traceparent",
            "tracestate",
        ] {
            assert!(!is_callers_own(name) && !is_hop_by_hop(name), "{name} does not go on");
        }
    }

    #[test]
    fn nothing_vouches_for_bytes_that_were_rewritten() {
        let mut headers = map(&[
            ("etag", "\"1\""),
            ("content-digest", "sha-256=:AA==:"),
            ("content-length", "900"),
            ("content-type", "application/json"),
        ]);
        rewritten(&mut headers, 7);
        let mut left: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        left.sort();
        assert_eq!(left, ["content-length: 7", "content-type: application/json"]);
    }

    #[test]
    fn the_length_declared_is_the_length_sent() {
        for (name, pairs, body_bytes, want) in [
            ("right", &[("content-length", "7")][..], 7, Some("7")),
            ("wrong", &[("content-length", "9")], 7, Some("7")),
            ("not as we write it", &[("content-length", "+7")], 7, Some("7")),
            ("twice", &[("content-length", "7"), ("content-length", "9")], 7, Some("7")),
            ("missing", &[], 7, Some("7")),
            ("no body", &[("content-length", "7")], 0, None),
            ("nothing at all", &[], 0, None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            declare(&mut headers, body_bytes);
            let declared: Vec<_> = headers.get_all("content-length").iter().collect();
            assert_eq!(declared, want.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn the_providers_account_stays_the_owners() {
        let mut headers = map(&[
            ("set-cookie", "__cf=1"),
            ("openai-organization", "acme"),
            ("x-ratelimit-remaining-tokens", "5"),
            ("anthropic-ratelimit-requests-limit", "5"),
            ("x-request-id", "req_up"),
            ("transfer-encoding", "chunked"),
            ("openai-processing-ms", "12"),
        ]);
        for_caller(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["botwarden-upstream-request-id", "openai-processing-ms"]);
    }

    #[test]
    fn a_provider_key_does_not_print() {
        let key = Secret::new("sk-provider".into());
        let Some(Credential::Bearer(value)) = Credential::new(Dialect::OpenAi, Some(&key)) else {
            unreachable!()
        };
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert!(Credential::new(Dialect::OpenAi, Some(&Secret::new("a\nb".into()))).is_none());
    }
}
