//! Where calls of tools are decided, whichever way they come: the one place that asks `policy`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use botwarden_identity::Principal;
use botwarden_policy::Place;
use botwarden_types::{Exchange, UserName};
use bytes::Bytes;

use crate::state::Bot;

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

/// Decides about tools.
#[derive(Default)]
pub(crate) struct Desk {}

impl Desk {
    /// Whether the tool is shown to this patron at all. `server` as in [`Asked::server`].
    pub(crate) fn shows(&self, _patron: &Patron, _server: Option<&str>, _tool: &str) -> bool {
        true
    }

    /// Decides calls together: what a limit or an approval allows once is given to one of them. One verdict for each, in order.
    pub(crate) fn decide(&self, _patron: &Arc<Patron>, _place: Place, calls: Vec<Asked>) -> Deciding {
        Box::pin(async move { calls.iter().map(|_| Verdict::Allowed { arguments: None }).collect() })
    }

    /// Takes note of what a tool that was called through us returned (`result` is the JSON of a `CallToolResult`), and gives what of it may be
    /// passed on: records of others are taken out.
    pub(crate) fn returned(&self, _patron: &Arc<Patron>, _call: Asked, result: Bytes) -> Returning {
        Box::pin(async move { Ok(result) })
    }
}
