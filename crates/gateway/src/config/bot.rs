//! A protected application: its upstream, what it may use, how much.

use std::fmt;

use botwarden_limit::{RawLimit, Rule};
use botwarden_types::{BotName, Dialect, Invalid, parse_duration};
use http::uri::{Authority, Scheme};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Glob;
use super::tools::{RawToolServer, TOOL_SERVERS_MAX, ToolServerConfig};
use crate::archive::Keep;

/// `[[bot]]` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBot {
    /// The bot's name: a–z, 0–9, `-`, `_`.
    pub name: String,
    /// Where its model is served.
    pub upstream: RawUpstream,
    /// Models it may use, `*` standing for anything. Nothing is granted by default.
    #[serde(default)]
    pub models: Vec<String>,
    /// Output tokens reserved for a request that names no maximum. Default 1024.
    pub output_tokens_default: Option<u64>,
    /// What is kept of its exchanges: `none` (default), `metadata` (who, when, which model, what came of it), `sealed` (what was said too,
    /// under each person's own key).
    pub record: Option<String>,
    /// For how long it is kept, such as `30d`, the default.
    pub retention: Option<String>,
    /// Whose words count as the user's: `posted` (default), what the application's backend posted to the session; `inline`, what the
    /// conversation gives as the user's too, if the application's code is to be trusted.
    pub user_turns: Option<String>,
    /// What decides about tools: `contracts` (default), so that nothing is granted without one; `open`, nothing: calls are recorded alone.
    pub tools: Option<String>,
    /// What becomes of a tool that a request offers to the model and that no contract grants: `filter` (default), it is taken out of the
    /// request; `refuse`, the request is refused.
    pub tools_offered: Option<String>,
    /// Tools of the model's vendor that may be used, by their types, `*` standing for anything: `web_search_*`. Nothing is granted by
    /// default.
    #[serde(default)]
    pub vendor_tools: Vec<String>,
    /// How many hours and minutes the users' clocks are from UTC, such as `+02:00`: what "tomorrow" means.
    pub utc_offset: Option<String>,
    /// How much it may be used.
    #[serde(default)]
    pub limit: Vec<RawLimit>,
    /// Its tools, by the servers that run them. None by default.
    #[serde(default)]
    pub tool_server: Vec<RawToolServer>,
}

/// `upstream` of a bot as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawUpstream {
    /// `openai` or `anthropic`.
    pub dialect: String,
    /// What stands before `/chat/completions` or `/messages`: `https://api.openai.com/v1`.
    pub url: String,
    /// The provider's key. Without it none is sent.
    pub key: Option<RawProviderKey>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    pub ca_file: Option<std::path::PathBuf>,
}

/// Where the provider's key comes from. Never written in the file itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawProviderKey {
    /// The environment variable that holds it.
    pub env: String,
}

/// A protected application.
#[derive(Clone, Debug)]
pub struct BotConfig {
    /// Its name.
    pub name: BotName,
    /// Where its model is served.
    pub upstream: UpstreamConfig,
    /// Models it may use.
    pub models: Vec<Glob>,
    /// Output tokens reserved for a request that names no maximum.
    pub output_tokens_default: u64,
    /// What is kept of its exchanges.
    pub keep: Keep,
    /// For how long, in milliseconds.
    pub retention_ms: u64,
    /// Whose words count as the user's.
    pub user_turns: UserTurns,
    /// What decides about tools.
    pub tool_rule: ToolRule,
    /// What becomes of tools that are offered and not granted.
    pub tools_offered: ToolsOffered,
    /// Tools of the vendor that may be used.
    pub vendor_tools: Vec<Glob>,
    /// Minutes from UTC.
    pub utc_offset_minutes: i32,
    /// How much it may be used.
    pub limits: Vec<Rule>,
    /// The servers of its tools, each name once.
    pub tool_servers: Vec<ToolServerConfig>,
}

/// Whose words count as the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserTurns {
    /// What the application's backend posted.
    Posted,
    /// What the conversation gives as theirs.
    Inline,
}

/// What decides about tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolRule {
    /// Contracts: nothing is granted without one.
    Contracts,
    /// Nothing.
    Open,
}

/// What becomes of tools that are offered to the model and that no contract grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolsOffered {
    /// The model is not told of them.
    Filter,
    /// The request is refused.
    Refuse,
}

/// Where a bot's model is served.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// The language it speaks; callers of the bot speak it too.
    pub dialect: Dialect,
    /// Its address.
    pub url: UpstreamUrl,
    /// The environment variable that holds the provider's key.
    pub key_env: Option<String>,
    /// Certificate authorities to trust instead of the system's.
    pub ca_file: Option<std::path::PathBuf>,
}

