//! The keys that a command works with.

use std::sync::Arc;

use botwarden_store::control::{self, Notified};
use botwarden_store::{DataDir, Keyring};

use crate::config::Config;
use crate::{exit, root};

/// Opens the keys of a data directory; makes them where there are none.
pub(crate) async fn open(config: &Config, dir: &DataDir) -> anyhow::Result<Arc<Keyring>> {
    Ok(Arc::new(root::keyring(&config.root_key, dir).await?))
}

/// Tells a running server that keys were destroyed; says in words what became of it.
pub(crate) async fn announce(dir: &DataDir) -> String {
    match exit::patiently("waiting for the running server …", control::notify_keys_changed(dir)).await {
        Ok(Notified::Acknowledged { .. }) => "the running server has forgotten it".to_owned(),
        Ok(Notified::NobodyListens) => "no server is running on this data directory".to_owned(),
        Err(error) => {
            let error = anyhow::Error::new(error);
            format!("a server is running but did not confirm ({error:#}); it looks by itself every second")
        }
    }
}
