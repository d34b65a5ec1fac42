//! Wires the parts together and runs them: stores, limits, keys, the gateway, the control socket, reloads, signals.

mod erasures;
mod nodes;
mod reload;
mod signals;
mod stops;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use botwarden_crypto::Token;
use botwarden_gateway::{Addresses, Gateway, Live, Ports, Watch};
use botwarden_identity::{Authenticator, Bounds, StoreError, Wiring};
use botwarden_limit::{Limiter, Settings};
use botwarden_store::audit::AuditLog;
use botwarden_store::control::{ControlListener, News};
use botwarden_store::{DataDir, FileJournal, Keyring, Store};
use botwarden_types::{Clock, Now, SystemClock, UnixMs};
use tokio::task::JoinHandle;

use crate::archive::Archivist;
use crate::config::Config;
use crate::ledger::Bookkeeper;
use crate::state::State;
use crate::{accountable, background, logs, witness};
use erasures::Erasures;
use stops::Stops;

/// How often changes that nobody announced are looked for (DESIGN: in force within about a second).
const KEYS_CHECK_EVERY: Duration = Duration::from_secs(1);
/// How often decisions on limits are brought to the disk; what a loss of power can take is what came since.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Exchanges deleted in one statement: in between, others may write.
const PURGE_BATCH: usize = 1000;
/// How often expired sessions are forgotten.
const PURGE_EVERY: Duration = Duration::from_secs(30);

/// How long a stop waits for exchanges to be written.
const ARCHIVING_MAX: Duration = Duration::from_secs(10);

/// Looks up the provider keys that bots name: the environment, or what a test or the demo says.
pub(crate) type KeyLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Runs `botwarden serve` until it is told to stop.
pub(crate) fn run(path: &Path, config: Config) -> anyhow::Result<ExitCode> {
    let logs = logs::start(config.log.format, config.log.level)?;
    let access = logs.access(config.log.format);
    background::run(async {
        let lookup: KeyLookup = Arc::new(|name| std::env::var(name).ok());
        let server = Server::start(config, lookup, vec![Arc::new(access)]).await?;
        let signals = signals::Signals::listen()?; // before `ready`: who reads that may stop us at once
        announce(server.addresses());
        serve_until_stopped(server, signals, path.to_owned()).await
    })
}

/// The line that tells scripts where the listeners are.
fn announce(addresses: Addresses) {
    let mut urls = serde_json::Map::new();
    urls.insert("gateway".into(), format!("http://{}", addresses.gateway).into());
    if let Some(backend) = addresses.backend {
        urls.insert("backend".into(), format!("http://{backend}").into());
    }
    urls.insert("ops".into(), format!("http://{}", addresses.ops).into());
    anstream::println!("ready {}", serde_json::Value::Object(urls));
}

async fn serve_until_stopped(
    server: Server,
    mut signals: signals::Signals,
    path: PathBuf,
) -> anyhow::Result<ExitCode> {
    let mut server = server;
    let mut file = reload::Watcher::new(path, server.config.beside());
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                signals::Signal::Stop => break,
                signals::Signal::Reload => file.take(), // what the signal announces is not news a second later
            },
            () = file.changed() => {}
        }
        if reload(&mut server, &mut signals, file.path()).await == Told::Stop {
            break;
        }
        file.stand_on(server.config.beside());
    }
    tracing::info!("stopping: no new connections; requests in flight may finish");
    let again = async { while signals.next().await != signals::Signal::Stop {} };
    let cut = server.stop(again).await;
    if cut > 0 {
        tracing::warn!(connections = cut, "not all was finished in time; connections were cut");
    }
    Ok(ExitCode::SUCCESS)
}

/// What somebody said while the server was busy.
#[derive(PartialEq, Eq)]
enum Told {
    Nothing,
    Stop,
}

/// Reloads, as often as it is asked for meanwhile. Whoever says stop does not wait for a disk that does not answer.
async fn reload(server: &mut Server, signals: &mut signals::Signals, path: &Path) -> Told {
    loop {
        let mut again = false;
        let mut reloading = std::pin::pin!(server.reload(path));
        loop {
            tokio::select! {
                () = &mut reloading => break,
                signal = signals.next() => match signal {
                    signals::Signal::Stop => return Told::Stop,
                    signals::Signal::Reload => again = true,
                },
            }
        }
        if !again {
            return Told::Nothing;
        }
    }
}

