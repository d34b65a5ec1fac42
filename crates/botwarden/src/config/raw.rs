//! The file as written.

use botwarden_gateway::config::{RawBot, RawBounds, RawListen, RawTimeouts};
use botwarden_types::Invalid;
use schemars::JsonSchema;
use serde::Deserialize;

use super::LogConfig;
use super::audit::RawAudit;
use super::root_key::RawRootKey;
use super::store::RawStore;
use crate::logs;

/// The configuration of Botwarden, `botwarden.toml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "botwarden.toml")]
#[expect(
    dead_code,
    reason = "the whole gives the schema; its tables are read one by one, so that each reports its own findings"
)]
pub(crate) struct RawConfig {
    /// Where state lies: keys, sessions, counters. A relative path starts at the folder of this file. Default `botwarden-data`.
    pub(crate) data_dir: Option<String>,
    /// Who keeps the root key, which opens everything: one of these, or, if none is named, the file `root.key` in `data_dir`.
    #[serde(default)]
    pub(crate) root_key: RawRootKey,
    /// Where keys and sessions lie, if several nodes share them.
    #[serde(default)]
    pub(crate) store: RawStore,
    /// Who keeps watch over the audit log: witnesses that cosign its checkpoints, and places they are sent to.
    #[serde(default)]
    pub(crate) audit: RawAudit,
    /// Where callers, backends and monitoring come in. Loopback addresses only.
    #[serde(default)]
    pub(crate) listen: RawListen,
    /// The largest of everything that comes in and goes out.
    #[serde(default)]
    pub(crate) bounds: RawBounds,
    /// The longest of everything that is waited for.
    #[serde(default)]
    pub(crate) timeouts: RawTimeouts,
    /// What is logged, to standard error.
    #[serde(default)]
    pub(crate) log: RawLog,
    /// How limits are counted, for all bots.
    #[serde(default)]
    pub(crate) limits: RawLimits,
    /// The protected applications: one `[[bot]]` for each.
    pub(crate) bot: Vec<RawBot>,
}

/// `[log]` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLog {
    /// The least severe level that is logged. Default `info`.
    pub(crate) level: Option<Level>,
    /// `text` for people, `json` for programs: one object a line. Default `text`.
    pub(crate) format: Option<LogFormat>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// `[limits]` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLimits {
    /// Users, keys and addresses with a window of their own, for each length of window. Those beyond it share one. Default 1000000.
    pub(crate) keys_max: Option<usize>,
}

/// The valid form of `[limits]`.
pub(crate) struct Limits {
    pub(crate) keys_max: usize,
}

/// A million light subjects take some 24 MB.
const KEYS_DEFAULT: usize = 1_000_000;
/// Below it, ordinary traffic already shares windows.
const KEYS_MIN: usize = 1000;
/// Above it, one window length alone takes gigabytes.
const KEYS_MAX: usize = 100_000_000;

impl TryFrom<RawLog> for LogConfig {
    type Error = Invalid;

    fn try_from(raw: RawLog) -> Result<Self, Invalid> {
        let level = match raw.level.unwrap_or(Level::Info) {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        };
        let format = match raw.format.unwrap_or(LogFormat::Text) {
            LogFormat::Text => logs::Format::Text,
            LogFormat::Json => logs::Format::Json,
        };
        Ok(Self { level, format })
    }
}

impl TryFrom<RawLimits> for Limits {
    type Error = Invalid;

    fn try_from(raw: RawLimits) -> Result<Self, Invalid> {
        let keys_max = raw.keys_max.unwrap_or(KEYS_DEFAULT);
        if (KEYS_MIN..=KEYS_MAX).contains(&keys_max) {
            return Ok(Self { keys_max });
        }
        let expected = format!("a number from {KEYS_MIN} to {KEYS_MAX}");
        Err(Invalid::new("keys_max", format!("`{keys_max}`"), expected))
    }
}
