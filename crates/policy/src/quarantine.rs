//! The kill switch: what an operator has stopped.
//!
//! [`Quarantine`] is what requests and streams ask, in memory and at once; [`QuarantineStore`] is where it is kept. A store tells of every
//! change by a generation that grows, so that each node notices within the time it takes to look.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use botwarden_types::{BotName, SessionId, UnixMs, UserName};
use tokio::sync::Notify;

use crate::port::{BoxFuture, StoreError};

/// What may be stopped at once; whoever needs more stops a bot.
pub const STOPS_MAX: usize = 10_000;
/// Bytes of the reason.
pub const REASON_BYTES_MAX: usize = 1024;

/// What is stopped.
#[derive(Clone, PartialEq, Eq)]
pub enum Scope {
    /// All bots.
    Everything,
    /// One bot.
    Bot(BotName),
    /// One session.
    Session(SessionId),
    /// One person, as that bot knows them. Personal.
    User(BotName, UserName),
    /// A tool, or all of a server.
    Tool {
        /// Of one bot, or of all that have a server of that name.
        bot: Option<BotName>,
        /// The server.
        server: String,
        /// The tool; all of the server's where none is named.
        tool: Option<String>,
    },
}

impl Scope {
    /// Which kind it is: a stable word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Bot(_) => "bot",
            Self::Session(_) => "session",
            Self::User(..) => "user",
            Self::Tool { .. } => "tool",
        }
    }
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everything => f.write_str("Everything"),
            Self::Bot(bot) => write!(f, "Bot({bot})"),
            Self::Session(session) => write!(f, "Session({session})"),
            Self::User(bot, _) => write!(f, "User({bot}, …)"),
            Self::Tool { bot, server, tool } => write!(f, "Tool({bot:?}, {server}, {tool:?})"),
        }
    }
}

/// Something that was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What.
    pub scope: Scope,
    /// Why, in the operator's words. May be personal.
    pub reason: String,
    /// By whom, such as `uid:1000`.
    pub by: String,
    /// Since when.
    pub since: UnixMs,
}

/// All that is stopped at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopSet {
    /// Grows with every change.
    pub generation: u64,
    /// What is stopped, oldest first.
    pub stops: Vec<Stop>,
}

/// What became of a wish to stop something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It is stopped, and so many approvals were withdrawn.
    Now(usize),
    /// It had been stopped before; the earlier reason stays.
    Before,
    /// As many things are stopped as may be.
    Full,
}

/// Keeps what is stopped. Whoever implements it seals users' names and reasons.
pub trait QuarantineStore: Send + Sync + 'static {
    /// Stops something, and withdraws the approvals that it is about.
    fn stop<'a>(&'a self, stop: &'a Stop) -> BoxFuture<'a, Result<Stopped, StoreError>>;

    /// Lets it go on. Whether it was stopped. Approvals that were withdrawn stay withdrawn.
    fn lift<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// What is stopped. Where it cannot be read whom a row means, it means the row's whole bot.
    fn stops(&self) -> BoxFuture<'_, Result<StopSet, StoreError>>;

    /// The present generation; as cheap as can be, it is asked every second.
    fn stops_generation(&self) -> BoxFuture<'_, Result<u64, StoreError>>;
}

/// Whom a request is for.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The bot.
    pub bot: &'a BotName,
    /// The session, if it came with a session's token.
    pub session: Option<&'a SessionId>,
    /// The person, where they are known.
    pub user: Option<&'a UserName>,
}

#[derive(Debug, Default)]
struct Table {
    generation: u64,
    everything: bool,
    bots: HashSet<BotName>,
    sessions: HashSet<SessionId>,
    users: HashMap<BotName, HashSet<UserName>>,
    /// By server, then by bot; `None` for all bots.
    servers: HashMap<String, HashMap<Option<BotName>, Tools>>,
}