/// A running Botwarden.
pub(crate) struct Server {
    gateway: Gateway,
    authenticator: Arc<Authenticator>,
    limiter: Arc<Limiter>,
    journal: Arc<FileJournal>,
    clock: Arc<dyn Clock>,
    store: Store,
    keyring: Arc<Keyring>,
    /// Holds the right to serve from the directory, and with it to write the audit log: it ends when that is closed.
    listening: JoinHandle<()>,
    audit: Arc<AuditLog>,
    /// How often the configuration was replaced.
    reloads: u64,
    config: Config,
    lookup: KeyLookup,
    tasks: Vec<JoinHandle<()>>,
    /// Ends by itself, when everything is written.
    archiving: JoinHandle<()>,
    /// If anybody is to keep watch over the audit log.
    watch: Option<witness::Watch>,
}

impl Server {
    /// Opens the data directory and the listeners, and serves.
    pub(crate) async fn start(
        config: Config,
        lookup: KeyLookup,
        watchers: Vec<Arc<dyn Watch>>,
    ) -> anyhow::Result<Self> {
        for warning in &config.warnings {
            tracing::warn!(%warning, "configuration");
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let state = State::open(&config).await?;
        let keyring = state.keyring().await?;
        // The socket first: news of a change that the first reading of keys missed then waits in its queue.
        let control = ControlListener::bind(&state.dir).context("taking the data directory")?;
        let store = state.store(keyring.clone()).await?;
        let changes = store.changes().await?;
        let wiring = Wiring {
            keys: store.keys(),
            sessions: store.sessions(),
            pepper: keyring.pepper()?,
            index: keyring.index()?,
            bounds: Bounds::default(),
        };
        let read = keyring.generation(); // before the sessions are read
        let authenticator =
            Authenticator::load(wiring, clock.now().wall).await.context("reading keys and sessions")?;
        let authenticator = Arc::new(authenticator);
        let erasures = Arc::new(Erasures::new(authenticator.clone(), keyring.clone(), read));
        let mut settings = Settings::new(*keyring.limit_hash_key()?.expose());
        settings.keys_max = config.limit_keys_max;
        let (limiter, journal) =
            limiter(&state.dir, settings, clock.now()).context("opening the limit journal")?;
        let stops = Arc::new(Stops::load(store.quarantine()).await.context("reading what is stopped")?);
        let live = live(&config, &lookup, &limiter)?;
        let audit = open_audit_log(&state, &keyring, &config, clock.now().wall).await?;
        let witnesses = witnesses(&config, &state.dir, &audit, &clock)?;
        let (archive, archiving) = Archivist::new(store.clone(), clock.clone());
        let ports = Ports {
            ledger: Arc::new(Bookkeeper(audit.clone())),
            archive,
            approvals: store.approvals(),
            quarantine: stops.quarantine().clone(),
            sessions: store.sessions(),
            chronicle: store.chronicle(),
            is_shared: changes.is_some(),
            clock: clock.clone(),
            authenticator: authenticator.clone(),
            limiter: limiter.clone(),
            watchers,
            process_id: process_id()?,
        };
        let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
        let gateway = Gateway::start(&config.listen, workers, live, ports).await?;
        let listening =
            tokio::spawn(listen_for_news(control, erasures.clone(), stops.clone(), audit.clone()));
        let mut tasks = vec![
            tokio::spawn(watch_keys(authenticator.clone(), erasures.clone(), stops.clone())),
            tokio::spawn(purge(authenticator.clone(), store.clone(), clock.clone())),
            tokio::spawn(keep_limits(journal.clone(), limiter.clone(), clock.clone())),
        ];
        if let Some(changes) = changes {
            tasks.push(tokio::spawn(nodes::follow(changes, authenticator.clone(), erasures, stops)));
        }
        let archiving = tokio::spawn(archiving);
        let watch =
            witnesses.map(|it| witness::Watch::start(it, config.audit.interval, gateway.witness_meter()));
        Ok(Self {
            gateway,
            authenticator,
            limiter,
            journal,
            clock,
            store,
            keyring,
            listening,
            audit,
            reloads: 0,
            config,
            lookup,
            tasks,
            archiving,
            watch,
        })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> Addresses {
        self.gateway.addresses()
    }

    /// Who may call. For the demo, which issues its own keys.
    pub(crate) fn authenticator(&self) -> &Arc<Authenticator> {
        &self.authenticator
    }

    /// The audit log. For the demo, which checks it.
    pub(crate) fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// Where keys are kept. For the demo, which issues its own keys.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Reads the configuration again and puts it in force as a whole, or says why not and changes nothing.
    pub(crate) async fn reload(&mut self, path: &Path) {
        match self.try_reload(path).await {
            Ok(()) => tracing::info!(bots = self.config.bots.len(), "configuration reloaded"),
            Err(error) => {
                self.gateway.reload_refused();
                let why = format!("{error:#}");
                tracing::error!(why, "configuration not reloaded; the one before stays in force");
            }
        }
    }

    async fn try_reload(&mut self, path: &Path) -> anyhow::Result<()> {
        let config = Config::load(path)?;
        for (what, same) in [
            ("`data_dir`", config.data_dir == self.config.data_dir),
            ("`[root_key]`", config.root_key == self.config.root_key),
            ("`[store]`", config.store == self.config.store),
            ("`[audit]`", config.audit == self.config.audit),
            ("`[listen]`", config.listen == self.config.listen),
            ("`[limits]`", config.limit_keys_max == self.config.limit_keys_max),
            ("`[log]`", config.log == self.config.log),
        ] {
            if !same {
                return Err(anyhow!("{what} changed, which takes a restart"));
            }
        }
        let live = live(&config, &self.lookup, &self.limiter)?;
        if config.digest != self.config.digest {
            let next = self.reloads + 1;
            let change = accountable::configured(Some(self.config.digest), config.digest, next)?;
            // On disk before it decides about anything. The rest cannot fail.
            let written = self.audit.note(self.clock.now().wall, change).context("writing the audit log")?;
            written.durable().await.context("writing the audit log")?;
            self.reloads = next;
        }
        self.gateway.replace(live);
        self.config = config;
        Ok(())
    }

    /// Drains, until `hurry` is over at most, and ends. Returns how many connections had to be cut.
    pub(crate) async fn stop(self, hurry: impl Future<Output = ()>) -> usize {
        let cut = self.gateway.stop(hurry).await;
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
        // The gateway held the other end; what is under way is written before the store closes.
        if tokio::time::timeout(ARCHIVING_MAX, self.archiving).await.is_err() {
            tracing::error!("not every exchange could be kept before the end");
        }
        if let Err(error) = self.journal.close_clean(&self.limiter, self.clock.now()) {
            tracing::warn!(%error, "the limit journal was not closed; the next start replays it");
        }
        let (audit, now) = (self.audit.clone(), self.clock.now().wall);
        let close = async {
            if tokio::task::spawn_blocking(move || audit.close("signal", now)).await.is_err() {
                tracing::error!("the audit log was not closed in good order");
            }
        };
        match self.watch {
            Some(watch) => watch.stop(close).await,
            None => close.await,
        }
        self.listening.abort();
        let _ = self.listening.await;
        self.store.close().await;
        self.keyring.close().await;
        cut
    }
}

/// A limiter that goes on where the one before it ended, however that was.
fn limiter(dir: &DataDir, settings: Settings, now: Now) -> anyhow::Result<(Arc<Limiter>, Arc<FileJournal>)> {
    let (journal, mut recovery) = FileJournal::open(&dir.path().join("limits"), now)?;
    let limiter = Limiter::new(settings).with_journal(journal.clone());
    let restored = limiter.restore(&mut recovery, now)?;
    if recovery.lost_bytes() > 0 {
        tracing::warn!(
            bytes = recovery.lost_bytes(),
            "the limit journal ended in the middle of a record, which is dropped"
        );
    }
    tracing::info!(records = restored.records, away_ms = restored.away_ms, "limits restored");
    journal.snapshot(&limiter, now)?;
    Ok((Arc::new(limiter), journal))
}

/// Brings the journal over a loss of power every second, and keeps it short.
async fn keep_limits(journal: Arc<FileJournal>, limiter: Arc<Limiter>, clock: Arc<dyn Clock>) {
    let mut every = tokio::time::interval(SYNC_EVERY);
    loop {
        every.tick().await;
        let (journal, limiter, now) = (journal.clone(), limiter.clone(), clock.now());
        let kept = tokio::task::spawn_blocking(move || {
            if journal.snapshot_due() { journal.snapshot(&limiter, now) } else { journal.sync() }
        });
        if let Ok(Err(error)) = kept.await {
            tracing::error!(%error, "the limit journal could not be kept");
        }
    }
}

/// The configuration made ready, with the provider keys it names.
fn live(config: &Config, lookup: &KeyLookup, limiter: &Limiter) -> anyhow::Result<Live> {
    let mut bots = config.provider_keys(|name| lookup(name).map(Into::into))?;
    for bot in &mut bots {
        bot.contracts = config.contracts(&bot.config)?;
    }
    let lock = config.tools_lock()?;
    for gap in config.unpinned(&lock) {
        tracing::warn!("{gap}");
    }
    Live::new(bots, &lock, config.bounds, config.timeouts, limiter).context("preparing the configuration")
}

/// Opens the audit log, and writes down under which configuration the gateway starts.
async fn open_audit_log(
    state: &State,
    keyring: &Arc<Keyring>,
    config: &Config,
    now: UnixMs,
) -> anyhow::Result<Arc<AuditLog>> {
    let audit = AuditLog::open(&state.dir, keyring.clone(), env!("CARGO_PKG_VERSION"), now)
        .await
        .context("opening the audit log")?;
    let configured = accountable::configured(None, config.digest, 0)?;
    audit.note(now, configured)?.durable().await.context("writing the audit log")?;
    Ok(audit)
}

/// Whoever is to keep watch over the audit log.
fn witnesses(
    config: &Config,
    dir: &DataDir,
    audit: &AuditLog,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<witness::Watchers>> {
    if config.audit.is_empty() {
        return Ok(None);
    }
    let key = audit.key().clone();
    let watchers = witness::Watchers::new(&config.audit, dir.audit(), key, clock.clone());
    Ok(Some(watchers.context("preparing the watch over the audit log")?))
}

/// 64 random bits, so that the request ids of two runs never meet.
fn process_id() -> anyhow::Result<u64> {
    let token = Token::random().context("asking the system for randomness")?;
    let hashed = token.expose().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(hashed)
}

async fn listen_for_news(
    control: ControlListener,
    erasures: Arc<Erasures>,
    stops: Arc<Stops>,
    audit: Arc<AuditLog>,
) {
    let handler: botwarden_store::control::Handler = Arc::new(move |news| {
        let (erasures, stops, audit) = (erasures.clone(), stops.clone(), audit.clone());
        Box::pin(async move {
            match news {
                News::Operator { operator, action, target } => {
                    let event = accountable::event(&operator, &action, &target)?;
                    audit.note(SystemClock.now().wall, event)?.durable().await?;
                    Ok(0)
                }
                News::StopsChanged => Ok(stops.refresh().await?),
                News::KeysChanged => Ok(erasures.told(SystemClock.now().wall).await?),
            }
        })
    });
    control.serve(handler).await;
}

async fn purge_exchanges(store: &Store, now: UnixMs) -> Result<(), StoreError> {
    let mut deleted = 0;
    loop {
        let batch = store.purge_exchanges(now, PURGE_BATCH).await?;
        deleted += batch;
        if batch < PURGE_BATCH {
            break;
        }
    }
    if deleted > 0 {
        tracing::info!(deleted, "exchanges whose time is over deleted");
    }
    Ok(())
}

/// The safety net under the control socket: changes made without telling us.
async fn watch_keys(authenticator: Arc<Authenticator>, erasures: Arc<Erasures>, stops: Arc<Stops>) {
    let mut every = tokio::time::interval(KEYS_CHECK_EVERY);
    loop {
        every.tick().await;
        if let Err(error) = authenticator.refresh_keys_if_changed().await {
            tracing::error!(%error, "keys could not be read; the ones before stay in force");
        }
        if let Err(error) = erasures.heed(SystemClock.now().wall).await {
            tracing::error!(%error, "what was erased could not be looked for");
        }
        if let Err(error) = stops.look().await {
            tracing::error!(%error, "what is stopped could not be read; what was stopped before stays so");
        }
    }
}

async fn purge(authenticator: Arc<Authenticator>, store: Store, clock: Arc<dyn Clock>) {
    let mut every = tokio::time::interval(PURGE_EVERY);
    loop {
        every.tick().await;
        if let Err(error) = authenticator.purge(clock.now().wall).await {
            tracing::error!(%error, "expired sessions could not be purged");
        }
        if let Err(error) = purge_exchanges(&store, clock.now().wall).await {
            tracing::error!(%error, "exchanges whose time is over could not be deleted");
        }
        if let Err(error) = stops::purge(&store, clock.now().wall).await {
            tracing::error!(%error, "approvals and counts whose time is over could not be deleted");
        }
    }
}
