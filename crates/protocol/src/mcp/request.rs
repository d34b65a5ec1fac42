//! What a client of tools sends: one message in each body.

use super::id::Id;
use super::{CAPABILITIES_META, VERSION_META};
use crate::envelope::{Place, fields, required_text, text};
use crate::error::Fault;
use crate::json::{Document, Kind, Value};
use crate::{Bounds, ReadError};

/// Bytes of a tool's name as a client may write it: a server's, two underscores, and 128 of the tool's own.
pub const TOOL_NAME_BYTES_MAX: usize = 256;

/// One message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// By which its answer is known; a notification has none and gets none.
    pub id: Option<Id>,
    /// What is asked.
    pub ask: Ask,
    /// By which it wants to be told of progress.
    pub progress: Option<Id>,
    /// The version named in its envelope, which makes it a request of the stateless era.
    pub version: Option<String>,
    /// Whether its envelope says what its sender can do, as that era demands.
    pub has_capabilities: bool,
    /// The method, as written. For comparing it with a header; bounded.
    pub method: String,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The handshake.
    Initialize {
        /// The version the client would like.
        version: String,
    },
    /// Who and what we are, in the stateless era.
    Discover,
    /// Whether we are there.
    Ping,
    /// What tools there are.
    ListTools {
        /// Where an earlier answer left off.
        cursor: Option<String>,
    },
    /// To run a tool.
    CallTool {
        /// Which, as written.
        name: String,
        /// Its arguments: the text of a JSON object, as written.
        arguments: String,
    },
    /// To drop a request that is under way.
    Cancel {
        /// Which.
        request: Id,
    },
    /// Nothing: a notification that needs no answer.
    Noted,
    /// A method that we do not have.
    Unknown,
}

/// Why a message is not read, with its id if that could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// For the answer.
    pub id: Option<Id>,
    /// Whether it is JSON at all.
    pub is_json: bool,
    /// Why.
    pub error: ReadError,
}

/// Bytes of a method's name. The longest we know has 32.
const METHOD_BYTES_MAX: usize = 128;
/// Bytes of a cursor of ours.
const CURSOR_BYTES_MAX: usize = 64;

/// Reads one message. Several in an array are refused: 2025-06-18 took them out again, and one decision is for one call.
pub fn read_message(body: &[u8], bounds: &Bounds) -> Result<Message, Unread> {
    let document = Document::parse(body, bounds).map_err(|error| {
        let is_json = error.kind.is_bound();
        Unread { id: None, is_json, error: error.into() }
    })?;
    let mut id = None;
    read(document.root(), &mut id).map_err(|error| Unread { id, is_json: true, error })
}

fn read(root: Value<'_>, id: &mut Option<Id>) -> Result<Message, ReadError> {
    if root.kind() != Kind::Object {
        return Err(Place::BODY.wrong(root, "one JSON-RPC request object; no batch"));
    }
    // That an id is there makes it a request, whatever it holds.
    if let Some(value) = root.get("id") {
        *id = Some(Id::read(value, &Place::BODY.field("id"))?);
    }
    let names = ["jsonrpc", "id", "method", "params", "result", "error"];
    let [version, _, method, params, result, error] = fields(root, &names, &Place::BODY)?;
    let place = Place::BODY.field("jsonrpc");
    if version.and_then(|version| version.as_str()).as_deref() != Some("2.0") {
        return Err(place.missing("`\"2.0\"`"));
    }
    for (value, name) in [(result, "result"), (error, "error")] {
        if let Some(value) = value {
            // We ask clients nothing, so there is nothing to answer.
            return Err(Place::BODY
                .field(name)
                .wrong(value, "requests and notifications; nothing was asked"));
        }
    }
    let place = Place::BODY.field("method");
    let method = bounded(required_text(method, &place)?, METHOD_BYTES_MAX, &place)?;
    let place = Place::BODY.field("params");
    let meta = Meta::read(params, &place)?;
    let ask =
        if id.is_some() { request(&method, params, &place)? } else { notification(&method, params, &place)? };
    let Meta { progress, version, has_capabilities } = meta;
    Ok(Message { id: id.clone(), ask, progress, version, has_capabilities, method })
}

