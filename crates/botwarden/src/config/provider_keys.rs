//! The keys that providers gave us: from the environment, when serving starts.

use std::ffi::OsString;

use botwarden_gateway::BotSetup;
use botwarden_gateway::config::ToolServerConfig;
use botwarden_types::{BotName, Secret};

use super::Config;
use crate::text::mask;

/// Bytes of a provider's key.
const KEY_BYTES_MAX: usize = 4096;

/// Provider keys that the environment does not give.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub(crate) struct MissingKeys(pub(crate) Vec<MissingKey>);

/// A provider key that the environment does not give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bot `{bot}` wants {} in the variable `{}`, which {why}", wanted(.tool_server), mask(.variable))]
pub(crate) struct MissingKey {
    /// The bot.
    pub(crate) bot: BotName,
    /// The tool server whose credential it is, by its place in the list; else it is the provider's key.
    pub(crate) tool_server: Option<(usize, String)>,
    /// The environment variable.
    pub(crate) variable: String,
    /// What is wrong with the variable, as the end of a sentence.
    pub(crate) why: &'static str,
}

fn wanted(tool_server: &Option<(usize, String)>) -> String {
    match tool_server {
        None => "its provider's key".to_owned(),
        Some((_, name)) => format!("the credential of its tool server `{name}`"),
    }
}

impl Config {
    /// Each bot with the keys it names, in the order of the file; `env` reads a variable of the environment. Refused with all
    /// that are missing: a gateway that starts without a key fails at the first customer instead of at the operator.
    pub(crate) fn provider_keys(
        &self,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Vec<BotSetup>, MissingKeys> {
        let mut ready = Vec::with_capacity(self.bots.len());
        let mut missing = Vec::new();
        for bot in &self.bots {
            let mut secret = |variable: Option<&String>, tool_server: Option<(usize, String)>| {
                let variable = variable?;
                let (bot, variable) = (bot.name.clone(), variable.clone());
                let missed =
                    |why| missing.push(MissingKey { bot, tool_server, variable: variable.clone(), why });
                read(env(&variable)).map_err(missed).ok()
            };
            let key = secret(bot.upstream.key_env.as_ref(), None);
            let servers = bot.tool_servers.iter().enumerate();
            let tool_tokens = servers
                .map(|(at, server)| secret(server.token_env.as_ref(), Some((at, server.name.clone()))))
                .collect();
            ready.push(BotSetup { config: bot.clone(), key, tool_tokens, contracts: Vec::new() });
        }
        if missing.is_empty() { Ok(ready) } else { Err(MissingKeys(missing)) }
    }
}

/// The credential that one tool server wants.
pub(crate) fn tool_token(
    server: &ToolServerConfig,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Secret>, String> {
    let Some(variable) = &server.token_env else { return Ok(None) };
    let token = read(env(variable));
    token
        .map(Some)
        .map_err(|why| format!("its credential is wanted in the variable `{}`, which {why}", mask(variable)))
}

/// A key goes into a header field: visible ASCII. Its text never goes into the reason.
fn read(value: Option<OsString>) -> Result<Secret, &'static str> {
    let Some(value) = value else { return Err("is not set") };
    let Ok(text) = value.into_string() else { return Err("holds bytes that are no text") };
    let key = Secret::new(text);
    match key.expose() {
        "" => Err("is empty"),
        text if text.len() > KEY_BYTES_MAX => Err("holds more than 4096 bytes"),
        text if text.ends_with(['\n', '\r', ' ']) => Err("ends with a line break or a space"),
        text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err("holds characters that cannot be sent in a header")
        }
        _ => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_what_is_none() {
        for (value, want) in [
            (None, Err("is not set")),
            (Some(""), Err("is empty")),
            (Some("sk-1\n"), Err("ends with a line break or a space")),
            (Some("sk 1"), Err("holds characters that cannot be sent in a header")),
            (Some("ключ"), Err("holds characters that cannot be sent in a header")),
            (Some("sk-1"), Ok("sk-1".to_owned())),
        ] {
            let key = read(value.map(OsString::from));
            assert_eq!(key.map(|key| key.expose().to_owned()), want, "{value:?}");
        }
    }
}
