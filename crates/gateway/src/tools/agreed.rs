//! What was agreed with a tool server, and who it said it is.

use std::sync::Arc;

use botwarden_policy::Data;
use botwarden_protocol as protocol;
use botwarden_protocol::json::Document;
use botwarden_protocol::mcp::{self, Params};
use http::HeaderValue;
use parking_lot::Mutex;

use super::Fault;
use super::data::data;
use super::listing::Listing;

/// Which of the two ways of speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// A handshake, and then what was agreed in it.
    Handshake,
    /// Each request stands for itself.
    Stateless,
}

/// What was agreed with a tool server.
pub(crate) struct Agreed {
    pub(crate) era: Era,
    pub(crate) version: &'static str,
    /// The session it opened for us, if it keeps any.
    pub(crate) session: Option<HeaderValue>,
    /// Who it says it is and what it tells models to do: what is pinned of it beside its tools.
    pub(crate) identity: Data,
    /// Its tools, as far as known.
    pub(crate) listing: Mutex<Option<Arc<Listing>>>,
}

/// An older version that servers still speak; what we use of it is the same.
const HANDSHAKE_OLDEST: &str = "2024-11-05";

impl Agreed {
    /// From the result of `initialize`.
    pub(crate) fn by_handshake(
        result: &str,
        session: Option<HeaderValue>,
        json: &protocol::Bounds,
    ) -> Result<Self, Fault> {
        let document = Document::parse(result.as_bytes(), json).map_err(|_| UNREADABLE)?;
        let root = document.root();
        let version = root.get("protocolVersion").and_then(|version| version.as_str());
        let known = mcp::HANDSHAKE_VERSIONS.into_iter().chain([HANDSHAKE_OLDEST]);
        let version = known.into_iter().find(|known| version.as_deref() == Some(*known));
        let version =
            version.ok_or(Fault::Unusable("it speaks no version of MCP that the gateway speaks"))?;
        let identity = identity(root.get("serverInfo").map(data), root.get("instructions").map(data));
        Ok(Self { era: Era::Handshake, version, session, identity, listing: Mutex::default() })
    }

    /// From the result of `server/discover`; `None` if it does not speak that version.
    pub(crate) fn by_discovery(result: &str, json: &protocol::Bounds) -> Option<Self> {
        let document = Document::parse(result.as_bytes(), json).ok()?;
        let root = document.root();
        let versions = root.get("supportedVersions")?;
        versions.items().find(|version| version.as_str().as_deref() == Some(mcp::STATELESS_VERSION))?;
        let info = root.get("_meta").and_then(|meta| meta.get(mcp::SERVER_META));
        let identity = identity(info.map(data), root.get("instructions").map(data));
        let (era, version) = (Era::Stateless, mcp::STATELESS_VERSION);
        Some(Self { era, version, session: None, identity, listing: Mutex::default() })
    }

    /// What a question of the stateless era takes for granted.
    pub(crate) fn asking() -> Self {
        Self::bare(Era::Stateless, mcp::STATELESS_VERSION, None)
    }

    /// The same session again, for a word in passing.
    pub(crate) fn again(version: &'static str, session: Option<HeaderValue>) -> Self {
        Self::bare(Era::Handshake, version, session)
    }

    fn bare(era: Era, version: &'static str, session: Option<HeaderValue>) -> Self {
        Self { era, version, session, identity: Data::Null, listing: Mutex::default() }
    }

    /// How a request of that era asks for a page of the list.
    pub(crate) fn page<'p>(&self, cursor: Option<&'p str>) -> Params<'p> {
        Params { cursor, is_stateless: self.era == Era::Stateless, ..Params::default() }
    }
}

const UNREADABLE: Fault = Fault::Unusable("its handshake cannot be read");

/// The name, the title and the instructions. The version is left out: it changes with every release, is shown to no model, and
/// whoever wants to deceive leaves it as it was.
fn identity(info: Option<Data>, instructions: Option<Data>) -> Data {
    let of = |name: &str| info.as_ref().and_then(|info| info.get(name)).cloned();
    let parts = [("name", of("name")), ("title", of("title")), ("instructions", instructions)];
    let parts = parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Data::Map(parts.collect())
}
