//! What Prometheus reads. Every metric's name stands in this file.

use std::fmt::Write as _;
use std::sync::OnceLock;

use botwarden_types::{BotName, UnixMs};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::bodies::Bodies;
use crate::outcome::{Outcome, Stage, Timings};

const REQUESTS: &str = "botwarden_requests";
const STAGE_SECONDS: &str = "botwarden_stage_seconds";
const ADDED_SECONDS: &str = "botwarden_added_seconds";
const UPSTREAM_SECONDS: &str = "botwarden_upstream_first_byte_seconds";
const TOKENS: &str = "botwarden_tokens";
const CONNECTIONS: &str = "botwarden_connections";
const IN_FLIGHT: &str = "botwarden_requests_in_flight";
const CONNECTIONS_REFUSED: &str = "botwarden_connections_refused";
const CONNECTIONS_CUT: &str = "botwarden_connections_cut";
const BODY_BYTES: &str = "botwarden_body_bytes";
const RELOADS: &str = "botwarden_config_reloads";
const WITNESS_SIZE: &str = "botwarden_audit_witness_size";
const WITNESS_TIME: &str = "botwarden_audit_witness_timestamp_seconds";
const WITNESS_FAILURES: &str = "botwarden_audit_witness_failures";
const WITNESS_ALARMS: &str = "botwarden_audit_witness_alarms";

/// Upper bounds in seconds, from 10 µs: a stage that takes longer than 50 ms is broken, not slow.
const STAGE_BUCKETS: [f64; 9] = [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 1e-3, 5e-3, 2e-2, 5e-2];
/// Upper bounds in seconds for what models take.
const UPSTREAM_BUCKETS: [f64; 10] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    bot: String,
    operation: &'static str,
    verdict: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    bot: String,
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DestinationLabels {
    destination: String,
}

impl DestinationLabels {
    fn of(destination: &str) -> Self {
        Self { destination: destination.to_owned() }
    }
}

/// Counts, for the metrics, what becomes of the audit log's checkpoints: at witnesses and wherever else they are sent. It may outlive the
/// gateway, and then counts for nobody.
#[derive(Clone, Default)]
pub struct WitnessMeter {
    size: Family<DestinationLabels, Gauge>,
    time: Family<DestinationLabels, Gauge>,
    failures: Family<DestinationLabels, Counter>,
    alarms: Family<DestinationLabels, Counter>,
}

/// Why a checkpoint did not arrive, as far as the metrics tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// It may arrive later.
    Failure,
    /// The log is not what was seen of it before.
    Alarm,
}

impl WitnessMeter {
    /// Shows a destination before anything went to it, so that its failures are seen to begin at none.
    pub fn expect(&self, destination: &str) {
        let labels = DestinationLabels::of(destination);
        let _ = self.failures.get_or_create(&labels);
        let _ = self.alarms.get_or_create(&labels);
    }

    /// A checkpoint over `size` entries arrived.
    pub fn arrived(&self, destination: &str, size: u64, at: UnixMs) {
        let labels = DestinationLabels::of(destination);
        self.size.get_or_create(&labels).set(i64::try_from(size).unwrap_or(i64::MAX));
        self.time.get_or_create(&labels).set(i64::try_from(at.secs()).unwrap_or(i64::MAX));
    }

    /// A checkpoint did not arrive.
    pub fn missed(&self, destination: &str, why: Missed) {
        let labels = DestinationLabels::of(destination);
        self.failures.get_or_create(&labels).inc();
        if why == Missed::Alarm {
            self.alarms.get_or_create(&labels).inc();
        }
    }
}

/// The counters that nearly every request of a bot moves, found once.
#[derive(Default)]
pub(crate) struct BotCounters {
    chat: OnceLock<Counter>,
    messages: OnceLock<Counter>,
    input: OnceLock<Counter>,
    output: OnceLock<Counter>,
}

impl BotCounters {
    fn served(&self, outcome: &Outcome) -> Option<&OnceLock<Counter>> {
        match (outcome.operation, outcome.verdict, outcome.status) {
            ("chat_completions", "allowed", 200) => Some(&self.chat),
            ("messages", "allowed", 200) => Some(&self.messages),
            _ => None,
        }
    }
}

