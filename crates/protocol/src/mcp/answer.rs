//! What a tool server sends: one message in each body, event or line.

use super::id::Id;
use crate::envelope::{Place, fields, required_text};
use crate::json::{Document, Kind, Value};
use crate::{Bounds, ReadError};

/// One message of a tool server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromServer {
    /// The result of a request.
    Result {
        /// Of which.
        id: Id,
        /// The JSON of it, as written: an object.
        result: String,
        /// Whether it is one, rather than a wish for more input.
        is_complete: bool,
    },
    /// That a request failed.
    Error {
        /// Which; none if the server could not read it.
        id: Option<Id>,
        /// The code.
        code: i64,
        /// What it says.
        message: String,
        /// The `data` beside it, as written.
        data: Option<String>,
    },
    /// How far a request is.
    Progress {
        /// The token under which it was asked.
        token: Id,
        /// The number, as written.
        progress: String,
        /// Of how much, as written.
        total: Option<String>,
    },
    /// That its tools are others now.
    ToolsChanged,
    /// A request to us.
    Request {
        /// For the answer.
        id: Id,
        /// What it wants.
        method: String,
    },
    /// Anything else that needs no answer.
    Other,
}

/// Reads one message.
pub fn read_answer(body: &[u8], bounds: &Bounds) -> Result<FromServer, ReadError> {
    let document = Document::parse(body, bounds)?;
    let root = document.root();
    let place = Place::BODY;
    let [version, id, method, params, result, error] =
        fields(root, &["jsonrpc", "id", "method", "params", "result", "error"], &place)?;
    if version.and_then(|version| version.as_str()).as_deref() != Some("2.0") {
        return Err(place.field("jsonrpc").missing("`\"2.0\"`"));
    }
    let id = id.map(|id| Id::read(id, &place.field("id"))).transpose()?;
    match (method, result, error) {
        (Some(method), None, None) => {
            let method = required_text(Some(method), &place.field("method"))?;
            match id {
                Some(id) => Ok(FromServer::Request { id, method }),
                None => notification(&method, params),
            }
        }
        (None, Some(result), None) => {
            let id = id.ok_or_else(|| place.field("id").missing("the id of the request"))?;
            if result.kind() != Kind::Object {
                return Err(place.field("result").wrong(result, "an object"));
            }
            let kind = result.get("resultType").and_then(|kind| kind.as_str());
            let is_complete = kind.is_none_or(|kind| kind == "complete");
            Ok(FromServer::Result { id, result: result.raw().to_owned(), is_complete })
        }
        (None, None, Some(error)) => failure(id, error),
        _ => Err(place.field("result").missing("one of `method`, `result` and `error`")),
    }
}

fn failure(id: Option<Id>, error: Value<'_>) -> Result<FromServer, ReadError> {
    let place = Place::BODY.field("error");
    let [code, message, data] = fields(error, &["code", "message", "data"], &place)?;
    let code = code.and_then(|code| code.raw().parse().ok());
    let code = code.ok_or_else(|| place.field("code").missing("a whole number"))?;
    let message = required_text(message, &place.field("message"))?;
    Ok(FromServer::Error { id, code, message, data: data.map(|data| data.raw().to_owned()) })
}

fn notification(method: &str, params: Option<Value<'_>>) -> Result<FromServer, ReadError> {
    match (method, params) {
        ("notifications/tools/list_changed", _) => Ok(FromServer::ToolsChanged),
        ("notifications/progress", Some(params)) => progress(params),
        _ => Ok(FromServer::Other),
    }
}

fn progress(params: Value<'_>) -> Result<FromServer, ReadError> {
    let place = Place::BODY.field("params");
    let [token, progress, total] = fields(params, &["progressToken", "progress", "total"], &place)?;
    let number = |value: Option<Value<'_>>| {
        value.filter(|value| value.kind() == Kind::Number).map(|value| value.raw().to_owned())
    };
    let (Some(token), Some(progress)) = (token, number(progress)) else { return Ok(FromServer::Other) };
    let token = Id::read(token, &place.field("progressToken"))?;
    Ok(FromServer::Progress { token, progress, total: number(total) })
}
