//! What all workers share, and the part of it that a reload replaces.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use botwarden_identity::{Authenticator, SessionStore};
use botwarden_limit::{Limiter, Measure, Per, Plan, Rule, Unit};
use botwarden_policy::approval::ApprovalStore;
use botwarden_policy::chronicle::Chronicle;
use botwarden_policy::contract::Contract;
use botwarden_policy::pin::Lock;
use botwarden_policy::quarantine::Quarantine;
use botwarden_types::{BotName, Clock, RequestId, Secret};

use crate::archive::Archive;
use crate::bodies::Share;
use crate::config::{BotConfig, Bounds, Hosts, Timeouts};
use crate::desk::{Contracts, Desk, DeskPorts};
use crate::ledger::Ledger;
use crate::metrics::{BotCounters, Metrics};
use crate::outcome::Watch;
use crate::stage::disclose::Policies;
use crate::stage::read::json_bounds;
use crate::tools::{Flights, ToolServer};
use crate::upstream::{TlsRoots, Upstream, UpstreamError};

/// What the gateway asks of the world; the binary introduces them.
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who a caller is.
    pub authenticator: Arc<Authenticator>,
    /// How much they may use.
    pub limiter: Arc<Limiter>,
    /// Whoever wants to know what became of each request.
    pub watchers: Vec<Arc<dyn Watch>>,
    /// Where decisions are written down.
    pub ledger: Arc<dyn Ledger>,
    /// Where exchanges are kept.
    pub archive: Arc<dyn Archive>,
    /// Where what persons are asked is kept.
    pub approvals: Arc<dyn ApprovalStore>,
    /// What is stopped.
    pub quarantine: Arc<Quarantine>,
    /// Where what persons said is kept.
    pub sessions: Arc<dyn SessionStore>,
    /// Where what tools returned is kept.
    pub chronicle: Arc<dyn Chronicle>,
    /// Whether other nodes write to the same stores.
    pub is_shared: bool,
    /// 64 random bits: request ids of two processes never collide.
    pub process_id: u64,
}

/// What the configuration says, ready for use. Replaced as a whole or not at all.
pub struct Live {
    pub(crate) bots: HashMap<BotName, Arc<Bot>, ahash::RandomState>,
    pub(crate) bounds: Bounds,
    pub(crate) timeouts: Timeouts,
    pub(crate) failed_sign_ins: Plan,
}

/// A protected application, ready for use.
pub(crate) struct Bot {
    pub(crate) config: BotConfig,
    pub(crate) upstream: Upstream,
    pub(crate) plan: Plan,
    /// The limits on backend calls: those on users are for what users ask, not for what the backend does for them.
    pub(crate) backend_plan: Plan,
    /// Whether any limit counts tokens, so that an estimate is worth making.
    pub(crate) counts_tokens: bool,
    pub(crate) counters: BotCounters,
    /// What callers are told of its limits; none if there is nothing to tell.
    pub(crate) policies: Option<Policies>,
    pub(crate) bodies: Share,
    /// Its tool servers, in the order of the file.
    pub(crate) tool_servers: Vec<Arc<ToolServer>>,
    /// What their tools do.
    pub(crate) contracts: Contracts,
}

/// A bot of the configuration, with the secrets that stand elsewhere.
#[derive(Debug)]
pub struct BotSetup {
    /// What the configuration says.
    pub config: BotConfig,
    /// The key that its model's upstream wants.
    pub key: Option<Secret>,
    /// The credential that each of its tool servers wants, in their order.
    pub tool_tokens: Vec<Option<Secret>>,
    /// What the tools of its servers do, by server.
    pub contracts: Vec<Contract>,
}

/// Failed sign-ins of one address in a minute. Guessing 256-bit keys is hopeless; this keeps it cheap to turn away.
const FAILED_SIGN_INS_MAX: u32 = 20;
const FAILED_SIGN_INS_WINDOW: std::time::Duration = std::time::Duration::from_secs(60);

/// Why a bot of the configuration cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// Two of one name.
    #[error("bot `{0}` stands in the configuration twice")]
    Twice(BotName),
    /// Its upstream cannot be used.
    #[error("bot `{bot}`")]
    Upstream {
        /// The bot.
        bot: BotName,
        /// Why.
        source: UpstreamError,
    },
    /// A tool server of its cannot be used.
    #[error("tool server `{server}` of bot `{bot}`")]
    ToolServer {
        /// The bot.
        bot: BotName,
        /// The server.
        server: String,
        /// Why.
        source: UpstreamError,
    },
    /// The limits of the gateway itself cannot be used.
    #[error("the limit on failed sign-ins: {0}")]
    FailedSignIns(botwarden_types::Invalid),
}

