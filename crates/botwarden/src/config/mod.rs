//! `botwarden.toml`: read, understood, or refused with everything that is wrong with it.
//!
//! The file is read in three steps, each of which reports all it finds: [`source`] parses TOML, [`shape`] holds it against the schema
//! (unknown keys, wrong types, missing keys), and each crate turns its own raw table into its valid one. [`cross`] then looks at
//! what only the whole can show. A [`Config`] that exists has passed all of them; there is no half of one.

mod audit;
mod beside;
mod contracts;
mod cross;
mod errors;
mod finding;
mod provider_keys;
mod raw;
mod read;
mod root_key;
mod schema;
mod shape;
mod source;
mod store;
mod tools_lock;
mod unknown;

use std::path::{Path, PathBuf};

use botwarden_crypto::{SHA256_BYTES, sha256};
use botwarden_gateway::config::{BotConfig, Bounds, Listen, Timeouts};

use crate::logs;

pub(crate) use audit::AuditConfig;
pub(crate) use errors::{ConfigErrors, count, report};
pub(crate) use finding::{Finding, Severity};
pub(crate) use provider_keys::tool_token;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use raw::RawConfig;
pub(crate) use read::parse;
pub(crate) use root_key::RootKeyConfig;
pub(crate) use schema::schema;
pub(crate) use source::Source;
pub(crate) use store::StoreConfig;
pub(crate) use unknown::{nearest, one_of};

/// The valid configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where state lies.
    pub(crate) data_dir: PathBuf,
    /// Who keeps the root key.
    pub(crate) root_key: RootKeyConfig,
    /// Where keys and sessions lie.
    pub(crate) store: StoreConfig,
    /// Who keeps watch over the audit log.
    pub(crate) audit: AuditConfig,
    /// Where the gateway listens.
    pub(crate) listen: Listen,
    /// Bounds on what comes in and goes out.
    pub(crate) bounds: Bounds,
    /// How long each thing may take.
    pub(crate) timeouts: Timeouts,
    /// What is logged.
    pub(crate) log: LogConfig,
    /// Subjects with a window of their own, for each window length.
    pub(crate) limit_keys_max: usize,
    /// The protected applications; at least one, each name once.
    pub(crate) bots: Vec<BotConfig>,
    /// Where the definitions of tools stand that an operator has accepted.
    pub(crate) tools_lock: PathBuf,
    /// What can be served but looks like a mistake.
    pub(crate) warnings: Vec<Finding>,
    /// SHA-256 of the file.
    pub(crate) digest: [u8; SHA256_BYTES],
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// The least severe level that is logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub(crate) level: &'static str,
    /// How a line looks.
    pub(crate) format: logs::Format,
}

impl Config {
    /// Reads and checks the file. Paths in it are taken from the folder it lies in.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = source::read(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut config =
            parse(&Source::new(&text), folder).map_err(|findings| ConfigErrors::found(path, findings))?;
        config.digest = sha256(text.as_bytes());
        Ok(config)
    }

    /// Findings about the values of the configuration in that file, each with its place there.
    pub(crate) fn placed(path: &Path, findings: Vec<Finding>) -> Vec<Finding> {
        match source::read(path) {
            Ok(text) => read::placed(&Source::new(&text), findings),
            // Changed since: the findings stand, without their places.
            Err(_) => findings,
        }
    }

    /// The bot of that name.
    pub(crate) fn bot(&self, name: &str) -> Option<&BotConfig> {
        self.bots.iter().find(|bot| bot.name.as_str() == name)
    }
}

#[cfg(test)]
mod tests;
