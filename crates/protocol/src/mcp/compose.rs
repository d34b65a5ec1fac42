//! Messages put together from our own words and the bytes of others, which stay as they are.

use super::id::Id;
use super::listing::{Listed, rename};
use super::{
    CAPABILITIES_META, CLIENT_META, HANDSHAKE_LATEST, HANDSHAKE_VERSIONS, SERVER_META, STATELESS_VERSION,
    VERSION_META, code,
};
use crate::Bounds;
use crate::json::{Document, push_quoted};

/// What a request to a tool server says beside its method.
#[derive(Clone, Copy, Debug, Default)]
pub struct Params<'p> {
    /// The tool to call and its arguments, JSON text of an object.
    pub call: Option<(&'p str, &'p str)>,
    /// The cursor of a page.
    pub cursor: Option<&'p str>,
    /// The token under which we want to hear of progress.
    pub progress: Option<u64>,
    /// Whether the request stands for itself and says all about itself.
    pub is_stateless: bool,
}

const CLIENT: &str = concat!(r#"{"name":"botwarden","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);

/// A request to a tool server.
pub fn request_to_server(id: u64, method: &str, params: &Params<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + params.call.map_or(0, |(_, arguments)| arguments.len()));
    out.extend_from_slice(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"#).as_bytes());
    push_quoted(&mut out, method);
    out.extend_from_slice(br#","params":{"#);
    let mut first = true;
    let mut name = |out: &mut Vec<u8>, name: &str| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        push_quoted(out, name);
        out.push(b':');
    };
    if let Some((tool, arguments)) = params.call {
        name(&mut out, "name");
        push_quoted(&mut out, tool);
        name(&mut out, "arguments");
        out.extend_from_slice(arguments.as_bytes());
    }
    if let Some(cursor) = params.cursor {
        name(&mut out, "cursor");
        push_quoted(&mut out, cursor);
    }
    if let Some(meta) = meta(params) {
        name(&mut out, "_meta");
        out.extend_from_slice(meta.as_bytes());
    }
    out.extend_from_slice(b"}}");
    out
}

fn meta(params: &Params<'_>) -> Option<String> {
    let token = params.progress.map(|token| format!(r#""progressToken":{token}"#));
    let envelope = params.is_stateless.then(|| {
        format!(
            r#""{VERSION_META}":"{STATELESS_VERSION}","{CLIENT_META}":{CLIENT},"{CAPABILITIES_META}":{{}}"#
        )
    });
    match (token, envelope) {
        (None, None) => None,
        (token, envelope) => {
            let members: Vec<_> = token.into_iter().chain(envelope).collect();
            Some(format!("{{{}}}", members.join(",")))
        }
    }
}

/// The call of a tool.
pub fn call_to_server(id: u64, tool: &str, arguments: &str, progress: bool, is_stateless: bool) -> Vec<u8> {
    let progress = progress.then_some(id);
    let params = Params { call: Some((tool, arguments)), cursor: None, progress, is_stateless };
    request_to_server(id, "tools/call", &params)
}

/// The handshake with a tool server. We offer it nothing: no sampling, no elicitation, no roots.
pub fn handshake_to_server(id: u64) -> Vec<u8> {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{{"protocolVersion":"{HANDSHAKE_LATEST}","capabilities":{{}},"clientInfo":{CLIENT}}}}}"#
    )
    .into_bytes()
}