/// What is stopped of a server.
#[derive(Debug, Default)]
struct Tools {
    all: bool,
    some: HashSet<String>,
}

impl Table {
    fn new(set: StopSet) -> Self {
        let mut table = Self { generation: set.generation, ..Self::default() };
        for stop in set.stops {
            match stop.scope {
                Scope::Everything => table.everything = true,
                Scope::Bot(bot) => drop(table.bots.insert(bot)),
                Scope::Session(session) => drop(table.sessions.insert(session)),
                Scope::User(bot, user) => drop(table.users.entry(bot).or_default().insert(user)),
                Scope::Tool { bot, server, tool } => {
                    let tools = table.servers.entry(server).or_default().entry(bot).or_default();
                    match tool {
                        Some(tool) => drop(tools.some.insert(tool)),
                        None => tools.all = true,
                    }
                }
            }
        }
        table
    }

    fn stops(&self, who: Who<'_>) -> Option<&'static str> {
        let holds = |user| self.users.get(who.bot).is_some_and(|users| users.contains(user));
        match who {
            _ if self.everything => Some("everything"),
            Who { bot, .. } if has(&self.bots, bot) => Some("bot"),
            Who { session: Some(session), .. } if has(&self.sessions, session) => Some("session"),
            Who { user: Some(user), .. } if holds(user) => Some("user"),
            _ => None,
        }
    }
}

/// Empty in nearly every case: then nothing is hashed.
fn has<T: Eq + Hash>(set: &HashSet<T>, item: &T) -> bool {
    !set.is_empty() && set.contains(item)
}

/// What is stopped, as this process knows it.
#[derive(Debug, Default)]
pub struct Quarantine {
    table: ArcSwap<Table>,
    changed: Notify,
}

impl Quarantine {
    /// Which kind of stop holds for a request, if any. Some look-ups in memory.
    pub fn stops(&self, who: Who<'_>) -> Option<&'static str> {
        self.table.load().stops(who)
    }

    /// Whether a tool must not be used, whoever wants it.
    pub fn stops_tool(&self, bot: &BotName, server: &str, tool: &str) -> bool {
        let table = self.table.load();
        if table.everything || has(&table.bots, bot) {
            return true;
        }
        let Some(bots) = table.servers.get(server) else { return false };
        let stops =
            |of: &Option<BotName>| bots.get(of).is_some_and(|tools| tools.all || tools.some.contains(tool));
        stops(&None) || stops(&Some(bot.clone()))
    }

    /// Returns which kind of stop holds, when one does: for streams, which are then cut. Cancel safe.
    pub async fn stopped(&self, who: Who<'_>) -> &'static str {
        loop {
            let mut changed = pin!(self.changed.notified());
            // Listening before looking: a change between the two is not missed.
            changed.as_mut().enable();
            if let Some(kind) = self.stops(who) {
                return kind;
            }
            changed.await;
        }
    }

    /// Puts `set` in force unless a later one is. The generation in force.
    pub fn replace(&self, set: StopSet) -> u64 {
        let new = Arc::new(Table::new(set));
        let before = self
            .table
            .rcu(|now| if now.generation > new.generation { Arc::clone(now) } else { Arc::clone(&new) });
        self.changed.notify_waiters();
        before.generation.max(new.generation)
    }

    /// Reads what is stopped, and puts it in force: when it returns, whatever was stopped before the call is. The generation in force.
    pub async fn refresh(&self, store: &dyn QuarantineStore) -> Result<u64, StoreError> {
        Ok(self.replace(store.stops().await?))
    }

    /// The same if anything has changed: for looking every second.
    pub async fn refresh_if_changed(&self, store: &dyn QuarantineStore) -> Result<u64, StoreError> {
        let generation = store.stops_generation().await?;
        if generation == self.table.load().generation { Ok(generation) } else { self.refresh(store).await }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn bot(name: &str) -> BotName {
        BotName::parse(name).unwrap()
    }

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    fn set(generation: u64, scopes: &[Scope]) -> StopSet {
        let stop = |scope: &Scope| Stop {
            scope: scope.clone(),
            reason: String::new(),
            by: "uid:0".into(),
            since: UnixMs(0),
        };
        StopSet { generation, stops: scopes.iter().map(stop).collect() }
    }

    fn tool(of: Option<&str>, server: &str, tool: Option<&str>) -> Scope {
        Scope::Tool { bot: of.map(bot), server: server.into(), tool: tool.map(Into::into) }
    }

    #[test]
    fn who_is_stopped() {
        let session = |id| SessionId::parse(id).unwrap();
        for (name, scopes, want) in [
            ("nothing", vec![], [None, None, None, None]),
            ("everything", vec![Scope::Everything], [Some("everything"); 4]),
            ("a bot", vec![Scope::Bot(bot("shop"))], [Some("bot"), Some("bot"), Some("bot"), None]),
            ("a session", vec![Scope::Session(session("s1"))], [Some("session"), None, None, None]),
            (
                "a user",
                vec![Scope::User(bot("shop"), user("alice"))],
                [Some("user"), Some("user"), None, None],
            ),
            ("a tool", vec![tool(None, "bank", None)], [None, None, None, None]),
        ] {
            let quarantine = Quarantine::default();
            quarantine.replace(set(1, &scopes));
            let got = [
                ("shop", Some("s1"), Some("alice")),
                ("shop", None, Some("alice")),
                ("shop", None, None),
                ("bank", None, Some("alice")),
            ]
            .map(|(of, id, name)| {
                let (of, id, name) = (bot(of), id.map(session), name.map(user));
                quarantine.stops(Who { bot: &of, session: id.as_ref(), user: name.as_ref() })
            });
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn which_tools_are_stopped() {
        for (name, scopes, want) in [
            ("nothing", vec![], [false, false, false]),
            ("everything", vec![Scope::Everything], [true, true, true]),
            ("a bot", vec![Scope::Bot(bot("shop"))], [true, true, false]),
            ("a server of all", vec![tool(None, "bank", None)], [true, true, true]),
            ("a server of one", vec![tool(Some("shop"), "bank", None)], [true, true, false]),
            ("a tool of all", vec![tool(None, "bank", Some("pay"))], [true, false, true]),
            ("a tool of one", vec![tool(Some("other"), "bank", Some("pay"))], [false, false, true]),
            ("another server", vec![tool(None, "mail", None)], [false, false, false]),
        ] {
            let quarantine = Quarantine::default();
            quarantine.replace(set(1, &scopes));
            let got = [("shop", "pay"), ("shop", "look"), ("other", "pay")]
                .map(|(of, tool)| quarantine.stops_tool(&bot(of), "bank", tool));
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn an_older_reading_does_not_replace_a_newer_one() {
        let quarantine = Quarantine::default();
        assert_eq!(quarantine.replace(set(2, &[Scope::Everything])), 2);
        assert_eq!(quarantine.replace(set(1, &[])), 2);
        assert!(quarantine.stops_tool(&bot("shop"), "bank", "pay"));
        assert_eq!(quarantine.replace(set(3, &[])), 3);
        assert!(!quarantine.stops_tool(&bot("shop"), "bank", "pay"));
    }

    #[test]
    fn whoever_waits_is_woken() {
        let (quarantine, of) = (Quarantine::default(), bot("shop"));
        let mut waiting = pin!(quarantine.stopped(Who { bot: &of, session: None, user: None }));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(waiting.as_mut().poll(&mut context), Poll::Pending);
        quarantine.replace(set(1, &[Scope::Bot(bot("bank"))]));
        assert_eq!(waiting.as_mut().poll(&mut context), Poll::Pending, "another's");
        quarantine.replace(set(2, &[Scope::Bot(bot("shop"))]));
        assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready("bot"));
    }
}
