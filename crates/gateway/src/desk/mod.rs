//! Where calls of tools are decided, whichever way they come: the one place that asks `policy`.
//!
//! What is known of a session stands in [`memory`], read from what was kept and from the conversation ([`chat`]). A call is read
//! in one way ([`resolve`]), decided, and if a person has to be asked, held ([`hold`]). What a tool returned is looked at in [`result`].

mod chat;
mod decide;
mod hold;
mod memory;
mod resolve;
mod result;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use botwarden_identity::{Principal, SessionStore};
use botwarden_policy::Place;
use botwarden_policy::approval::ApprovalStore;
use botwarden_policy::chronicle::Chronicle;
use botwarden_policy::contract::Contract;
use botwarden_policy::quarantine::Quarantine;
use botwarden_types::{Clock, Exchange, SessionId, UserName};
use bytes::Bytes;

use crate::config::ToolRule;
use crate::state::Bot;
use memory::Memories;

/// For whom tools are used.
pub(crate) struct Patron {
    /// The bot that uses them.
    pub(crate) bot: Arc<Bot>,
    /// By which credential.
    pub(crate) caller: Principal,
    /// For which person.
    pub(crate) user: Option<UserName>,
    /// The conversation in which a model proposes them; `None` for calls to our own endpoint.
    pub(crate) exchange: Option<Arc<Exchange>>,
}

/// A call to be decided.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The id by which its result will name it.
    pub(crate) id: Option<String>,
    /// The tool server of whose own endpoint it is asked; `None` where names may carry the server: `server__tool`.
    pub(crate) server: Option<String>,
    /// The tool, as written.
    pub(crate) tool: String,
    /// Its arguments: JSON text, as written.
    pub(crate) arguments: String,
}

/// What was decided about one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may go on.
    Allowed {
        /// Its arguments as they must be sent, where they are not those that came: identity fills some in.
        arguments: Option<String>,
    },
    /// It may not.
    Refused {
        /// A stable word for the log.
        reason: &'static str,
        /// For the agent to read. Says `approval required: ID` where a person may still allow it.
        text: String,
    },
}

/// A decision under way: it may have to write an approval down.
pub(crate) type Deciding = Pin<Box<dyn Future<Output = Vec<Verdict>> + Send>>;
/// A result being looked at: what of it may go on.
pub(crate) type Returning = Pin<Box<dyn Future<Output = Result<Bytes, &'static str>> + Send>>;

/// What the desk asks of the world.
pub(crate) struct DeskPorts {
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// What persons said.
    pub(crate) sessions: Arc<dyn SessionStore>,
    /// What tools returned.
    pub(crate) chronicle: Arc<dyn Chronicle>,
    /// What persons are asked.
    pub(crate) approvals: Arc<dyn ApprovalStore>,
    /// What is stopped.
    pub(crate) quarantine: Arc<Quarantine>,
    /// Whether other nodes write to the same stores: then nothing read before is taken for the last word.
    pub(crate) is_shared: bool,
}

/// What a bot's tools do, by server.
pub(crate) type Contracts = BTreeMap<String, Arc<Contract>>;

/// Decides about tools.
pub(crate) struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    ports: DeskPorts,
    memories: Memories,
}

impl Desk {
    pub(crate) fn new(ports: DeskPorts) -> Self {
        Self { inner: Arc::new(Inner { ports, memories: Memories::default() }) }
    }

    /// Whether the tool is shown to those whom this bot serves at all. `server` as in [`Asked::server`].
    pub(crate) fn shows(&self, bot: &Bot, server: Option<&str>, tool: &str) -> bool {
        if bot.config.tool_rule == ToolRule::Open {
            return true;
        }
        let Some(found) = resolve::find(bot, server, tool) else { return false };
        !self.inner.ports.quarantine.stops_tool(&bot.config.name, found.server, &found.tool)
    }

    /// Decides calls together: what a limit or an approval allows once is given to one of them. One verdict for each, in order.
    pub(crate) fn decide(&self, patron: &Arc<Patron>, place: Place, calls: Vec<Asked>) -> Deciding {
        let (inner, patron) = (self.inner.clone(), patron.clone());
        Box::pin(async move { inner.decide(&patron, place, &calls).await })
    }

    /// Takes note of what a tool that was called through us returned (`result` is the JSON of a `CallToolResult`), and gives what of it may be
    /// passed on: records of others are taken out.
    pub(crate) fn returned(&self, patron: &Arc<Patron>, call: Asked, result: Bytes) -> Returning {
        let (inner, patron) = (self.inner.clone(), patron.clone());
        Box::pin(async move { inner.returned(&patron, &call, result).await })
    }

    /// A person said something in a session: what was read of it before is not all any more.
    pub(crate) fn spoken(&self, session: &SessionId) {
        self.inner.memories.spoken(session);
    }
}
