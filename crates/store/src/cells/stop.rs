//! The row of something that is stopped, and what a scope means in clear columns.

use botwarden_crypto::{CellKey, Digest};
use botwarden_policy::Holder;
use botwarden_policy::quarantine::{Scope, Stop};
use botwarden_types::{BotName, SessionId, UnixMs, UserName};
use serde::{Deserialize, Serialize};
use tracing::error;
use zeroize::Zeroizing;

use super::row::{Clear, from_column};
use super::{Cells, Columns, Fault, SEALED};

const TABLE: &str = "quarantines";

/// Which approvals a scope is about: those that agree in every column that is given.
#[derive(Default)]
pub(crate) struct Matching {
    pub(crate) bot: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) subject: Option<Vec<u8>>,
    pub(crate) server: Option<String>,
    pub(crate) tool: Option<String>,
}

impl Matching {
    pub(crate) fn of(cells: &Cells, scope: &Scope) -> Self {
        let own = |bot: &BotName| Some(bot.as_str().to_owned());
        match scope {
            Scope::Everything => Self::default(),
            Scope::Bot(bot) => Self { bot: own(bot), ..Self::default() },
            Scope::Session(session) => Self { session: Some(session.as_str().to_owned()), ..Self::default() },
            Scope::User(bot, user) => {
                Self { subject: Some(cells.subject_of(bot, user).as_bytes().to_vec()), ..Self::default() }
            }
            Scope::Tool { bot, server, tool } => Self {
                bot: bot.as_ref().and_then(own),
                server: Some(server.clone()),
                tool: tool.clone(),
                ..Self::default()
            },
        }
    }
}

/// What a scope is told from others by. A person's name is hashed.
pub(crate) fn mark(cells: &Cells, scope: &Scope) -> String {
    match scope {
        Scope::Everything => "everything".to_owned(),
        Scope::Bot(bot) => format!("bot\n{bot}"),
        Scope::Session(session) => format!("session\n{session}"),
        Scope::User(bot, user) => user_mark(&cells.subject_of(bot, user)),
        Scope::Tool { bot, server, tool: None } => {
            format!("server\n{}\n{server}", bot.as_ref().map_or("", BotName::as_str))
        }
        Scope::Tool { bot, server, tool: Some(tool) } => {
            format!("tool\n{}\n{server}\n{tool}", bot.as_ref().map_or("", BotName::as_str))
        }
    }
}

fn user_mark(subject: &Digest) -> String {
    let hex: String = subject.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("user\n{hex}")
}

/// The marks of everything that would stop a call.
pub(crate) fn marks_of(cells: &Cells, holder: &Holder, server: &str, tool: &str) -> Vec<String> {
    let bot = Some(holder.bot.clone());
    let mut scopes = vec![Scope::Everything, Scope::Bot(holder.bot.clone())];
    scopes.extend(holder.session.clone().map(Scope::Session));
    scopes.extend(holder.user.clone().map(|user| Scope::User(holder.bot.clone(), user)));
    for bot in [None, bot] {
        for tool in [None, Some(tool.to_owned())] {
            scopes.push(Scope::Tool { bot: bot.clone(), server: server.to_owned(), tool });
        }
    }
    scopes.iter().map(|scope| mark(cells, scope)).collect()
}

/// Inside of the sealed cell, as JSON.
#[derive(Serialize, Deserialize)]
struct Content {
    user: Option<String>,
    reason: String,
    by: String,
}

/// The sealed cell of something that is stopped: under the person's key where it is a person, else under the tenant's.
pub(crate) fn seal_stop(key: &CellKey, mark: &str, stop: &Stop) -> Result<Vec<u8>, Fault> {
    let user = match &stop.scope {
        Scope::User(_, user) => Some(user.as_str().to_owned()),
        _ => None,
    };
    let content = Content { user, reason: stop.reason.clone(), by: stop.by.clone() };
    let plain = Zeroizing::new(serde_json::to_vec(&content)?);
    Ok(key.seal(clear(mark, stop.since).place(TABLE, SEALED), &plain)?)
}

/// What a row of `quarantines` stops; `None` if it was a person who was erased since. What is in the clear holds whatever became of the
/// rest: whoever edits the database lets nobody go. A person who cannot be read any more stands for their whole bot.
pub(crate) async fn open_stop(cells: &Cells, row: &impl Columns) -> Result<Option<Stop>, Fault> {
    let mark = row.text("mark")?;
    let damaged = || Fault::Damaged { table: TABLE, id: "of a stop".to_owned() };
    let since = from_column(row.number("since")?);
    let bot = row.text_if_any("bot")?;
    let bot = bot.as_deref().map(BotName::parse).transpose().map_err(|_| damaged())?;
    let (place, sealed) = (clear(&mark, since), row.bytes(SEALED)?);
    let opened = cells.open(place.place(TABLE, SEALED), &sealed, TABLE, "of a stop").await;
    let content = match opened {
        Ok(opened) => serde_json::from_slice::<Content>(&opened).ok(),
        Err(Fault::Erased) if row.text("kind")? == "user" => return Ok(None),
        Err(Fault::Erased | Fault::Open { .. }) => None,
        Err(fault) => return Err(fault),
    };
    let user = content.as_ref().and_then(|content| content.user.as_deref());
    let user = user.and_then(|user| UserName::parse(user).ok());
    let scope = match (row.text("kind")?.as_str(), bot) {
        ("bot", Some(bot)) => Scope::Bot(bot),
        ("session", _) => {
            let session = row.text_if_any("session")?.ok_or_else(damaged)?;
            Scope::Session(SessionId::parse(&session).map_err(|_| damaged())?)
        }
        ("user", Some(bot)) => match user {
            Some(user) if user_mark(&cells.subject_of(&bot, &user)) == mark => Scope::User(bot, user),
            _ => {
                error!(%bot, "it cannot be read which person is stopped: the whole bot is");
                Scope::Bot(bot)
            }
        },
        ("tool", bot) => {
            let server = row.text_if_any("server")?.ok_or_else(damaged)?;
            Scope::Tool { bot, server, tool: row.text_if_any("tool")? }
        }
        // Everything, or what a later version stops.
        _ => Scope::Everything,
    };
    let unread = || ("(cannot be read)".to_owned(), "?".to_owned());
    let (reason, by) = content.map_or_else(unread, |content| (content.reason, content.by));
    Ok(Some(Stop { scope, reason, by, since }))
}

fn clear(mark: &str, since: UnixMs) -> Clear {
    Clear::default().text(mark).time(since)
}
