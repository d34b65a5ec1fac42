//! Starts the gateway for the demo, in this process, from a configuration like anyone's.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use botwarden_crypto::Pepper;
use botwarden_gateway::config::{
    BotConfig, Bounds, Listen, RawBot, RawBounds, RawListen, RawTimeouts, Timeouts,
};
use botwarden_gateway::{Gateway, Live, Outcome, Ports, Watch};
use botwarden_identity::keys::{self, NewKey};
use botwarden_identity::{Authenticator, Right, Rights, Wiring};
use botwarden_limit::{Limiter, Settings};
use botwarden_store::{DataDir, Sqlite};
use botwarden_types::{BotName, Clock, KeyId, Secret, SystemClock};
use serde::Deserialize;
use tokio::sync::mpsc;

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

/// A running gateway with stores of its own.
pub(super) struct DemoGateway {
    pub(super) gateway: SocketAddr,
    pub(super) ops: SocketAddr,
    /// Every request's decision; when nobody reads, new ones are dropped.
    pub(super) decisions: mpsc::Receiver<Decision>,
    running: Gateway,
    store: Sqlite,
    authenticator: Arc<Authenticator>,
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
/// Decisions that wait for the view; a screenful is more than anyone reads.
const DECISIONS_MAX: usize = 256;
/// A demo is one person's: two threads are enough to show that requests do not wait for each other.
const WORKERS: usize = 2;

/// The parts of a configuration that the demo uses.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    data_dir: PathBuf,
    listen: RawListen,
    bounds: RawBounds,
    timeouts: RawTimeouts,
    bot: Vec<RawBot>,
}

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

/// Starts a gateway in front of `model`, which serves whoever holds `model_key`, with its state in `folder`.
pub(super) async fn start(
    folder: &Path,
    model: SocketAddr,
    model_key: &Secret,
) -> anyhow::Result<DemoGateway> {
    let config: Config =
        toml::from_str(&configuration(folder, model)).context("reading the demo's configuration")?;
    let dir = DataDir::open(config.data_dir)?;
    let root = dir.root_key()?;
    let store = Sqlite::open(&dir, root.sealer()).await?;
    let wiring = Wiring {
        keys: Arc::new(store.clone()),
        sessions: Arc::new(store.clone()),
        pepper: root.pepper(),
        index: root.blind_index(),
        bounds: botwarden_identity::Bounds::default(),
    };
    let authenticator = Arc::new(Authenticator::load(wiring, SystemClock.now().wall).await?);
    let limiter = Arc::new(Limiter::new(Settings::new(*root.limit_hash_key().expose())));
    let (tap, decisions) = mpsc::channel(DECISIONS_MAX);
    let bots = config.bot.into_iter().map(|raw| Ok((BotConfig::try_from(raw)?, Some(model_key.clone()))));
    let live = Live::new(
        bots.collect::<anyhow::Result<_>>()?,
        Bounds::try_from(config.bounds)?,
        Timeouts::try_from(config.timeouts)?,
        &limiter,
    )?;
    let ports = Ports {
        clock: Arc::new(SystemClock),
        authenticator: Arc::clone(&authenticator),
        limiter,
        watchers: vec![Arc::new(Tap(tap))],
        process_id: 1,
    };
    let running = Gateway::start(&Listen::try_from(config.listen)?, WORKERS, live, ports).await?;
    let addresses = running.addresses();
    let (gateway, ops) = (addresses.gateway, addresses.ops);
    Ok(DemoGateway { gateway, ops, decisions, running, store, authenticator, pepper: root.pepper() })
}

fn configuration(folder: &Path, model: SocketAddr) -> String {
    TEMPLATE
        .replace("{folder}", &folder.join("botwarden").display().to_string())
        .replace("{model}", &model.to_string())
}

impl DemoGateway {
    /// Issues a key for the shop's bot.
    pub(super) async fn issue_key(&self, rights: &[Right], lifetime: Lifetime) -> anyhow::Result<IssuedKey> {
        let hour = Duration::from_secs(3600);
        let now = SystemClock.now().wall;
        let (issued, expires) = match lifetime {
            Lifetime::Unbounded => (now, None),
            Lifetime::Over => {
                let then = botwarden_types::UnixMs(now.0.saturating_sub(2 * 3_600_000));
                (then, Some(then.after(hour)))
            }
        };
        let bot = BotName::parse("shop")?;
        let new = NewKey { bot, rights: Rights::new(rights.iter().copied())?, label: None, expires };
        let (key, record) = keys::issue(&self.store, &self.pepper, new, issued).await?;
        self.authenticator.refresh_keys().await?;
        Ok(IssuedKey { id: record.id, key: Secret::new(key.expose().to_owned()) })
    }

    /// Revokes a key; when this returns it is refused.
    pub(super) async fn revoke_key(&self, key: &IssuedKey) -> anyhow::Result<()> {
        keys::revoke(&self.store, &key.id, SystemClock.now().wall).await?;
        self.authenticator.refresh_keys().await?;
        Ok(())
    }

    /// Stops it and waits until it has stopped.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.running.stop().await;
        self.store.close().await;
        Ok(())
    }
}
