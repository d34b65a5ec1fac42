//! The one reading of a call.

use std::sync::Arc;

use botwarden_policy::contract::{Contract, Tool};
use botwarden_policy::read::read_json;
use botwarden_policy::{Call, Data, Place};
use botwarden_protocol::Bounds;
use botwarden_protocol::json::{Document, Kind};

use super::{Asked, Verdict};
use crate::config::ToolPlace;
use crate::state::Bot;

/// A tool that a contract grants.
pub(super) struct Found<'b> {
    pub(super) server: &'b str,
    pub(super) tool: String,
    pub(super) contract: &'b Arc<Contract>,
    /// Whether calls of it come through us, or the application makes them itself.
    pub(super) is_ours: bool,
}

/// The tool that a name means: `server__tool`, or a name that only one of the bot's servers has. Names are taken to the letter.
pub(super) fn find<'b>(bot: &'b Bot, server: Option<&str>, name: &str) -> Option<Found<'b>> {
    let at = |server: &str, tool: &str| -> Option<Found<'b>> {
        let (server, contract) = bot.contracts.get_key_value(server)?;
        contract.tools.contains_key(tool).then(|| Found {
            server,
            tool: tool.to_owned(),
            contract,
            is_ours: is_ours(bot, server),
        })
    };
    if let Some(server) = server {
        return at(server, name);
    }
    if let Some((server, tool)) = name.split_once("__")
        && let Some(found) = at(server, tool)
    {
        return Some(found);
    }
    let mut having = bot.contracts.keys().filter_map(|server| at(server, name));
    let first = having.next()?;
    having.next().is_none().then_some(first)
}

fn is_ours(bot: &Bot, server: &str) -> bool {
    let config = bot.config.tool_servers.iter().find(|config| config.name == *server);
    config.is_some_and(|config| !matches!(config.place, ToolPlace::Application))
}

/// A call as it is decided.
pub(super) struct Read<'b> {
    pub(super) found: Found<'b>,
    pub(super) call: Call,
}

impl Read<'_> {
    pub(super) fn contract_tool(&self) -> Option<&Tool> {
        self.found.contract.tools.get(&self.found.tool)
    }

    /// What people call this call: its tool and the first words of its arguments.
    pub(super) fn source(&self) -> String {
        source_of(&self.found.tool, &self.call.arguments)
    }
}

/// Characters of an argument that name a result.
const SOURCE_CHARS_MAX: usize = 80;

pub(super) fn source_of(tool: &str, arguments: &Data) -> String {
    let first = match arguments {
        Data::Map(entries) => entries.iter().find_map(|(_, value)| value.as_text()),
        _ => None,
    };
    match first {
        Some(text) => format!("{tool} {}", text.chars().take(SOURCE_CHARS_MAX).collect::<String>()),
        None => tool.to_owned(),
    }
}

/// Reads a call, or says for the agent why it cannot be.
pub(super) fn read<'b>(
    bot: &'b Bot,
    place: Place,
    asked: &Asked,
    bounds: &Bounds,
) -> Result<Read<'b>, Verdict> {
    let Some(found) = find(bot, asked.server.as_deref(), &asked.tool) else {
        let text = format!("denied: no contract grants the tool `{}`", printable(&asked.tool));
        return Err(Verdict::Refused { reason: "tool-not-granted", text });
    };
    let arguments = arguments(&asked.arguments, bounds).map_err(|why| Verdict::Refused {
        reason: "arguments-unreadable",
        text: format!("denied: the arguments of `{}` cannot be read in one way only: {why}", found.tool),
    })?;
    let call = Call { server: found.server.to_owned(), tool: found.tool.clone(), arguments, place };
    Ok(Read { found, call })
}

/// Bytes of one call's arguments: with every escape doubled they are still an entry that a chronicle takes.
const ARGUMENTS_BYTES_MAX: usize = 1 << 20;

/// Arguments are one JSON object, by the strict reader; no text at all is an object without members, which is what models write.
fn arguments(text: &str, bounds: &Bounds) -> Result<Data, String> {
    if text.trim().is_empty() {
        return Ok(Data::Map(Vec::new()));
    }
    if text.len() > ARGUMENTS_BYTES_MAX {
        return Err("they have more than 1 MiB".to_owned());
    }
    let document = Document::parse(text.as_bytes(), bounds).map_err(|error| error.to_string())?;
    if document.root().kind() != Kind::Object {
        return Err("they are no JSON object".to_owned());
    }
    read_json(text).map_err(|error| error.to_string())
}

/// A name as it can be shown.
pub(super) fn printable(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(128).collect()
}
