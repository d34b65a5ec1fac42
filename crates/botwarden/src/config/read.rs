//! From text to a valid configuration.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use botwarden_crypto::SHA256_BYTES;
use botwarden_gateway::config::{
    BotConfig, Bounds, Listen, RawBot, RawBounds, RawListen, RawTimeouts, Timeouts, ToolPlace,
    ToolServerConfig, UpstreamConfig,
};
use botwarden_limit::Rule;
use botwarden_types::Invalid;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::audit::RawAudit;
use super::finding::{FINDINGS_MAX, Place};
use super::raw::{Limits, RawLimits, RawLog};
use super::root_key::{RawRootKey, RootKeyConfig};
use super::shape::{hidden, is_credential_place};
use super::store::RawStore;
use super::{AuditConfig, Config, Finding, LogConfig, Severity, Source, StoreConfig, cross, schema, shape};

/// Bots of one file.
const BOTS_MAX: usize = 1000;
/// Where state lies unless the file says otherwise.
const DATA_DIR: &str = "botwarden-data";
/// Where accepted tools stand, beside the file: it is reviewed together with it.
const TOOLS_LOCK: &str = "botwarden-tools.lock";

/// Reads a configuration. Relative paths in it start at `folder`. Refused with every finding, in the order of the file.
pub(crate) fn parse(source: &Source<'_>, folder: &Path) -> Result<Config, Vec<Finding>> {
    let tree = source.tree()?;
    let findings = shape::check(source, &schema::unfolded(), &tree);
    let mut reader = Reader { source, tree, findings };
    let config = reader.config(folder);
    let mut findings = reader.findings;
    findings.sort_by_key(|finding| finding.place.as_ref().map(|place| (place.line, place.column)));
    match config {
        Some(config) if findings.iter().all(|it| it.severity == Severity::Warning) => {
            Ok(Config { warnings: findings, ..config })
        }
        _ => Err(findings),
    }
}

/// The findings, each at the place of its key in the file at hand; without places if the file cannot be read any more.
pub(crate) fn placed(source: &Source<'_>, findings: Vec<Finding>) -> Vec<Finding> {
    let Ok(tree) = source.tree() else { return findings };
    let reader = Reader { source, tree, findings: Vec::new() };
    let place = |finding: &Finding| reader.place(&finding.key);
    findings.into_iter().map(|finding| (place(&finding), finding)).map(|(place, it)| it.at(place)).collect()
}

