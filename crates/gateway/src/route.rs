//! From method and path to what is asked. Exact: a path that is not listed does not exist.

use botwarden_protocol::is_model_name;
use botwarden_types::{Dialect, Operation, SessionId};
use http::{HeaderMap, Method, Uri};

use crate::config::TARGET_BYTES_MAX;
use crate::refusal::Refusal;

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Goes to the bot's upstream.
    Model(Operation),
    /// `GET /v1/models/{id}`: one model, by its name.
    OneModel(String),
    /// `GET /v1/`: tells a client that the address and the credential are right.
    Root,
    /// A message of a client of tools.
    Tools(ToolRoute),
    /// A call of the application's own backend.
    Backend(BackendCall),
}

/// `/mcp` and `/mcp/{tool_server}`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ToolRoute {
    /// `POST`: a message, to all servers or to one.
    Message(Option<String>),
    /// `DELETE`: the client's session is over.
    End(Option<String>),
}

impl ToolRoute {
    /// The server of whose own endpoint it is asked.
    pub(crate) fn server(&self) -> Option<&str> {
        match self {
            Self::Message(server) | Self::End(server) => server.as_deref(),
        }
    }
}

/// In whose words a request is answered of which nothing but its head is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// A dialect of models.
    Model(Dialect),
    /// JSON-RPC, as clients of tools read it.
    Tools,
}

/// `/botwarden/v1/…`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BackendCall {
    /// `POST /botwarden/v1/sessions`
    OpenSession,
    /// `POST /botwarden/v1/sessions/{id}/turns`
    AddTurn(String),
    /// `DELETE /botwarden/v1/sessions/{id}`
    EndSession(String),
    /// `GET /botwarden/v1/approvals?session=ID`
    ListApprovals { session: String },
    /// `POST /botwarden/v1/approvals/{id}?session=ID`
    AnswerApproval { id: String, session: String },
}

/// Which of our listeners a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// `[listen] gateway` while backend calls share it.
    Shared,
    /// `[listen] gateway` while backend calls listen apart.
    Callers,
    /// `[listen] backend`.
    Backend,
}

/// Query parameters that each path may carry on to the upstream; everything else is refused, not guessed at.
const MESSAGES_QUERY: &[&str] = &["beta"];
const MODELS_QUERY: &[&str] = &["limit", "after_id", "before_id"];

pub(crate) fn route(method: &Method, uri: &Uri, door: Door) -> Result<Route, Refusal> {
    let path = uri.path();
    let length = path.len() + uri.query().map_or(0, |query| query.len() + 1);
    if length > TARGET_BYTES_MAX {
        return Err(Refusal::TargetTooLong { max: TARGET_BYTES_MAX });
    }
    match path.strip_prefix("/botwarden/v1/") {
        Some(rest) if door != Door::Callers => backend(method, uri, rest).map(Route::Backend),
        None if door != Door::Backend && is_for_tools(path) => tools(method, uri, path).map(Route::Tools),
        None if door != Door::Backend => model(method, uri, path),
        _ => Err(Refusal::NotFound),
    }
}

fn model(method: &Method, uri: &Uri, path: &str) -> Result<Route, Refusal> {
    let (route, takes, query): (Route, Method, &[&str]) = match path {
        "/v1/chat/completions" => (Route::Model(Operation::ChatCompletions), Method::POST, &[]),
        "/v1/embeddings" => (Route::Model(Operation::Embeddings), Method::POST, &[]),
        "/v1/messages" => (Route::Model(Operation::Messages), Method::POST, MESSAGES_QUERY),
        "/v1/messages/count_tokens" => (Route::Model(Operation::CountTokens), Method::POST, MESSAGES_QUERY),
        "/v1/models" => (Route::Model(Operation::Models), Method::GET, MODELS_QUERY),
        "/v1/" | "/v1" => (Route::Root, Method::GET, &[]),
        _ => match path.strip_prefix("/v1/models/") {
            Some(id) if is_model_name(id) => (Route::OneModel(id.to_owned()), Method::GET, &[]),
            _ => return Err(Refusal::NotFound),
        },
    };
    require(method, takes)?;
    allow_query(uri, query)?;
    Ok(route)
}