impl Live {
    /// Makes the configuration ready. Tools exist as far as `lock` has them.
    pub fn new(
        bots: Vec<BotSetup>,
        lock: &Lock,
        bounds: Bounds,
        timeouts: Timeouts,
        limiter: &Limiter,
    ) -> Result<Self, BotError> {
        let mut ready = HashMap::with_hasher(ahash::RandomState::new());
        let mut roots = TlsRoots::default();
        let share = bodies_of_a_bot(&bounds, bots.len());
        for BotSetup { config, key, tool_tokens, contracts } in bots {
            let name = config.name.clone();
            let upstream = Upstream::new(&config.upstream, key.as_ref(), &mut roots)
                .map_err(|source| BotError::Upstream { bot: name.clone(), source })?;
            let plan = limiter.plan(name.as_str(), &config.limits);
            let others: Vec<Rule> =
                config.limits.iter().filter(|rule| rule.per() != Per::User).cloned().collect();
            let backend_plan = limiter.plan(name.as_str(), &others);
            let counts_tokens = config.limits.iter().any(|rule| rule.measure().unit() == Unit::Tokens);
            let (counters, bodies) = (BotCounters::default(), Share::new(share));
            let policies = Policies::of(&plan);
            let tool_servers = tool_servers(&config, &tool_tokens, lock, &mut roots)?;
            let bot = Bot {
                config,
                upstream,
                plan,
                backend_plan,
                counts_tokens,
                counters,
                policies,
                bodies,
                tool_servers,
                contracts: contracts.into_iter().map(|one| (one.server.clone(), Arc::new(one))).collect(),
            };
            if ready.insert(name.clone(), Arc::new(bot)).is_some() {
                return Err(BotError::Twice(name));
            }
        }
        let measure = Measure::Requests { max: FAILED_SIGN_INS_MAX, window: FAILED_SIGN_INS_WINDOW };
        let rule = Rule::new(Per::Address, measure).map_err(BotError::FailedSignIns)?;
        let failed_sign_ins = limiter.plan("failed-sign-ins", &[rule]);
        Ok(Self { bots: ready, bounds, timeouts, failed_sign_ins })
    }
}

impl Live {
    /// Takes over what the bots of the configuration `before` hold: bodies under way outlast it.
    pub(crate) fn carry_on(&mut self, before: &Self) {
        for (name, bot) in &mut self.bots {
            // Nobody else has it before it is in force.
            if let (Some(bot), Some(before)) = (Arc::get_mut(bot), before.bots.get(name)) {
                bot.bodies.carry_on(&before.bodies);
                for server in &mut bot.tool_servers {
                    let same = before.tool_servers.iter().find(|before| before.name() == server.name());
                    if let (Some(server), Some(before)) = (Arc::get_mut(server), same) {
                        server.carry_on(before);
                    }
                }
            }
        }
    }

    /// Starts the programs of tool servers that do not run yet, on the runtime this is called on.
    pub(crate) fn start_programs(&self) {
        let json = json_bounds(&self.bounds);
        let bytes_max = self.bounds.answer_bytes_max;
        let json = botwarden_protocol::Bounds { string_bytes_max: bytes_max, ..json };
        for bot in self.bots.values() {
            bot.tool_servers.iter().for_each(|server| server.start(bytes_max, json));
        }
    }
}

fn tool_servers(
    config: &BotConfig,
    tokens: &[Option<Secret>],
    lock: &Lock,
    roots: &mut TlsRoots,
) -> Result<Vec<Arc<ToolServer>>, BotError> {
    let servers = config.tool_servers.iter().enumerate().map(|(at, server)| {
        let pinned = lock.server(config.name.as_str(), &server.name).cloned();
        let token = tokens.get(at).and_then(Option::as_ref);
        ToolServer::new(server, token, pinned, roots).map(Arc::new).map_err(|source| {
            let (bot, server) = (config.name.clone(), server.name.clone());
            BotError::ToolServer { bot, server, source }
        })
    });
    servers.collect()
}

/// Half of the room where there are others; always enough for one body.
fn bodies_of_a_bot(bounds: &Bounds, bots: usize) -> usize {
    let all = bounds.bodies_bytes_max;
    if bots > 1 { (all / 2).max(bounds.body_bytes_max) } else { all }
}

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) live: ArcSwap<Live>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) watchers: Vec<Arc<dyn Watch>>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) approvals: Arc<dyn ApprovalStore>,
    pub(crate) quarantine: Arc<Quarantine>,
    pub(crate) desk: Desk,
    /// Calls of tools under way.
    pub(crate) flights: Arc<Flights>,
    /// By which names callers of tools may reach us.
    pub(crate) hosts: Hosts,
    pub(crate) metrics: Metrics,
    pub(crate) draining: AtomicBool,
    process_id: u64,
    requests: AtomicU64,
}

impl Shared {
    pub(crate) fn new(live: Live, hosts: Hosts, ports: Ports) -> Self {
        let desk = Desk::new(DeskPorts {
            clock: ports.clock.clone(),
            sessions: ports.sessions,
            chronicle: ports.chronicle,
            approvals: ports.approvals.clone(),
            quarantine: ports.quarantine.clone(),
            is_shared: ports.is_shared,
        });
        Self {
            live: ArcSwap::from_pointee(live),
            clock: ports.clock,
            authenticator: ports.authenticator,
            limiter: ports.limiter,
            watchers: ports.watchers,
            ledger: ports.ledger,
            archive: ports.archive,
            approvals: ports.approvals,
            quarantine: ports.quarantine,
            desk,
            flights: Arc::default(),
            hosts,
            metrics: Metrics::new(),
            draining: AtomicBool::new(false),
            process_id: ports.process_id,
            requests: AtomicU64::new(0),
        }
    }

    /// Copies of both, as they are in force now.
    pub(crate) fn bounds_and_timeouts(&self) -> (Bounds, Timeouts) {
        let live = self.live.load();
        (live.bounds, live.timeouts)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// An id that no other request has, and 64 bits that look random and differ for each.
    pub(crate) fn next_request(&self) -> (RequestId, u64) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let id = RequestId::numbered(self.process_id, number);
        (id, mix(self.process_id ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// Spreads a counter over 64 bits. Source: splitmix64, S. Vigna, 2015.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
