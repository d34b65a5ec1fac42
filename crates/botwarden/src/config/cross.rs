//! What only the whole file shows: names used twice, ports that collide, limits that cannot matter, bots without models.

use std::collections::HashMap;
use std::net::SocketAddr;

use botwarden_gateway::config::{BotConfig, Listen};

use super::Finding;
use super::read::{Reader, quoted};

/// Two listeners cannot have one port of one address. Port 0 is a free one each time.
pub(super) fn listeners(reader: &mut Reader<'_>, listen: &Listen) {
    let all = [("backend", listen.backend), ("gateway", Some(listen.gateway)), ("ops", Some(listen.ops))];
    let mut taken: HashMap<SocketAddr, &str> = HashMap::new();
    for (name, address) in all.into_iter().filter_map(|(name, address)| Some((name, address?))) {
        if address.port() == 0 {
            continue;
        }
        let Some(first) = taken.insert(address, name) else { continue };
        let key = [name, first].map(|name| format!("listen.{name}"));
        // A default is nowhere to point at.
        let key = key.iter().find(|key| reader.is_written(key)).unwrap_or(&key[0]);
        let other = if key.ends_with(name) { first } else { name };
        let found = format!("`{address}`, where `listen.{other}` listens as well");
        reader.found(Finding::error(key, &found, "an address of its own"), key);
    }
}

/// A quorum counts witnesses.
pub(super) fn audit(reader: &mut Reader<'_>) {
    let key = "audit.quorum";
    if reader.is_written(key) && !reader.is_written("audit.witness") {
        let found = "a quorum without witnesses";
        reader.found(Finding::error(key, found, "an `[[audit.witness]]` beside it, or nothing"), key);
    }
}

/// Bots by themselves are valid; between them, names must differ.
pub(super) fn bots(reader: &mut Reader<'_>, bots: &[Option<BotConfig>]) {
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (at, bot) in bots.iter().enumerate() {
        let Some(bot) = bot else { continue };
        if let Some(first) = names.insert(bot.name.as_str(), at) {
            let key = format!("bot[{at}].name");
            let found = format!("{}, which `bot[{first}]` is called already", quoted(&bot.name));
            reader.found(Finding::error(&key, &found, "a name of its own"), &key);
        }
        models(reader, at, bot);
        limits(reader, at, bot);
    }
}

fn models(reader: &mut Reader<'_>, at: usize, bot: &BotConfig) {
    if bot.models.is_empty() {
        let key = format!("bot[{at}].models");
        let finding =
            Finding::warning(&key, "no model", "the models it may use, such as `models = [\"gpt-*\"]`");
        reader.found(
            finding.with_help("nothing is granted by default: every request of this bot will be refused"),
            &key,
        );
    }
}

/// Of two limits on the same thing the smaller decides, so the other is a mistake.
fn limits(reader: &mut Reader<'_>, at: usize, bot: &BotConfig) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (number, rule) in bot.limits.iter().enumerate() {
        if let Some(first) = seen.insert(rule.name(), number) {
            let key = format!("bot[{at}].limit[{number}]");
            let found = format!("another {}, like `limit[{first}]`", quoted(rule.name()));
            let finding = Finding::error(&key, &found, "each limit once: the smaller of the two decides");
            reader.found(finding, &key);
        }
    }
}
