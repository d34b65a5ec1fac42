//! The definitions of tools that an operator has accepted, in a file beside the configuration.

use std::fmt;
use std::io::{ErrorKind, Read};

use anyhow::Context;
use botwarden_gateway::config::{PinMode, ToolPlace};
use botwarden_policy::pin::{LOCK_BYTES_MAX, Lock};
use botwarden_types::BotName;

use super::Config;

/// A tool server of which nothing is accepted, so that no bot sees any of its tools.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    bot: BotName,
    server: String,
    /// Where the bot stands in the file.
    pub(crate) bot_at: usize,
    /// Where the server stands in the bot.
    pub(crate) server_at: usize,
}

impl Gap {
    /// What to do about it.
    pub(crate) fn mend(&self) -> String {
        let (bot, server) = (&self.bot, &self.server);
        format!(
            "its tools do not exist for the bot: look at them with `botwarden policy pin {server} --bot {bot}` and accept them \
             with `--accept`, or write `pin = \"off\"`"
        )
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tool server `{}` of bot `{}`: {}", self.server, self.bot, self.mend())
    }
}

impl Config {
    /// What is accepted; nothing if there is no file yet.
    pub(crate) fn tools_lock(&self) -> anyhow::Result<Lock> {
        let path = &self.tools_lock;
        let file = match std::fs::File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lock::default()),
            opened => opened.with_context(|| format!("opening {}", path.display()))?,
        };
        let mut text = String::new();
        let limit = u64::try_from(LOCK_BYTES_MAX).unwrap_or(u64::MAX);
        let read = file.take(limit.saturating_add(1)).read_to_string(&mut text);
        read.with_context(|| format!("reading {}", path.display()))?;
        anyhow::ensure!(text.len() <= LOCK_BYTES_MAX, "{} has more than 16 MiB", path.display());
        Lock::parse(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// The servers that are to be pinned and are not.
    pub(crate) fn unpinned(&self, lock: &Lock) -> Vec<Gap> {
        let servers = self.bots.iter().enumerate().flat_map(|(bot_at, bot)| {
            bot.tool_servers
                .iter()
                .enumerate()
                .map(move |(server_at, server)| (bot_at, bot, server_at, server))
        });
        let missing = servers.filter(|(_, bot, _, server)| {
            let called = server.place != ToolPlace::Application && server.pin == PinMode::Lock;
            called && lock.server(bot.name.as_str(), &server.name).is_none()
        });
        missing
            .map(|(bot_at, bot, server_at, server)| Gap {
                bot: bot.name.clone(),
                server: server.name.clone(),
                bot_at,
                server_at,
            })
            .collect()
    }
}