/// Counters of one running gateway.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    stages: [Histogram; Stage::ALL.len()],
    added: Histogram,
    upstream: Histogram,
    refused_connections: Family<ReasonLabels, Counter>,
    cut_connections: Family<ReasonLabels, Counter>,
    reloads: Family<ResultLabels, Counter>,
    pub(crate) witnesses: WitnessMeter,
    pub(crate) connections: Gauge,
    pub(crate) in_flight: Gauge,
    pub(crate) bodies: Bodies,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let stage_family =
            Family::<StageLabels, Histogram>::new_with_constructor(|| Histogram::new(STAGE_BUCKETS));
        let stages = Stage::ALL
            .map(|stage| stage_family.get_or_create(&StageLabels { stage: stage.as_str() }).clone());
        registry.register(STAGE_SECONDS, "Time spent in each stage of a request", stage_family);
        let metrics = Self {
            requests: Family::default(),
            tokens: Family::default(),
            stages,
            added: Histogram::new(STAGE_BUCKETS),
            upstream: Histogram::new(UPSTREAM_BUCKETS),
            refused_connections: Family::default(),
            cut_connections: Family::default(),
            reloads: Family::default(),
            witnesses: WitnessMeter::default(),
            connections: Gauge::default(),
            in_flight: Gauge::default(),
            bodies: Bodies::default(),
            registry,
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(REQUESTS, "Requests by what was decided about them", self.requests.clone());
        registry.register(TOKENS, "Tokens as the upstream counted them", self.tokens.clone());
        registry.register(
            ADDED_SECONDS,
            "Latency the gateway added before the answer began",
            self.added.clone(),
        );
        registry.register(
            UPSTREAM_SECONDS,
            "Time from forwarding to the head of the answer",
            self.upstream.clone(),
        );
        let refused = self.refused_connections.clone();
        registry.register(CONNECTIONS_REFUSED, "Connections turned away at a bound", refused);
        registry.register(CONNECTIONS_CUT, "Connections ended by a timeout", self.cut_connections.clone());
        registry.register(RELOADS, "Times the configuration was read again", self.reloads.clone());
        let WitnessMeter { size, time, failures, alarms } = self.witnesses.clone();
        registry.register(
            WITNESS_SIZE,
            "Entries of the audit log that are cosigned, or sent elsewhere",
            size,
        );
        registry.register(WITNESS_TIME, "When that was, in seconds since 1970", time);
        registry.register(WITNESS_FAILURES, "Times a checkpoint was not cosigned, or not sent", failures);
        registry.register(WITNESS_ALARMS, "Times the audit log was not what a witness had seen", alarms);
        registry.register(CONNECTIONS, "Open connections", self.connections.clone());
        registry.register(IN_FLIGHT, "Requests being served", self.in_flight.clone());
        registry.register(BODY_BYTES, "Bytes of request bodies that are held", self.bodies.gauge());
        self
    }

    /// Counts a finished request. `bot` is where the counters of an ordinary one are kept at hand.
    pub(crate) fn finished(&self, outcome: &Outcome, bot: Option<&BotCounters>) {
        match bot.and_then(|bot| bot.served(outcome)) {
            Some(counter) => counter.get_or_init(|| self.requests(outcome)).inc(),
            None => self.requests(outcome).inc(),
        };
        self.timings(&outcome.timings);
        if let (Some(name), Some(bot), Some(usage)) = (&outcome.bot, bot, outcome.usage) {
            bot.input.get_or_init(|| self.tokens(name, "input")).inc_by(usage.input_tokens);
            bot.output.get_or_init(|| self.tokens(name, "output")).inc_by(usage.output_tokens);
        }
    }

    fn requests(&self, outcome: &Outcome) -> Counter {
        let bot = outcome.bot.as_ref().map_or(String::new(), |bot| bot.as_str().to_owned());
        let labels = RequestLabels {
            bot,
            operation: outcome.operation,
            verdict: outcome.verdict,
            status: outcome.status,
        };
        self.requests.get_or_create(&labels).clone()
    }

    fn timings(&self, timings: &Timings) {
        for (histogram, spent) in self.stages.iter().zip(timings.stages()) {
            if let Some(spent) = spent {
                histogram.observe(spent.as_secs_f64());
            }
        }
        if let Some(upstream) = timings.upstream() {
            self.upstream.observe(upstream.as_secs_f64());
            self.added.observe(timings.added().as_secs_f64());
        }
    }

    fn tokens(&self, bot: &BotName, direction: &'static str) -> Counter {
        self.tokens.get_or_create(&TokenLabels { bot: bot.as_str().to_owned(), direction }).clone()
    }

    /// Counts a connection that was not taken.
    pub(crate) fn connection_refused(&self, reason: &'static str) {
        self.refused_connections.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a connection that was ended by a timeout.
    pub(crate) fn connection_cut(&self, reason: &'static str) {
        self.cut_connections.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a reading of the configuration.
    pub(crate) fn reloaded(&self, result: &'static str) {
        self.reloads.get_or_create(&ResultLabels { result }).inc();
    }

    /// The text that Prometheus scrapes (OpenMetrics 1.0).
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            let _ = writeln!(text, "# the metrics could not be written");
        }
        text
    }
}