/// `http(s)://host[:port]/base`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// `http` (loopback only) or `https`.
    pub scheme: Scheme,
    /// Host and port.
    pub authority: Authority,
    /// The path before the operation's own, without a slash at its end; may be empty.
    pub base: String,
}

/// Enough for any model of today and far from overflowing a day's budget.
const OUTPUT_TOKENS_MAX: u64 = 10_000_000;
const BOT_LIMITS_MAX: usize = 16;
const RETENTION_DEFAULT_MS: u64 = 30 * 24 * 60 * 60 * 1000;
const RETENTION_MS_MIN: u64 = 60 * 1000;
const RETENTION_MS_MAX: u64 = 3653 * 24 * 60 * 60 * 1000;

impl TryFrom<RawBot> for BotConfig {
    type Error = Invalid;

    fn try_from(raw: RawBot) -> Result<Self, Invalid> {
        let name = BotName::parse(&raw.name).map_err(|why| {
            let expected = format!("a name of a–z, 0–9, `-` and `_` such as `shop` ({why})");
            Invalid::new("name", format!("`{}`", raw.name), expected)
        })?;
        let output_tokens_default = raw.output_tokens_default.unwrap_or(1024);
        if !(1..=OUTPUT_TOKENS_MAX).contains(&output_tokens_default) {
            let found = format!("`{output_tokens_default}`");
            let expected = format!("a number from 1 to {OUTPUT_TOKENS_MAX}");
            return Err(Invalid::new("output_tokens_default", found, expected));
        }
        if raw.limit.len() > BOT_LIMITS_MAX {
            let found = format!("{} limits", raw.limit.len());
            return Err(Invalid::new("limit", found, format!("at most {BOT_LIMITS_MAX} limits of a bot")));
        }
        let limits = raw.limit.into_iter().enumerate();
        let limits = limits
            .map(|(at, limit)| Rule::try_from(limit).map_err(|e| e.under(&format!("limit[{at}]"))))
            .collect::<Result<_, _>>()?;
        let upstream = UpstreamConfig::try_from(raw.upstream).map_err(|e| e.under("upstream"))?;
        let models = raw.models.into_iter().map(Glob::new).collect();
        let vendor_tools = raw.vendor_tools.into_iter().map(Glob::new).collect();
        let keep = keep(raw.record.as_deref())?;
        let retention_ms = retention_ms(raw.retention.as_deref())?;
        let tool_servers = tool_servers(raw.tool_server)?;
        let user_turns = match raw.user_turns.as_deref() {
            None | Some("posted") => UserTurns::Posted,
            Some("inline") => UserTurns::Inline,
            Some(other) => {
                return Err(Invalid::new("user_turns", format!("`{other}`"), "`posted` or `inline`"));
            }
        };
        let tool_rule = match raw.tools.as_deref() {
            None | Some("contracts") => ToolRule::Contracts,
            Some("open") => ToolRule::Open,
            Some(other) => return Err(Invalid::new("tools", format!("`{other}`"), "`contracts` or `open`")),
        };
        let tools_offered = match raw.tools_offered.as_deref() {
            None | Some("filter") => ToolsOffered::Filter,
            Some("refuse") => ToolsOffered::Refuse,
            Some(other) => {
                return Err(Invalid::new("tools_offered", format!("`{other}`"), "`filter` or `refuse`"));
            }
        };
        let utc_offset_minutes = utc_offset(raw.utc_offset.as_deref())?;
        Ok(Self {
            name,
            upstream,
            models,
            vendor_tools,
            output_tokens_default,
            keep,
            retention_ms,
            user_turns,
            tool_rule,
            tools_offered,
            utc_offset_minutes,
            limits,
            tool_servers,
        })
    }
}

/// Minutes from UTC: `+02:00`.
fn utc_offset(text: Option<&str>) -> Result<i32, Invalid> {
    let Some(text) = text else { return Ok(0) };
    let read = || {
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = text.get(1..)?.split_once(':')?;
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let (hours, minutes): (i32, i32) = (
            hours.parse().ok().filter(|_| digits(hours))?,
            minutes.parse().ok().filter(|_| digits(minutes))?,
        );
        (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes))
    };
    read()
        .ok_or_else(|| Invalid::new("utc_offset", format!("`{text}`"), "hours and minutes such as `+02:00`"))
}