fn request(method: &str, params: Option<Value<'_>>, place: &Place<'_>) -> Result<Ask, ReadError> {
    match method {
        "initialize" => {
            let [version] =
                fields(params.ok_or_else(|| place.missing("an object"))?, &["protocolVersion"], place)?;
            let place = place.field("protocolVersion");
            let version = bounded(required_text(version, &place)?, METHOD_BYTES_MAX, &place)?;
            Ok(Ask::Initialize { version })
        }
        "server/discover" => Ok(Ask::Discover),
        "ping" => Ok(Ask::Ping),
        "tools/list" => list(params, place),
        "tools/call" => call(params, place),
        _ => Ok(Ask::Unknown),
    }
}

fn list(params: Option<Value<'_>>, place: &Place<'_>) -> Result<Ask, ReadError> {
    let Some(params) = params else { return Ok(Ask::ListTools { cursor: None }) };
    let [cursor] = fields(params, &["cursor"], place)?;
    let place = place.field("cursor");
    let cursor = cursor.map(|cursor| bounded(text(cursor, &place)?.into_owned(), CURSOR_BYTES_MAX, &place));
    Ok(Ask::ListTools { cursor: cursor.transpose()? })
}

fn call(params: Option<Value<'_>>, place: &Place<'_>) -> Result<Ask, ReadError> {
    let params = params.ok_or_else(|| place.missing("an object"))?;
    let names = ["name", "arguments", "task", "inputResponses", "requestState"];
    let [name, arguments, task, responses, state] = fields(params, &names, place)?;
    // A task would run after the answer; the others go on with what a server asked, and servers may ask nothing.
    for (value, name) in [(task, "task"), (responses, "inputResponses"), (state, "requestState")] {
        if let Some(value) = value {
            return Err(place.field(name).wrong(value, "a call without it: it is not passed on"));
        }
    }
    let name_place = place.field("name");
    let name = bounded(required_text(name, &name_place)?, TOOL_NAME_BYTES_MAX, &name_place)?;
    let place = place.field("arguments");
    let arguments = match arguments {
        None => "{}",
        Some(arguments) if arguments.kind() == Kind::Object => arguments.raw(),
        Some(other) => return Err(place.wrong(other, "an object")),
    };
    if arguments.len() > crate::CALL_BYTES_MAX {
        return Err(
            place.refuse(Fault::Shape { found: "a long one", expected: "at most 1 MiB of arguments" })
        );
    }
    Ok(Ask::CallTool { name, arguments: arguments.to_owned() })
}

fn notification(method: &str, params: Option<Value<'_>>, place: &Place<'_>) -> Result<Ask, ReadError> {
    if method != "notifications/cancelled" {
        return Ok(Ask::Noted);
    }
    let Some(params) = params else { return Ok(Ask::Noted) };
    let [request] = fields(params, &["requestId"], place)?;
    let Some(request) = request else { return Ok(Ask::Noted) };
    Ok(Ask::Cancel { request: Id::read(request, &place.field("requestId"))? })
}

/// What is taken from `params._meta`. Nothing else of it goes on: nobody decides about it, and tools might believe it.
#[derive(Default)]
struct Meta {
    progress: Option<Id>,
    version: Option<String>,
    has_capabilities: bool,
}

impl Meta {
    fn read(params: Option<Value<'_>>, place: &Place<'_>) -> Result<Self, ReadError> {
        let Some(params) = params else { return Ok(Self::default()) };
        let [meta] = fields(params, &["_meta"], place)?;
        let Some(meta) = meta else { return Ok(Self::default()) };
        let place = place.field("_meta");
        if meta.kind() != Kind::Object {
            return Err(place.wrong(meta, "an object"));
        }
        let token = place.field("progressToken");
        let progress = meta.get("progressToken").filter(|value| value.kind() != Kind::Null);
        let progress = progress.map(|value| Id::read(value, &token)).transpose()?;
        let version = meta.get(VERSION_META).map(|value| {
            let place = place.field(VERSION_META);
            bounded(text(value, &place)?.into_owned(), METHOD_BYTES_MAX, &place)
        });
        let has_capabilities = meta.get(CAPABILITIES_META).is_some_and(|value| value.kind() == Kind::Object);
        Ok(Self { progress, version: version.transpose()?, has_capabilities })
    }
}

fn bounded(text: String, max: usize, place: &Place<'_>) -> Result<String, ReadError> {
    if text.len() <= max {
        return Ok(text);
    }
    Err(place.refuse(Fault::Shape { found: "a long text", expected: "a shorter one" }))
}
