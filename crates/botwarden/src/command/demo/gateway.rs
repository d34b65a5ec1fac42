//! Starts the gateway for the demo, in this process, from a configuration like anyone's.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::bail;
use botwarden_types::Secret;
use tokio::sync::mpsc;

/// One request and what was decided about it, as the gateway reports it. Holds ids, no content.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// The credential, if one was recognised; for a session, the key that opened it.
    pub(super) key: Option<String>,
    pub(super) operation: String,
    /// The reason id.
    pub(super) verdict: String,
    pub(super) status: u16,
    /// Time the gateway itself added.
    pub(super) added_us: u128,
}

/// A running gateway with stores of its own.
pub(super) struct DemoGateway {
    pub(super) gateway: SocketAddr,
    pub(super) ops: SocketAddr,
    /// Every request's decision; when nobody reads, new ones are dropped.
    pub(super) decisions: mpsc::Receiver<Decision>,
}

/// A key just issued.
pub(super) struct IssuedKey {
    pub(super) id: String,
    pub(super) key: Secret,
}

/// How long a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    Unbounded,
    /// It expired in the moment it was made.
    Over,
}

const TEMPLATE: &str = include_str!("templates/demo.toml");
/// Where the gateway looks for the model's key.
const MODEL_KEY: &str = "BOTWARDEN_DEMO_MODEL_KEY";

/// Starts a gateway in front of `model`, which serves whoever holds `model_key`, with its state in `folder`.
pub(super) async fn start(
    folder: &Path,
    model: SocketAddr,
    model_key: &Secret,
) -> anyhow::Result<DemoGateway> {
    let _config = configuration(folder, model);
    let _ = model_key;
    bail!("the gateway is not there yet")
}

fn configuration(folder: &Path, model: SocketAddr) -> String {
    TEMPLATE
        .replace("{folder}", &folder.join("gateway").display().to_string())
        .replace("{model}", &model.to_string())
        .replace("{key_env}", MODEL_KEY)
}

impl DemoGateway {
    /// Issues a key for the shop's bot.
    pub(super) async fn issue_key(&self, rights: &[&str], lifetime: Lifetime) -> anyhow::Result<IssuedKey> {
        bail!("no key with {rights:?} for {lifetime:?}")
    }

    /// Revokes a key.
    pub(super) async fn revoke_key(&self, key: &IssuedKey) -> anyhow::Result<()> {
        bail!("{} cannot be revoked", key.id)
    }

    /// Stops it and waits until it has stopped.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        Ok(())
    }
}