/// Whether a path is one of those that speak MCP.
pub(crate) fn is_for_tools(path: &str) -> bool {
    path == "/mcp" || path.starts_with("/mcp/")
}

/// `GET` would open a stream on which servers begin to speak; there is none, as the protocol allows.
fn tools(method: &Method, uri: &Uri, path: &str) -> Result<ToolRoute, Refusal> {
    let server = match path.strip_prefix("/mcp/") {
        None => None,
        Some(name) if !name.is_empty() && !name.contains('/') => Some(name.to_owned()),
        Some(_) => return Err(Refusal::NotFound),
    };
    allow_query(uri, &[])?;
    match *method {
        Method::POST => Ok(ToolRoute::Message(server)),
        Method::DELETE => Ok(ToolRoute::End(server)),
        _ => Err(Refusal::MethodNotAllowed { allowed: Method::POST }),
    }
}

fn backend(method: &Method, uri: &Uri, rest: &str) -> Result<BackendCall, Refusal> {
    let mut pieces = rest.split('/');
    let (call, takes) = match (pieces.next(), pieces.next(), pieces.next(), pieces.next()) {
        (Some("sessions"), None, None, None) => (BackendCall::OpenSession, Method::POST),
        (Some("sessions"), Some(id), None, None) => (BackendCall::EndSession(id.to_owned()), Method::DELETE),
        (Some("sessions"), Some(id), Some("turns"), None) => {
            (BackendCall::AddTurn(id.to_owned()), Method::POST)
        }
        (Some("approvals"), id, None, None) => return approvals(method, uri, id),
        _ => return Err(Refusal::NotFound),
    };
    require(method, takes)?;
    allow_query(uri, &[])?;
    Ok(call)
}

/// Both calls name the session: an answer that is meant for another one is none.
fn approvals(method: &Method, uri: &Uri, id: Option<&str>) -> Result<BackendCall, Refusal> {
    require(method, if id.is_some() { Method::POST } else { Method::GET })?;
    let session = uri.query().and_then(|query| query.strip_prefix("session=")).ok_or(Refusal::Query)?;
    if SessionId::parse(session).is_err() {
        return Err(if session.contains('&') { Refusal::Query } else { Refusal::NoSession });
    }
    let session = session.to_owned();
    Ok(match id {
        Some(id) => BackendCall::AnswerApproval { id: id.to_owned(), session },
        None => BackendCall::ListApprovals { session },
    })
}

fn require(method: &Method, allowed: Method) -> Result<(), Refusal> {
    if *method == allowed { Ok(()) } else { Err(Refusal::MethodNotAllowed { allowed }) }
}

fn allow_query(uri: &Uri, allowed: &[&str]) -> Result<(), Refusal> {
    let Some(query) = uri.query() else { return Ok(()) };
    let known = query.split('&').all(|pair| allowed.contains(&pair.split('=').next().unwrap_or_default()));
    if known { Ok(()) } else { Err(Refusal::Query) }
}

