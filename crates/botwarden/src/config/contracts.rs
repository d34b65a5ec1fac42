//! The contracts of a bot's tools, in files beside the configuration.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use botwarden_gateway::config::BotConfig;
use botwarden_policy::contract::Contract;

use super::Config;

/// Bytes of a contract's file.
const CONTRACT_BYTES_MAX: u64 = 4 << 20;

impl Config {
    /// The contracts that a bot's tool servers name. A file that is missing or wrong is an error: without it nothing would be granted.
    pub(crate) fn contracts(&self, bot: &BotConfig) -> anyhow::Result<Vec<Contract>> {
        let folder = self.tools_lock.parent().unwrap_or(Path::new(""));
        let named = bot.tool_servers.iter().filter_map(|server| Some((server, server.contract.as_ref()?)));
        named
            .map(|(server, path)| {
                let path = folder.join(path);
                let what = || {
                    format!(
                        "the contract of tool server `{}` of bot `{}`, {}",
                        server.name,
                        bot.name,
                        path.display()
                    )
                };
                let contract = read(&path).with_context(what)?;
                anyhow::ensure!(
                    contract.server == server.name,
                    "{}: it is for a server called `{}`",
                    what(),
                    contract.server
                );
                Ok(contract)
            })
            .collect()
    }
}

/// Reads a contract's file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Contract> {
    let mut text = String::new();
    let file = std::fs::File::open(path).context("opening it")?;
    file.take(CONTRACT_BYTES_MAX + 1).read_to_string(&mut text).context("reading it")?;
    Ok(Contract::read(&text)?)
}