/// A notification to a tool server: that the handshake is over, or that a request is not wanted any more.
pub fn notification_to_server(method: &str, cancelled: Option<u64>) -> Vec<u8> {
    let params = cancelled.map_or(String::new(), |id| format!(r#","params":{{"requestId":{id}}}"#));
    format!(r#"{{"jsonrpc":"2.0","method":"{method}"{params}}}"#).into_bytes()
}

/// The answer to a request of a tool server: that we are there, or that we do no such thing.
pub fn reply_to_server(id: &Id, method: &str) -> Vec<u8> {
    if method == "ping" {
        return result_body(id, b"{}");
    }
    let message = "not offered: tool servers ask nothing of the client through this gateway";
    error_body(Some(id), code::NO_METHOD, message, None)
}

/// A result for a client, its bytes as they are.
pub fn result_body(id: &Id, result: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + result.len());
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.as_json().as_bytes());
    out.extend_from_slice(br#","result":"#);
    out.extend_from_slice(result);
    out.push(b'}');
    out
}

/// An error for a client. `data` is JSON text.
pub fn error_body(id: Option<&Id>, code: i32, message: &str, data: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + message.len());
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.map_or("null", Id::as_json).as_bytes());
    out.extend_from_slice(format!(r#","error":{{"code":{code},"message":"#).as_bytes());
    push_quoted(&mut out, message);
    if let Some(data) = data {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data.as_bytes());
    }
    out.extend_from_slice(b"}}");
    out
}

/// That a version is not spoken, as clients of the stateless era read it.
pub fn unsupported_version(id: Option<&Id>, asked: &str) -> Vec<u8> {
    let mut data = br#"{"supported":["2026-07-28"],"requested":"#.to_vec();
    push_quoted(&mut data, asked);
    data.push(b'}');
    let data = String::from_utf8_lossy(&data);
    error_body(id, code::VERSION, "Unsupported protocol version", Some(&data))
}

/// A tool's result of our own: a text, marked as a failure, which a model reads.
pub fn call_text(text: &str) -> Vec<u8> {
    let mut out = br#"{"content":[{"type":"text","text":"#.to_vec();
    push_quoted(&mut out, text);
    out.extend_from_slice(br#"}],"isError":true}"#);
    out
}

/// A tool's result as the client's era wants it: where each has to say what it is, one that does not is told to.
pub fn call_result(id: &Id, result: &[u8], is_stateless: bool, bounds: &Bounds) -> Vec<u8> {
    if !is_stateless || says_its_type(result, bounds) {
        return result_body(id, result);
    }
    let inside = result.iter().position(|byte| *byte == b'{').and_then(|at| result.get(at + 1..));
    let Some(inside) = inside else { return result_body(id, result) };
    let is_empty = inside.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}');
    let mut out = br#"{"resultType":"complete""#.to_vec();
    if !is_empty {
        out.push(b',');
    }
    out.extend_from_slice(inside);
    result_body(id, &out)
}

fn says_its_type(result: &[u8], bounds: &Bounds) -> bool {
    Document::parse(result, bounds).is_ok_and(|result| result.root().get("resultType").is_some())
}

/// What a client is told in the handshake.
pub fn initialized(id: &Id, asked: &str, instructions: Option<&str>) -> Vec<u8> {
    let version = HANDSHAKE_VERSIONS.iter().find(|known| **known == asked).unwrap_or(&HANDSHAKE_LATEST);
    let mut out =
        format!(r#"{{"protocolVersion":"{version}","capabilities":{{"tools":{{}}}},"serverInfo":{CLIENT}"#)
            .into_bytes();
    push_instructions(&mut out, instructions);
    out.push(b'}');
    result_body(id, &out)
}

/// The same in the stateless era.
pub fn discovered(id: &Id, instructions: Option<&str>) -> Vec<u8> {
    let mut out = format!(
        r#"{{"resultType":"complete","supportedVersions":["{STATELESS_VERSION}"],"capabilities":{{"tools":{{}}}},"ttlMs":0,"cacheScope":"private","_meta":{{"{SERVER_META}":{CLIENT}}}"#
    )
    .into_bytes();
    push_instructions(&mut out, instructions);
    out.push(b'}');
    result_body(id, &out)
}

fn push_instructions(out: &mut Vec<u8>, instructions: Option<&str>) {
    if let Some(instructions) = instructions {
        out.extend_from_slice(br#","instructions":"#);
        push_quoted(out, instructions);
    }
}

/// A list of tools: each under the name it has here, else as its server wrote it.
pub fn listed<'t>(
    id: &Id,
    tools: impl Iterator<Item = (std::borrow::Cow<'t, str>, &'t Listed)>,
    next: Option<&str>,
    is_stateless: bool,
) -> Vec<u8> {
    let mut out = br#"{"tools":["#.to_vec();
    for (at, (name, tool)) in tools.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if name == tool.name {
            out.extend_from_slice(tool.definition.as_bytes());
        } else {
            rename(&mut out, tool, &name);
        }
    }
    out.push(b']');
    if let Some(next) = next {
        out.extend_from_slice(br#","nextCursor":"#);
        push_quoted(&mut out, next);
    }
    if is_stateless {
        // Private: what is shown depends on who asks.
        out.extend_from_slice(br#","resultType":"complete","ttlMs":0,"cacheScope":"private""#);
    }
    out.push(b'}');
    result_body(id, &out)
}

/// How far a call is, under the client's own token. The words that a server may send along stay here: nobody looked at them.
pub fn progress(token: &Id, progress: &str, total: Option<&str>) -> Vec<u8> {
    let token = token.as_json();
    let total = total.map_or(String::new(), |total| format!(r#","total":{total}"#));
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{progress}{total}}}}}"#
    )
    .into_bytes()
}