/// The file under way: its values, and what was found so far.
pub(super) struct Reader<'a> {
    source: &'a Source<'a>,
    tree: Spanned<DeValue<'a>>,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    /// Reads every part, so that every part's findings show. `None` only if there are errors.
    fn config(&mut self, folder: &Path) -> Option<Config> {
        let data_dir = self.data_dir(folder);
        let root_key: Option<RootKeyConfig> = self.section::<RawRootKey, _>("root_key");
        let store: Option<StoreConfig> = self.section::<RawStore, _>("store");
        let audit: Option<AuditConfig> = self.section::<RawAudit, _>("audit");
        let listen: Option<Listen> = self.section::<RawListen, _>("listen");
        let bounds: Option<Bounds> = self.section::<RawBounds, _>("bounds");
        let timeouts: Option<Timeouts> = self.section::<RawTimeouts, _>("timeouts");
        let log: Option<LogConfig> = self.section::<RawLog, _>("log");
        let limits: Option<Limits> = self.section::<RawLimits, _>("limits");
        let bots = self.bots(folder);
        if let Some(listen) = &listen {
            cross::listeners(self, listen);
        }
        cross::audit(self);
        cross::bots(self, &bots);
        Some(Config {
            data_dir: data_dir?,
            root_key: root_key?.in_folder(folder),
            store: store?,
            audit: audit?.in_folder(folder),
            listen: listen?,
            bounds: bounds?,
            timeouts: timeouts?,
            log: log?,
            limit_keys_max: limits?.keys_max,
            bots: bots.into_iter().collect::<Option<_>>()?,
            tools_lock: folder.join(TOOLS_LOCK),
            warnings: Vec::new(),
            digest: [0; SHA256_BYTES],
        })
    }

    fn data_dir(&mut self, folder: &Path) -> Option<PathBuf> {
        let written = match find(&self.tree, "data_dir") {
            Found::Here(value) => value.get_ref().as_str()?,
            Found::Above(_) => DATA_DIR,
        };
        let expected = match written {
            "" => "a path such as `botwarden-data`",
            _ if written.starts_with('~') => {
                "a path from `/` or from this file's folder: `~` is not expanded here"
            }
            _ if written.contains('\0') => "a path",
            _ => return Some(folder.join(written)),
        };
        let invalid = Invalid::new("data_dir", format!("`{written}`"), expected);
        self.invalid(&invalid);
        None
    }

    /// Reads one table whose keys are all optional. What is refused is set aside and the rest read again, so that all its
    /// findings show.
    fn section<R, V>(&mut self, key: &str) -> Option<V>
    where
        R: DeserializeOwned + Default,
        V: TryFrom<R, Error = Invalid>,
    {
        if self.is_refused(key) {
            return None;
        }
        let Found::Here(written) = find(&self.tree, key) else {
            return self.accept(key, V::try_from(R::default()));
        };
        let mut table = written.clone();
        let mut refused = false;
        loop {
            let raw: R = self.deserialize(key, &table)?;
            let invalid = match V::try_from(raw) {
                Ok(valid) => return (!refused).then_some(valid),
                Err(invalid) => invalid,
            };
            refused = true;
            self.invalid(&invalid.clone().under(key));
            let culprit = invalid.key.split(['.', '[']).next().unwrap_or_default();
            let DeValue::Table(keys) = table.get_mut() else { return None };
            keys.remove(culprit)?;
        }
    }

    /// One entry for each `[[bot]]`, `None` where it was refused.
    fn bots(&mut self, folder: &Path) -> Vec<Option<BotConfig>> {
        // Where there is no list, the schema has asked for one.
        let Found::Here(written) = find(&self.tree, "bot") else { return Vec::new() };
        let Some(count) = written.get_ref().as_array().map(|bots| bots.len()) else { return Vec::new() };
        if !(1..=BOTS_MAX).contains(&count) {
            let invalid = Invalid::new("bot", format!("{count} bots"), format!("1 to {BOTS_MAX} of them"));
            self.invalid(&invalid);
            return Vec::new();
        }
        (0..count).map(|at| self.bot(&format!("bot[{at}]"), folder)).collect()
    }

    fn bot(&mut self, path: &str, folder: &Path) -> Option<BotConfig> {
        if self.is_refused(path) {
            return None;
        }
        let Found::Here(written) = find(&self.tree, path) else { return None };
        let raw: RawBot = self.deserialize(path, &written.clone())?;
        // The bot as a whole stops at its first mistake; its parts are asked one by one before, to hear of all.
        let mut refused: Vec<Invalid> = Vec::new();
        for (at, limit) in raw.limit.iter().enumerate() {
            let rule = Rule::try_from(limit.clone());
            refused.extend(rule.err().map(|invalid| invalid.under(&format!("limit[{at}]"))));
        }
        refused.extend(
            UpstreamConfig::try_from(raw.upstream.clone()).err().map(|invalid| invalid.under("upstream")),
        );
        for (at, server) in raw.tool_server.iter().enumerate() {
            let server = ToolServerConfig::try_from(server.clone());
            refused.extend(server.err().map(|invalid| invalid.under(&format!("tool_server[{at}]"))));
        }
        let bot = BotConfig::try_from(raw);
        refused.extend(bot.as_ref().err().filter(|invalid| !refused.contains(invalid)).cloned());
        for invalid in refused {
            self.invalid(&invalid.under(path));
        }
        let mut bot = bot.ok()?;
        bot.upstream.ca_file = bot.upstream.ca_file.map(|file| folder.join(file));
        for server in &mut bot.tool_servers {
            server.contract = server.contract.take().map(|file| folder.join(file));
            if let ToolPlace::Http { ca_file, .. } = &mut server.place {
                *ca_file = ca_file.take().map(|file| folder.join(file));
            }
        }
        Some(bot)
    }

    fn deserialize<R: DeserializeOwned>(&mut self, path: &str, value: &Spanned<DeValue<'_>>) -> Option<R> {
        match R::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(raw) => Some(raw),
            Err(error) => {
                let place = self.source.place(&error.span().unwrap_or_else(|| value.span()));
                let place = if is_credential_place(path) { hidden(place) } else { place };
                let finding = Finding::error(path, error.message(), "what `botwarden config schema` says");
                self.findings.push(finding.at(Some(place)));
                None
            }
        }
    }

    fn accept<V>(&mut self, key: &str, value: Result<V, Invalid>) -> Option<V> {
        value.map_err(|invalid| self.invalid(&invalid.under(key))).ok()
    }

    /// Whether an error was found at `path` or below it.
    fn is_refused(&self, path: &str) -> bool {
        let below = |key: &str| {
            key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.findings.iter().any(|finding| finding.severity == Severity::Error && below(&finding.key))
    }

    /// Adds an error about a value.
    pub(super) fn invalid(&mut self, invalid: &Invalid) {
        let secret = is_credential_place(&invalid.key);
        let found = if secret { "a text that is not shown, as it may be a secret" } else { &invalid.found };
        self.found(Finding::error(&invalid.key, found, &invalid.expected), &invalid.key);
    }

    /// Adds a finding, placed at the value of `key`, or where that is not written at the nearest table around it.
    pub(super) fn found(&mut self, finding: Finding, key: &str) {
        let alike = self.findings.iter().filter(|it| it.severity == finding.severity);
        if alike.count() >= FINDINGS_MAX {
            return;
        }
        let place = self.place(key);
        let place = if is_credential_place(key) { place.map(hidden) } else { place };
        self.findings.push(finding.at(place));
    }

    fn place(&self, key: &str) -> Option<Place> {
        match find(&self.tree, key) {
            Found::Here(value) | Found::Above(Some(value)) => Some(self.source.place(&value.span())),
            Found::Above(None) => None,
        }
    }

    /// Whether the file says anything at `key`.
    pub(super) fn is_written(&self, key: &str) -> bool {
        matches!(find(&self.tree, key), Found::Here(_))
    }
}

/// What is at a path.
enum Found<'t, 'a> {
    /// The value itself.
    Here(&'t Spanned<DeValue<'a>>),
    /// Nothing; this table or list is the nearest around it, the top of the file aside.
    Above(Option<&'t Spanned<DeValue<'a>>>),
}

/// Follows a path such as `bot[0].limit[1].window`.
fn find<'t, 'a>(tree: &'t Spanned<DeValue<'a>>, path: &str) -> Found<'t, 'a> {
    let mut at = tree;
    let mut above = None;
    for step in path.split(['.', '[']) {
        let next = match (at.get_ref(), step.strip_suffix(']')) {
            (DeValue::Array(values), Some(index)) => {
                index.parse().ok().and_then(|index: usize| values.get(index))
            }
            (DeValue::Table(table), None) => table.get(step),
            _ => None,
        };
        let Some(next) = next else { return Found::Above(above) };
        at = next;
        above = Some(next);
    }
    Found::Here(at)
}

/// `` `a` `` for messages.
pub(super) fn quoted(text: impl Display) -> String {
    format!("`{text}`")
}
