//! What a tool server offers, and which of it exists for bots.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use botwarden_policy::pin::{Pin, PinnedServer, Standing, look_alikes, oddity_of_name, oddity_of_text};
use botwarden_policy::{Data, pin};
use botwarden_protocol as protocol;
use botwarden_protocol::json::Document;
use botwarden_protocol::mcp::Listed;

use super::data::data;

/// Tools of one server.
pub(crate) const TOOLS_MAX: usize = 1000;
/// Pages in which they come.
pub(crate) const PAGES_MAX: usize = 100;
/// Bytes of all their definitions.
pub(crate) const LISTING_BYTES_MAX: usize = 4 << 20;
/// How long a listing answers for calls; whoever lists asks the server itself.
const FRESH_FOR: Duration = Duration::from_secs(300);

/// What a server offered when it was asked last.
pub(crate) struct Listing {
    tools: Vec<Offered>,
    at: Instant,
    /// By which configuration it was held against what was accepted: a program outlives a reload, what it may show does not.
    of: u64,
}

/// A tool that was offered.
pub(crate) struct Offered {
    pub(crate) listed: Listed,
    /// Why it does not exist for bots, if it does not.
    pub(crate) hidden: Option<Hidden>,
}

/// Why a tool does not exist for bots. `Display` is for its operator and for the agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Hidden {
    /// Nothing of its server was ever accepted.
    #[error(
        "nothing of this tool server has been accepted by an operator yet (`botwarden policy pin --accept`)"
    )]
    Unpinned,
    /// Never accepted.
    #[error("this tool has not been accepted by an operator (`botwarden policy pin` shows it)")]
    Unknown,
    /// Accepted in other words.
    #[error(
        "the definition of this tool has changed since an operator accepted it (`botwarden policy pin` shows how)"
    )]
    Changed,
    /// The server calls itself something else now, or tells models something else.
    #[error(
        "the tool server says other things of itself than when an operator accepted it (`botwarden policy pin` shows what)"
    )]
    Server,
    /// It can be accepted by nobody.
    #[error("this tool cannot be used: {0}")]
    Odd(pin::Oddity),
}

impl Hidden {
    /// A stable word for headers, logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Unpinned | Self::Unknown | Self::Changed | Self::Server => "tool-not-pinned",
            Self::Odd(_) => "tool-odd",
        }
    }
}

/// What a server's tools are held against.
pub(crate) enum Against<'p> {
    /// What was accepted of it, if anything.
    Lock(Option<&'p PinnedServer>),
    /// Nothing but that people can read it.
    Nothing,
}

impl Listing {
    /// Holds what a server offers against what was accepted of it.
    pub(crate) fn new(
        of: u64,
        listed: Vec<Listed>,
        identity: &Data,
        against: &Against<'_>,
        json: &protocol::Bounds,
    ) -> Self {
        let mut odd = odd(&listed, json);
        let server = match against {
            Against::Lock(None) => Some(Hidden::Unpinned),
            Against::Lock(Some(pinned)) if Pin::of(identity).digest != pinned.identity.digest => {
                Some(Hidden::Server)
            }
            Against::Lock(Some(_)) | Against::Nothing => None,
        };
        let tools = listed.into_iter().enumerate().map(|(at, listed)| {
            let odd = odd.remove(&at).map(Hidden::Odd);
            let hidden = odd.or_else(|| server.clone()).or_else(|| unaccepted(&listed, against, json));
            Offered { listed, hidden }
        });
        Self { tools: tools.collect(), at: Instant::now(), of }
    }

    /// All that was offered, in the server's order.
    pub(crate) fn tools(&self) -> &[Offered] {
        &self.tools
    }

    /// The tool of exactly that name.
    pub(crate) fn tool(&self, name: &str) -> Option<&Offered> {
        self.tools.iter().find(|tool| tool.listed.name == name)
    }

    /// Whether it still answers for calls under that configuration.
    pub(crate) fn is_fresh(&self, of: u64) -> bool {
        self.of == of && self.at.elapsed() < FRESH_FOR
    }
}

fn unaccepted(listed: &Listed, against: &Against<'_>, json: &protocol::Bounds) -> Option<Hidden> {
    let Against::Lock(Some(pinned)) = against else { return None };
    let Some(definition) = definition(listed, json) else { return Some(Hidden::Unknown) };
    match pinned.standing(&listed.name, &Pin::of(&definition).digest) {
        Standing::Accepted => None,
        Standing::Unknown => Some(Hidden::Unknown),
        Standing::Changed => Some(Hidden::Changed),
    }
}

/// What of a list no reader could tell apart or see, by its place.
pub(crate) fn odd(listed: &[Listed], json: &protocol::Bounds) -> BTreeMap<usize, pin::Oddity> {
    let alike = look_alikes(listed.iter().map(|tool| tool.name.as_str()));
    let of = |tool: &Listed| {
        oddity_of_name(&tool.name)
            .or_else(|| alike.get(tool.name.as_str()).cloned())
            .or_else(|| definition(tool, json).and_then(|definition| oddity_of_text(&definition)))
    };
    listed.iter().enumerate().filter_map(|(at, tool)| Some((at, of(tool)?))).collect()
}

/// The values of a definition. It was read once, so it can be again.
pub(crate) fn definition(listed: &Listed, json: &protocol::Bounds) -> Option<Data> {
    let document = Document::parse(listed.definition.as_bytes(), json).ok()?;
    Some(data(document.root()))
}
