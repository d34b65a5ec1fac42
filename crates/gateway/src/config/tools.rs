//! A bot's tool servers.

use std::path::PathBuf;
use std::time::Duration;

use botwarden_types::{Invalid, parse_duration};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bot::{RawProviderKey, UpstreamUrl, key_variable};

/// `[[bot.tool_server]]` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawToolServer {
    /// The server's name: a–z, 0–9, and between them `-` and single `_`. Its tools are called `name__tool` at `/mcp`.
    pub name: String,
    /// Where it speaks MCP over streamable HTTP: `https://tools.example.com/mcp`; `http` on this machine alone.
    pub url: Option<String>,
    /// Or the program to start that speaks MCP over its standard input and output, with its arguments. With neither, the
    /// application runs the tools itself.
    pub command: Option<Vec<String>>,
    /// Variables of the environment that the program gets, besides none.
    #[serde(default)]
    pub env: Vec<String>,
    /// What its tools do and what their arguments mean: a file, from the folder of this one.
    pub contract: Option<PathBuf>,
    /// The credential shown to it, as a bearer token. Callers never have it.
    pub token: Option<RawProviderKey>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a call of one of its tools may take. Default `60s`.
    pub timeout: Option<String>,
    /// `lock` (default): only tools that stand in `botwarden-tools.lock` exist, word for word; `off`: all it offers.
    pub pin: Option<String>,
}

/// A server of tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolServerConfig {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub place: ToolPlace,
    /// What its tools do, as a file.
    pub contract: Option<PathBuf>,
    /// The environment variable that holds the credential shown to it.
    pub token_env: Option<String>,
    /// How long a call may take.
    pub timeout: Duration,
    /// Which of its tools exist.
    pub pin: PinMode,
}

/// How a tool server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolPlace {
    /// Over streamable HTTP.
    Http {
        /// Its address.
        url: UpstreamUrl,
        /// Certificate authorities to trust instead of the system's.
        ca_file: Option<PathBuf>,
    },
    /// As a program of ours.
    Program {
        /// What to start, with its arguments; never empty.
        command: Vec<String>,
        /// Variables of our environment that it gets.
        env: Vec<String>,
    },
    /// Not by us: the application runs the tools itself.
    Application,
}

/// Which tools of a server exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinMode {
    /// Those that an operator has accepted, in the words in which that was done.
    Lock,
    /// Those it offers.
    Off,
}

pub(super) const TOOL_SERVERS_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 64;
const COMMAND_PARTS_MAX: usize = 64;
const ENV_MAX: usize = 64;
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

impl TryFrom<RawToolServer> for ToolServerConfig {
    type Error = Invalid;

    fn try_from(raw: RawToolServer) -> Result<Self, Invalid> {
        if !is_server_name(&raw.name) {
            let expected = "a name of a–z and 0–9, with single `-` or `_` between them, such as `orders`";
            return Err(Invalid::new("name", format!("`{}`", raw.name), expected));
        }
        let token_env = raw.token.map(|token| key_variable("token.env", token.env)).transpose()?;
        let place = place(raw.url, raw.command, raw.env, raw.ca_file)?;
        if token_env.is_some() && !matches!(place, ToolPlace::Http { .. }) {
            let expected = "a `url` beside it: programs get their credentials by `env`";
            return Err(Invalid::new("token", "a token without an address to show it at", expected));
        }
        let pin = match raw.pin.as_deref() {
            None | Some("lock") => PinMode::Lock,
            Some("off") => PinMode::Off,
            Some(other) => return Err(Invalid::new("pin", format!("`{other}`"), "`lock` or `off`")),
        };
        let timeout = timeout(raw.timeout.as_deref())?;
        Ok(Self { name: raw.name, place, contract: raw.contract, token_env, timeout, pin })
    }
}

/// A name of which it is plain where it ends before `__`.
fn is_server_name(name: &str) -> bool {
    let letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let sound = bytes.iter().all(|byte| letter(byte) || matches!(byte, b'-' | b'_'));
    let ends = bytes.first().is_some_and(letter) && bytes.last().is_some_and(letter);
    sound && ends && !name.contains("__") && name.len() <= NAME_BYTES_MAX
}

