//! What is meant, as it is written on the command line.

use botwarden_policy::quarantine::Scope;
use botwarden_types::{BotName, NameError, SessionId, UserName};

use crate::config::{Config, nearest, one_of};
use crate::exit::Advice;

/// What is stopped or lifted.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// What kind of thing
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,
    /// Its name: a bot's, a session's id, a user's as the application gives it, `server__tool`, or a tool server's
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The bot: whose user it is; of a tool, to mean one bot's alone
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// One conversation
    Session,
    /// One person
    User,
    /// One tool, or all of a server
    Tool,
    /// One bot
    Bot,
    /// All bots
    Everything,
}

impl Target {
    /// The scope that is meant.
    pub(super) fn scope(&self) -> Result<Scope, Advice> {
        let bot = self.bot.as_deref().map(BotName::parse).transpose().map_err(wrong)?;
        let mend = "see `botwarden quarantine add --help`";
        let scope = match (self.kind, self.name.as_deref(), bot) {
            (Kind::Everything, None, None) => Scope::Everything,
            (Kind::Bot, Some(name), None) => Scope::Bot(BotName::parse(name).map_err(wrong)?),
            (Kind::Session, Some(id), None) => Scope::Session(SessionId::parse(id).map_err(wrong)?),
            (Kind::User, Some(name), Some(bot)) => Scope::User(bot, UserName::parse(name).map_err(wrong)?),
            (Kind::User, Some(_), None) => {
                return Err(Advice::usage("whose user?", "a user is known to one bot: give `--bot NAME`"));
            }
            (Kind::Tool, Some(name), bot) => tool(name, bot)?,
            (Kind::Everything, _, _) => {
                return Err(Advice::usage("everything has no name and no bot", mend));
            }
            (_, None, _) => return Err(Advice::usage("a name is missing", mend)),
            (Kind::Bot | Kind::Session, _, Some(_)) => {
                return Err(Advice::usage("`--bot` goes with `user` and `tool` alone", mend));
            }
        };
        Ok(scope)
    }

    /// Refuses the name of a bot that there is not: what is stopped by a slip of the pen is not stopped.
    pub(super) fn check_bot(scope: &Scope, config: &Config) -> Result<(), Advice> {
        let bot = match scope {
            Scope::Bot(bot) | Scope::User(bot, _) | Scope::Tool { bot: Some(bot), .. } => bot,
            Scope::Everything | Scope::Session(_) | Scope::Tool { bot: None, .. } => return Ok(()),
        };
        if config.bot(bot.as_str()).is_some() {
            return Ok(());
        }
        let names: Vec<&str> = config.bots.iter().map(|bot| bot.name.as_str()).collect();
        let mend = match nearest(bot.as_str(), names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("name {}", one_of(names)),
        };
        Err(Advice::new(format!("no bot is named `{bot}`; nothing was stopped"), mend))
    }
}

fn wrong(error: NameError) -> Advice {
    Advice::usage(error.to_string(), "see `botwarden quarantine add --help`")
}

fn tool(name: &str, bot: Option<BotName>) -> Result<Scope, Advice> {
    // Names of tools as the protocol has them, and what stands between them and their server's.
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 200
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./:".contains(&b))
    };
    let (server, tool) = match name.split_once("__") {
        Some((server, tool)) => (server, Some(tool)),
        None => (name, None),
    };
    if !is_name(server) || !tool.is_none_or(is_name) {
        return Err(Advice::usage(
            "that is no name of a tool",
            "write `server__tool`, or `server` for all of its tools",
        ));
    }
    Ok(Scope::Tool { bot, server: server.to_owned(), tool: tool.map(str::to_owned) })
}

/// The scope in words of the audit log: without the name of a person.
pub(super) fn word(scope: &Scope) -> String {
    match scope {
        Scope::Everything => "everything".to_owned(),
        Scope::Bot(bot) => format!("bot:{bot}"),
        Scope::Session(session) => format!("session:{session}"),
        Scope::User(bot, _) => format!("user:{bot}"),
        Scope::Tool { bot, server, tool } => {
            let of = bot.as_ref().map_or(String::new(), |bot| format!("{bot}/"));
            let tool = tool.as_ref().map_or(String::new(), |tool| format!("__{tool}"));
            format!("tool:{of}{server}{tool}")
        }
    }
}

/// The scope for people.
pub(super) fn name(scope: &Scope) -> String {
    match scope {
        Scope::Everything => "everything".to_owned(),
        Scope::Bot(bot) => format!("bot {bot}"),
        Scope::Session(session) => format!("session {session}"),
        Scope::User(bot, user) => format!("user {} of bot {bot}", user.as_str()),
        Scope::Tool { bot, server, tool } => {
            let tool = tool
                .as_ref()
                .map_or(format!("tool server {server}"), |tool| format!("tool {server}__{tool}"));
            let of = bot.as_ref().map_or(String::new(), |bot| format!(" of bot {bot}"));
            format!("{tool}{of}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (kind, name, bot, want) in [
            (Kind::Everything, None, None, Ok("everything")),
            (Kind::Everything, Some("x"), None, Err(())),
            (Kind::Bot, Some("shop"), None, Ok("bot:shop")),
            (Kind::Bot, None, None, Err(())),
            (Kind::Bot, Some("shop"), Some("shop"), Err(())),
            (Kind::Bot, Some("Shop"), None, Err(())),
            (Kind::Session, Some("ses_a"), None, Ok("session:ses_a")),
            (Kind::User, Some("alice b"), Some("shop"), Ok("user:shop")),
            (Kind::User, Some("alice"), None, Err(())),
            (Kind::Tool, Some("orders__refund"), None, Ok("tool:orders__refund")),
            (Kind::Tool, Some("orders"), Some("shop"), Ok("tool:shop/orders")),
            (Kind::Tool, Some("orders__"), None, Err(())),
            (Kind::Tool, Some("__refund"), None, Err(())),
            (Kind::Tool, Some("orders__a b"), None, Err(())),
        ] {
            let target = Target { kind, name: name.map(Into::into), bot: bot.map(Into::into) };
            let got = target.scope().map(|scope| word(&scope)).map_err(drop);
            assert_eq!(got, want.map(str::to_owned), "{kind:?} {name:?} {bot:?}");
        }
    }
}
