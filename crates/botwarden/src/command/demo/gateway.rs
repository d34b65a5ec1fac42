//! Starts Botwarden for the demo: what `serve` starts, in this process, from a configuration file like anyone's.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use botwarden_crypto::Pepper;
use botwarden_gateway::{Outcome, Watch, survey};
use botwarden_identity::keys::{self, NewKey};
use botwarden_identity::{Right, Rights};
use botwarden_policy::pin::Lock;
use botwarden_types::{BotName, Clock, KeyId, Secret, SystemClock, UnixMs};
use tokio::sync::mpsc;

use super::trail::Trail;
use crate::config::Config;
use crate::server::{KeyLookup, Server};
use crate::state::State;

/// One request and what was decided about it, as the gateway reports it. Holds ids, no content.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// The credential, if one was recognised; for a session, the key that opened it.
    pub(super) key: Option<KeyId>,
    pub(super) operation: &'static str,
    /// The reason id.
    pub(super) verdict: &'static str,
    pub(super) status: u16,
    /// Time the gateway itself added.
    pub(super) added_us: u128,
}

/// A running Botwarden with stores of its own.
pub(super) struct DemoGateway {
    pub(super) gateway: SocketAddr,
    pub(super) ops: SocketAddr,
    /// Every request's decision; when nobody reads, new ones are dropped.
    pub(super) decisions: mpsc::Receiver<Decision>,
    server: Server,
    audit: PathBuf,
    pepper: Pepper,
}

/// A key just issued.
pub(super) struct IssuedKey {
    pub(super) id: KeyId,
    pub(super) key: Secret,
}

/// How long a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    Unbounded,
    /// An hour that is over.
    Over,
}

const TEMPLATE: &str = include_str!("templates/demo.toml");
const CONTRACT: &str = include_str!("templates/shop.contract.toml");
/// The name in the configuration for the model's key. It never is in the environment: [`KeyLookup`] gives it.
const MODEL_KEY: &str = "BOTWARDEN_DEMO_MODEL_KEY";
/// The same for the token of the shop's tools.
const TOOLS_TOKEN: &str = "BOTWARDEN_DEMO_TOOLS_TOKEN";
/// Decisions that wait for the view; a screenful is more than anyone reads.
const DECISIONS_MAX: usize = 256;
const HOUR: Duration = Duration::from_secs(3600);

/// Hands each decision to the view.
struct Tap(mpsc::Sender<Decision>);

impl Watch for Tap {
    fn finished(&self, outcome: &Outcome) {
        let decision = Decision {
            key: outcome.key.clone(),
            operation: outcome.operation,
            verdict: outcome.verdict,
            status: outcome.status,
            added_us: outcome.timings.added().as_micros(),
        };
        // A full queue means that nobody is looking.
        let _ = self.0.try_send(decision);
    }
}

/// Where something is that Botwarden stands in front of, and what it wants to be shown.
pub(super) struct Behind {
    pub(super) address: SocketAddr,
    pub(super) credential: Secret,
}

/// Starts Botwarden in front of `model` and `tools`, with its state in `folder`.
pub(super) async fn start(folder: &Path, model: &Behind, tools: &Behind) -> anyhow::Result<DemoGateway> {
    let file = folder.join("botwarden.toml");
    let text = TEMPLATE
        .replace("{model}", &model.address.to_string())
        .replace("{key_env}", MODEL_KEY)
        .replace("{tools}", &tools.address.to_string())
        .replace("{tool_env}", TOOLS_TOKEN);
    std::fs::write(&file, text).context("writing the demo's configuration")?;
    std::fs::write(folder.join("shop.contract.toml"), CONTRACT).context("writing the shop's contract")?;
    let config = Config::load(&file).context("reading the demo's configuration")?;
    accept_tools(&config, &tools.credential).await.context("accepting the shop's tools")?;
    let state = State::open(&config).await?;
    let audit = state.dir.audit();
    let keyring = state.keyring().await?;
    let pepper = keyring.pepper()?;
    keyring.close().await;
    let (key, token) = (model.credential.clone(), tools.credential.clone());
    let lookup: KeyLookup = Arc::new(move |name| match name {
        MODEL_KEY => Some(key.expose().to_owned()),
        TOOLS_TOKEN => Some(token.expose().to_owned()),
        _ => None,
    });
    let (tap, decisions) = mpsc::channel(DECISIONS_MAX);
    let server = Server::start(config, lookup, vec![Arc::new(Tap(tap))]).await?;
    let (gateway, ops) = (server.addresses().gateway, server.addresses().ops);
    Ok(DemoGateway { gateway, ops, decisions, server, pepper, audit })
}

/// Accepts what the tool servers offer, as an operator does with `botwarden policy pin --accept`.
async fn accept_tools(config: &Config, token: &Secret) -> anyhow::Result<()> {
    let mut lock = Lock::default();
    for bot in &config.bots {
        for server in &bot.tool_servers {
            let seen = survey(server, Some(token), &config.bounds, &config.timeouts).await?;
            lock.accept(bot.name.as_str(), &server.name, seen.offered);
        }
    }
    Ok(std::fs::write(&config.tools_lock, lock.to_text()?)?)
}

impl DemoGateway {
    /// Issues a key for the shop's bot.
    pub(super) async fn issue_key(&self, rights: &[Right], lifetime: Lifetime) -> anyhow::Result<IssuedKey> {
        let now = SystemClock.now().wall;
        let (issued, expires) = match lifetime {
            Lifetime::Unbounded => (now, None),
            Lifetime::Over => {
                let then = UnixMs(now.0.saturating_sub(2 * HOUR.as_secs() * 1000));
                (then, Some(then.after(HOUR)))
            }
        };
        let (bot, rights) = (BotName::parse("shop")?, Rights::new(rights.iter().copied())?);
        let new = NewKey { bot, rights, label: None, expires };
        let (key, record) = keys::issue(&*self.server.store().keys(), &self.pepper, new, issued).await?;
        self.server.authenticator().refresh_keys().await?;
        Ok(IssuedKey { id: record.id, key: Secret::new(key.expose().to_owned()) })
    }

    /// Revokes a key; when this returns it is refused.
    pub(super) async fn revoke_key(&self, key: &IssuedKey) -> anyhow::Result<()> {
        keys::revoke(&*self.server.store().keys(), &key.id, SystemClock.now().wall).await?;
        self.server.authenticator().refresh_keys().await?;
        Ok(())
    }

    /// What the audit log holds, and that an edit of it is found.
    pub(super) fn trail(&self, folder: &Path) -> anyhow::Result<Trail> {
        Trail::of(&self.audit, &folder.join("edited-log"), self.server.audit().key())
    }

    /// Stops it and waits until it has stopped.
    pub(super) async fn stop(self) {
        self.server.stop(std::future::pending()).await;
    }
}