/// The words in which to refuse a request of which nothing but its head is known.
pub(crate) fn voice_of(uri: &Uri, headers: &HeaderMap) -> Voice {
    if is_for_tools(uri.path()) {
        Voice::Tools
    } else if uri.path().starts_with("/v1/messages") || headers.contains_key("anthropic-version") {
        Voice::Model(Dialect::Anthropic)
    } else {
        Voice::Model(Dialect::OpenAi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        let shared = |method: &str, target: &str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            route(&method, &target.parse().unwrap(), Door::Shared).map_err(|refusal| refusal.terms().reason)
        };
        for (method, target, want) in [
            ("POST", "/v1/chat/completions", Ok(Route::Model(Operation::ChatCompletions))),
            ("POST", "/v1/messages?beta=true", Ok(Route::Model(Operation::Messages))),
            ("POST", "/v1/messages/count_tokens", Ok(Route::Model(Operation::CountTokens))),
            ("GET", "/v1/models", Ok(Route::Model(Operation::Models))),
            ("GET", "/v1/models/ft:gpt-4o:org::7p", Ok(Route::OneModel("ft:gpt-4o:org::7p".into()))),
            ("GET", "/v1/models/org/model", Ok(Route::OneModel("org/model".into()))),
            ("GET", "/v1/", Ok(Route::Root)),
            ("POST", "/botwarden/v1/sessions", Ok(Route::Backend(BackendCall::OpenSession))),
            ("DELETE", "/botwarden/v1/sessions/s1", Ok(Route::Backend(BackendCall::EndSession("s1".into())))),
            (
                "POST",
                "/botwarden/v1/sessions/s1/turns",
                Ok(Route::Backend(BackendCall::AddTurn("s1".into()))),
            ),
            ("POST", "/mcp", Ok(Route::Tools(ToolRoute::Message(None)))),
            ("POST", "/mcp/orders", Ok(Route::Tools(ToolRoute::Message(Some("orders".into()))))),
            ("DELETE", "/mcp", Ok(Route::Tools(ToolRoute::End(None)))),
            ("GET", "/mcp", Err("method-not-allowed")),
            ("POST", "/mcp/", Err("not-found")),
            ("POST", "/mcp/orders/x", Err("not-found")),
            ("POST", "/mcp?x=1", Err("unknown-query")),
            ("POST", "/MCP", Err("not-found")),
            (
                "GET",
                "/botwarden/v1/approvals?session=s1",
                Ok(Route::Backend(BackendCall::ListApprovals { session: "s1".into() })),
            ),
            (
                "POST",
                "/botwarden/v1/approvals/a1?session=s1",
                Ok(Route::Backend(BackendCall::AnswerApproval { id: "a1".into(), session: "s1".into() })),
            ),
            ("POST", "/botwarden/v1/approvals?session=s1", Err("method-not-allowed")),
            ("GET", "/botwarden/v1/approvals/a1?session=s1", Err("method-not-allowed")),
            ("GET", "/botwarden/v1/approvals", Err("unknown-query")),
            ("GET", "/botwarden/v1/approvals?session=s1&session=s2", Err("unknown-query")),
            ("GET", "/botwarden/v1/approvals?session=s%31", Err("no-session")),
            ("GET", "/botwarden/v1/approvals?session=", Err("no-session")),
            ("POST", "/botwarden/v1/approvals/a1/b?session=s1", Err("not-found")),
            ("GET", "/v1/chat/completions", Err("method-not-allowed")),
            ("CONNECT", "example.com:443", Err("not-found")),
            ("POST", "/v1/chat/completions/", Err("not-found")),
            ("POST", "/v1//chat/completions", Err("not-found")),
            ("POST", "/v1/chat%2Fcompletions", Err("not-found")),
            ("POST", "/V1/chat/completions", Err("not-found")),
            ("POST", "/v1/chat/completions?api-version=1", Err("unknown-query")),
            ("POST", "/v1/messages?beta=true&x=1", Err("unknown-query")),
            ("GET", "/v1/models/../keys", Err("not-found")),
            ("GET", "/v1/models/a%2e%2e", Err("not-found")),
            ("GET", "/v1/models/", Err("not-found")),
            ("GET", "/metrics", Err("not-found")),
            ("GET", "/", Err("not-found")),
        ] {
            assert_eq!(shared(method, target), want, "{method} {target}");
        }
    }

    #[test]
    fn doors_keep_callers_and_backends_apart() {
        let ask = |door, target: &str| route(&Method::POST, &target.parse().unwrap(), door).is_ok();
        assert!(ask(Door::Callers, "/v1/chat/completions"));
        assert!(!ask(Door::Callers, "/botwarden/v1/sessions"));
        assert!(ask(Door::Backend, "/botwarden/v1/sessions"));
        assert!(!ask(Door::Backend, "/v1/chat/completions"));
        assert!(ask(Door::Callers, "/mcp") && !ask(Door::Backend, "/mcp"));
    }
}