fn tool_servers(raw: Vec<RawToolServer>) -> Result<Vec<ToolServerConfig>, Invalid> {
    if raw.len() > TOOL_SERVERS_MAX {
        let expected = format!("at most {TOOL_SERVERS_MAX} of a bot");
        return Err(Invalid::new("tool_server", format!("{} tool servers", raw.len()), expected));
    }
    let mut servers: Vec<ToolServerConfig> = Vec::with_capacity(raw.len());
    for (at, server) in raw.into_iter().enumerate() {
        let under = |e: Invalid| e.under(&format!("tool_server[{at}]"));
        let server = ToolServerConfig::try_from(server).map_err(under)?;
        if servers.iter().any(|other| other.name == server.name) {
            let found = format!("`{}`, which another of the bot is called already", server.name);
            return Err(under(Invalid::new("name", found, "a name of its own")));
        }
        servers.push(server);
    }
    Ok(servers)
}

fn keep(record: Option<&str>) -> Result<Keep, Invalid> {
    match record {
        None | Some("none") => Ok(Keep::Nothing),
        Some("metadata") => Ok(Keep::Metadata),
        Some("sealed") => Ok(Keep::Content),
        Some(other) => Err(Invalid::new("record", format!("`{other}`"), "`none`, `metadata` or `sealed`")),
    }
}

fn retention_ms(retention: Option<&str>) -> Result<u64, Invalid> {
    let Some(text) = retention else { return Ok(RETENTION_DEFAULT_MS) };
    let ms = parse_duration(text).and_then(|span| u64::try_from(span.as_millis()).ok());
    let expected = "a span of time such as `30d`, from a minute to 10 years";
    ms.filter(|ms| (RETENTION_MS_MIN..=RETENTION_MS_MAX).contains(ms))
        .ok_or_else(|| Invalid::new("retention", format!("`{text}`"), expected))
}

impl TryFrom<RawUpstream> for UpstreamConfig {
    type Error = Invalid;

    fn try_from(raw: RawUpstream) -> Result<Self, Invalid> {
        let dialect = match raw.dialect.as_str() {
            "openai" => Dialect::OpenAi,
            "anthropic" => Dialect::Anthropic,
            other => return Err(Invalid::new("dialect", format!("`{other}`"), "`openai` or `anthropic`")),
        };
        let key_env = raw.key.map(|key| key_variable("key.env", key.env)).transpose()?;
        Ok(Self { dialect, url: UpstreamUrl::parse(&raw.url)?, key_env, ca_file: raw.ca_file })
    }
}

/// The name of a variable, if it can be one.
pub(super) fn key_variable(key: &str, name: String) -> Result<String, Invalid> {
    if !name.is_empty() && !name.contains(['=', '\0']) {
        return Ok(name);
    }
    let expected = "the name of an environment variable such as `OPENAI_API_KEY`";
    Err(Invalid::new(key, format!("`{name}`"), expected))
}

impl UpstreamUrl {
    /// Accepts `https://…` anywhere and `http://…` on this machine, without user, query or fragment.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bad = |expected: &str| Invalid::new("url", format!("`{text}`"), expected);
        let example = "a URL such as `https://api.openai.com/v1`";
        if text.contains('#') {
            return Err(bad("a URL without a fragment"));
        }
        let uri: http::Uri = text.parse().map_err(|_| bad(example))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(bad(example));
        };
        if authority.as_str().contains('@') {
            return Err(bad(
                "a URL without a user name; the provider's key comes from `key = { env = \"…\" }`",
            ));
        }
        if parts.path_and_query.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err(bad("a URL without a query"));
        }
        let local = is_local(authority.host());
        match scheme.as_str() {
            "https" => {}
            "http" if local => {}
            "http" => return Err(bad("`https://…`: plain `http` is for this machine's own addresses alone")),
            _ => return Err(bad(example)),
        }
        let path = parts.path_and_query.as_ref().map_or("", |path| path.path());
        Ok(Self { scheme, authority, base: path.trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

pub(super) fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_urls() {
        for (name, text, want) in [
            ("vendor", "https://api.openai.com/v1", Some("https://api.openai.com/v1")),
            ("slash at the end", "https://api.openai.com/v1/", Some("https://api.openai.com/v1")),
            ("no path", "https://llm.example", Some("https://llm.example")),
            ("local", "http://127.0.0.1:9/v1", Some("http://127.0.0.1:9/v1")),
            ("local by IPv6", "http://[::1]:9/v1", Some("http://[::1]:9/v1")),
            ("plain to the world", "http://api.openai.com/v1", None),
            ("looks local", "http://127.0.0.1.example.com/v1", None),
            ("a user in it", "https://key@api.openai.com/v1", None),
            ("a query", "https://api.openai.com/v1?x=1", None),
            ("a fragment", "https://api.openai.com/v1#x", None),
            ("no scheme", "api.openai.com/v1", None),
            ("another scheme", "ftp://api.openai.com/v1", None),
            ("empty", "", None),
        ] {
            assert_eq!(UpstreamUrl::parse(text).ok().map(|url| url.to_string()).as_deref(), want, "{name}");
        }
    }
}
