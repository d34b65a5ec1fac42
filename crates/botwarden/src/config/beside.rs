//! Files that a configuration stands on besides its own.

use std::path::{Path, PathBuf};

use super::Config;

impl Config {
    /// Files whose change is a change of the configuration: the lock of accepted tools, which need not be there, and contracts.
    pub(crate) fn beside(&self) -> Vec<PathBuf> {
        let folder = self.tools_lock.parent().unwrap_or(Path::new(""));
        let servers = self.bots.iter().flat_map(|bot| &bot.tool_servers);
        let contracts = servers.filter_map(|server| server.contract.as_ref()).map(|path| folder.join(path));
        std::iter::once(self.tools_lock.clone()).chain(contracts).collect()
    }
}