fn place(
    url: Option<String>,
    command: Option<Vec<String>>,
    env: Vec<String>,
    ca_file: Option<PathBuf>,
) -> Result<ToolPlace, Invalid> {
    if !env.is_empty() && command.is_none() {
        return Err(Invalid::new("env", "variables without a program", "a `command` beside it, or nothing"));
    }
    if ca_file.is_some() && url.is_none() {
        return Err(Invalid::new(
            "ca_file",
            "authorities without an address",
            "a `url` beside it, or nothing",
        ));
    }
    match (url, command) {
        (Some(_), Some(_)) => {
            Err(Invalid::new("command", "a program and an address", "`url` or `command`, not both"))
        }
        (Some(url), None) => Ok(ToolPlace::Http { url: UpstreamUrl::parse(&url)?, ca_file }),
        (None, Some(command)) => program(command, env),
        (None, None) => Ok(ToolPlace::Application),
    }
}

fn program(command: Vec<String>, env: Vec<String>) -> Result<ToolPlace, Invalid> {
    let sound = |text: &String| !text.contains('\0');
    let named = command.first().is_some_and(|name| !name.is_empty());
    if !named || command.len() > COMMAND_PARTS_MAX || !command.iter().all(sound) {
        let expected =
            "a program and its arguments such as `[\"orders-mcp\", \"--quiet\"]`, at most 64 in all";
        return Err(Invalid::new("command", format!("{} parts", command.len()), expected));
    }
    if env.len() > ENV_MAX {
        return Err(Invalid::new("env", format!("{} names", env.len()), format!("at most {ENV_MAX}")));
    }
    let env = env.into_iter().map(|name| key_variable("env", name)).collect::<Result<_, _>>()?;
    Ok(ToolPlace::Program { command, env })
}

fn timeout(text: Option<&str>) -> Result<Duration, Invalid> {
    let Some(text) = text else { return Ok(TIMEOUT_DEFAULT) };
    parse_duration(text).filter(|span| !span.is_zero() && *span <= TIMEOUT_MAX).ok_or_else(|| {
        Invalid::new("timeout", format!("`{text}`"), "a span of time up to an hour such as `60s`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ToolServerConfig, Invalid> {
        let raw: RawToolServer = serde_json::from_str(json).unwrap();
        ToolServerConfig::try_from(raw)
    }

    #[test]
    fn names_end_where_it_says() {
        for (name, want) in [
            ("orders", true),
            ("orders-2", true),
            ("a_b", true),
            ("a__b", false),
            ("a_", false),
            ("_a", false),
            ("-a", false),
            ("Orders", false),
            ("a.b", false),
            ("", false),
        ] {
            assert_eq!(is_server_name(name), want, "{name}");
        }
    }

    #[test]
    fn servers() {
        for (name, json, bad) in [
            ("an address", r#"{"name":"a","url":"https://t.example/mcp","token":{"env":"T"}}"#, None),
            ("a program", r#"{"name":"a","command":["x","--y"],"env":["PATH"]}"#, None),
            ("neither", r#"{"name":"a"}"#, None),
            ("both", r#"{"name":"a","url":"https://t.example","command":["x"]}"#, Some("command")),
            ("plain to the world", r#"{"name":"a","url":"http://t.example/mcp"}"#, Some("url")),
            ("no program", r#"{"name":"a","command":[]}"#, Some("command")),
            ("an empty program", r#"{"name":"a","command":[""]}"#, Some("command")),
            ("a token for a program", r#"{"name":"a","command":["x"],"token":{"env":"T"}}"#, Some("token")),
            ("variables for nobody", r#"{"name":"a","env":["PATH"]}"#, Some("env")),
            ("a variable that is none", r#"{"name":"a","command":["x"],"env":["A=B"]}"#, Some("env")),
            ("another pin", r#"{"name":"a","pin":"no"}"#, Some("pin")),
            ("for ever", r#"{"name":"a","timeout":"2h"}"#, Some("timeout")),
            ("at once", r#"{"name":"a","timeout":"0s"}"#, Some("timeout")),
        ] {
            assert_eq!(read(json).err().map(|invalid| invalid.key).as_deref(), bad, "{name}");
        }
    }
}
