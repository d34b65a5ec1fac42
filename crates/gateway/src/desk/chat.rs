//! What a conversation says of itself: who said what, which calls were made, what they returned.
//!
//! Where the application's code is trusted (`user_turns = "inline"`), roles and results count for what they claim. Where it is not
//! (`"posted"`), only a result of a call that we let through counts, and only of a tool that the application runs itself: who lies about
//! the results of their own tools could as well have called them without asking. The rest is text that anyone may have written.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use botwarden_policy::Data;
use botwarden_policy::contract::Contract;
use botwarden_policy::decide::hash_of;
use botwarden_policy::read::read_json;
use botwarden_policy::session::{Heard, Observed, Session};
use botwarden_types::{Exchange, Message, Part, Role};

use super::memory::{Memory, Released, observe_inline};
use super::{Patron, resolve};

/// Something that a conversation says.
pub(super) struct Said {
    /// Tells it from others.
    pub(super) mark: u64,
    what: What,
}

enum What {
    Heard(Arc<Heard>),
    Observed(Arc<Observed>),
    Done { server: String, tool: String, arguments: u64 },
}

impl Said {
    pub(super) fn tell(&self, session: &mut Session) {
        match &self.what {
            What::Heard(heard) => session.hear(heard.clone()),
            What::Observed(observed) => session.observe(observed.clone()),
            What::Done { server, tool, arguments } => session.done(server, tool, *arguments),
        }
    }
}

/// What stands in a conversation, piece by piece, each with its mark; nothing of it is read yet.
enum Piece<'e> {
    User(&'e str),
    Call(&'e botwarden_types::ToolCall),
    Result { id: &'e str, text: &'e str },
    Text(&'e str),
}

fn pieces(exchange: &Exchange) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for message in &exchange.messages {
        for part in &message.parts {
            match part {
                Part::Text { text, .. } => pieces.push(spoken(message, text)),
                Part::ToolCall(call) => pieces.push(Piece::Call(call)),
                Part::ToolResult(result) => {
                    pieces.extend(
                        result.texts.iter().map(|(text, _)| Piece::Result { id: &result.call_id, text }),
                    );
                }
                Part::Other { .. } => {}
            }
        }
    }
    pieces
}

fn spoken<'e>(message: &Message, text: &'e str) -> Piece<'e> {
    match message.role {
        Role::User => Piece::User(text),
        Role::System | Role::Assistant | Role::Tool => Piece::Text(text),
    }
}

impl Piece<'_> {
    fn mark(&self) -> u64 {
        let mut hasher = hasher();
        match self {
            Self::User(text) => (0, text).hash(&mut hasher),
            Self::Call(call) => (1, &call.id, &call.name, &call.arguments).hash(&mut hasher),
            Self::Result { id, text } => (2, id, text).hash(&mut hasher),
            Self::Text(text) => (3, text).hash(&mut hasher),
        }
        hasher.finish()
    }
}

/// One hash for the life of the process: marks are compared with those of earlier requests.
fn hasher() -> impl Hasher {
    static STATE: std::sync::OnceLock<ahash::RandomState> = std::sync::OnceLock::new();
    STATE.get_or_init(ahash::RandomState::new).build_hasher()
}

/// Whether the conversation goes on with what the memory has heard of it.
pub(super) fn goes_on(memory: &Memory, exchange: &Exchange) -> bool {
    let pieces = pieces(exchange);
    memory.said.len() <= pieces.len()
        && memory.said.iter().zip(&pieces).all(|(mark, piece)| *mark == piece.mark())
}

/// Takes note of a conversation whose roles count. What was heard of it before is not read again.
pub(super) fn hear(memory: &mut Memory, patron: &Patron, exchange: &Exchange) {
    let mut calls: HashMap<&str, Released> = HashMap::new();
    for (at, piece) in pieces(exchange).into_iter().enumerate() {
        if let Piece::Call(call) = &piece
            && let Some(released) = released(patron, call)
        {
            calls.insert(&call.id, released);
        }
        if at < memory.said.len() {
            continue;
        }
        let mark = piece.mark();
        let what = match piece {
            Piece::User(text) => What::Heard(Arc::new(Heard::new(text, &[]))),
            Piece::Call(call) => match calls.get(call.id.as_str()) {
                Some(Released { server, tool, arguments }) => {
                    What::Done { server: server.clone(), tool: tool.clone(), arguments: hash_of(arguments) }
                }
                None => What::Observed(Arc::new(anyones("a call", &call.arguments))),
            },
            Piece::Result { id, text } => What::Observed(Arc::new(returned(patron, calls.get(id), text))),
            Piece::Text(text) => What::Observed(Arc::new(anyones("the conversation", text))),
        };
        memory.said(&Said { mark, what });
    }
}

/// Takes note of a conversation whose roles do not count.
pub(super) fn overhear(memory: &mut Memory, patron: &Patron, exchange: &Exchange) {
    for piece in pieces(exchange) {
        let observed = match &piece {
            Piece::Result { id, text } => {
                let released = memory.released.get(*id).filter(|released| !is_carried(patron, released));
                returned(patron, released, text)
            }
            Piece::Text(text) => anyones("the conversation", text),
            Piece::User(text) => anyones("what the agent says the user said", text),
            Piece::Call(_) => continue,
        };
        if memory.noted.insert(piece.mark()) {
            memory.session.observe(Arc::new(observed));
        }
    }
}

/// Whether calls of it come through us: then only what we carried counts.
fn is_carried(patron: &Patron, released: &Released) -> bool {
    resolve::find(&patron.bot, Some(&released.server), &released.tool).is_none_or(|found| found.is_ours)
}

fn released(patron: &Patron, call: &botwarden_types::ToolCall) -> Option<Released> {
    let found = resolve::find(&patron.bot, None, &call.name)?;
    let arguments = if call.arguments.trim().is_empty() {
        Data::Map(Vec::new())
    } else {
        read_json(&call.arguments).ok()?
    };
    Some(Released { server: found.server.to_owned(), tool: found.tool, arguments })
}

fn returned(patron: &Patron, released: Option<&Released>, text: &str) -> Observed {
    let known = released.and_then(|released| Some((patron.bot.contracts.get(&released.server)?, released)));
    match known {
        Some((contract, released)) => observe_inline(contract, released, text),
        None => anyones("a result that no call asked for", text),
    }
}

/// Text for which nobody answers.
fn anyones(source: &str, text: &str) -> Observed {
    static NOTHING: std::sync::OnceLock<Contract> = std::sync::OnceLock::new();
    let nothing = NOTHING.get_or_init(|| Contract {
        server: String::new(),
        tools: std::collections::BTreeMap::new(),
        fields: std::collections::BTreeMap::new(),
    });
    Observed::new(nothing, "", None, source.to_owned(), text, None)
}
