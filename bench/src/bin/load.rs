//! Asks a running server questions, by hand: for profiling a contestant, or a quick look.

use std::net::SocketAddr;
use std::time::Duration;

use botwarden_bench::load::{Target, closed, open, streams};
use botwarden_bench::wire::{Delivery, EVENTS};
use clap::{Parser, Subcommand};

/// Load on a loopback address, bounded in count and time.
///
/// Example: load --target 127.0.0.1:4000 --key bw_… closed --requests 100000
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Flags {
    /// The server; loopback only.
    #[arg(long)]
    target: SocketAddr,
    /// What to present as bearer.
    #[arg(long, default_value = "sk-none")]
    key: String,
    /// Give up after so many seconds.
    #[arg(long, default_value_t = 120)]
    patience_s: u64,
    #[command(subcommand)]
    shape: Shape,
}

#[derive(Subcommand)]
enum Shape {
    /// Connections that ask again as soon as they are answered.
    Closed {
        #[arg(long, default_value_t = 20_000)]
        requests: usize,
        #[arg(long, default_value_t = 32)]
        connections: usize,
        /// Ask for streamed answers.
        #[arg(long)]
        stream: bool,
    },
    /// A fixed rate; latency from the intended start.
    Open {
        #[arg(long, default_value_t = 5_000)]
        requests: usize,
        #[arg(long, default_value_t = 500.0)]
        per_second: f64,
    },
    /// Many streams at once.
    Streams {
        #[arg(long, default_value_t = 512)]
        at_once: usize,
        #[arg(long, default_value_t = 1)]
        each: usize,
        /// Spread the first starts over so many milliseconds.
        #[arg(long, default_value_t = 1_000)]
        spread_ms: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let target = Target::new(flags.target, &flags.key, Duration::from_secs(flags.patience_s))?;
    let quantiles = |spread: &botwarden_bench::spread::Spread| {
        format!(
            "p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}",
            spread.quantile(0.5),
            spread.quantile(0.99),
            spread.quantile(0.999),
            spread.max()
        )
    };
    match flags.shape {
        Shape::Closed { requests, connections, stream } => {
            let delivery = if stream { Delivery::Stream } else { Delivery::Whole };
            let outcome = closed::Client::connect(&target, connections, delivery)?.run(requests)?;
            let pace = outcome.requests as f64 / outcome.took.as_secs_f64();
            println!("{} requests, {pace:.0} a second; {}", outcome.requests, quantiles(&outcome.latency));
        }
        Shape::Open { requests, per_second } => {
            let spread = open::run(&target, open::Plan { requests, per_second })?;
            println!("{} requests; {}", spread.count(), quantiles(&spread));
        }
        Shape::Streams { at_once, each, spread_ms } => {
            let spread_over = Duration::from_millis(spread_ms);
            let outcome = streams::run(&target, streams::Plan { at_once, streams_each: each, spread_over })?;
            println!("{} streams of {EVENTS} events", outcome.streams);
            println!("first byte: {}", quantiles(&outcome.first_byte));
            println!("gaps: {}", quantiles(&outcome.gap));
        }
    }
    Ok(())
}
