//! What a client that has no credential is told of where to get one (RFC 9728), and where it finds that.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use crate::config::Hosts;
use crate::headers::authority;
use crate::refusal::Refusal;
use crate::stage::disclose::Own;

const PREFIX: &str = "/.well-known/oauth-protected-resource";

/// The metadata of the resource at the path that follows the prefix; `None` if another path was asked for. It says nothing
/// of which bots and servers there are.
pub(crate) fn resource(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    hosts: &Hosts,
) -> Option<Result<Own, Refusal>> {
    let rest = uri.path().strip_prefix(PREFIX)?;
    let path = match rest {
        "" => "/mcp",
        "/mcp" => rest,
        _ if rest.strip_prefix("/mcp/").is_some_and(is_segment) => rest,
        _ => return Some(Err(Refusal::NotFound)),
    };
    if method != Method::GET {
        return Some(Err(Refusal::MethodNotAllowed { allowed: Method::GET }));
    }
    let Some(host) = authority(uri, headers).filter(|host| hosts.knows_host(host)) else {
        return Some(Err(Refusal::ForeignHost));
    };
    let body = serde_json::json!({
        "resource": format!("{}{path}", base(&host)),
        "bearer_methods_supported": ["header"],
        "resource_name": "Botwarden",
    });
    Some(Ok(Own { status: StatusCode::OK, body: Bytes::from(body.to_string()) }))
}

/// `WWW-Authenticate` for a refusal at that path.
pub(crate) fn challenge(uri: &Uri, headers: &HeaderMap, hosts: &Hosts) -> Option<HeaderValue> {
    let path = uri.path();
    let known = path == "/mcp" || path.strip_prefix("/mcp/").is_some_and(is_segment);
    let host = authority(uri, headers).filter(|host| known && hosts.knows_host(host))?;
    HeaderValue::from_str(&format!("Bearer resource_metadata=\"{}{PREFIX}{path}\"", base(&host))).ok()
}

/// We listen without TLS on this machine alone; whoever comes by another name comes through a proxy that ends it.
fn base(host: &str) -> String {
    let local = Hosts::default().knows_host(host);
    format!("{}://{host}", if local { "http" } else { "https" })
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
