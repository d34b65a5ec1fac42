//! Starts the contestants, lets each do the same work in turn, and judges the ratios.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use botwarden_bench::contestant::{Buffering, Contestant, Site, bare, botwarden, nginx};
use botwarden_bench::machine::Placement;
use botwarden_bench::mode::{Effort, cpu};
use botwarden_bench::process::start_upstream;
use botwarden_bench::report::{self, Report};
use clap::{Parser, Subcommand, ValueEnum};

/// Side by side: what does Botwarden cost, beside a bare proxy, nginx and LiteLLM?
///
/// Exit status: 0 when every target is met, 1 when one is missed, 3 when it could not be measured.
#[derive(Parser)]
struct Flags {
    #[command(subcommand)]
    mode: Mode,
    /// Rounds; every contestant takes part in each.
    #[arg(long, default_value_t = 7, global = true)]
    rounds: usize,
    /// Requests a round and contestant [default: depends on the mode].
    #[arg(long, global = true)]
    requests: Option<usize>,
    /// Connections that are kept busy.
    #[arg(long, default_value_t = 32, global = true)]
    connections: usize,
    /// Contestants alone on core 0 with one thread each, load and upstream on the other cores.
    #[arg(long, global = true)]
    pin: bool,
    /// Botwarden's binary.
    #[arg(long, default_value = "target/release/botwarden", global = true)]
    botwarden: PathBuf,
    /// Only these contestants (`bare` is always there).
    #[arg(long, value_delimiter = ',', global = true)]
    only: Vec<String>,
    /// Where runs and installations are kept.
    #[arg(long, default_value = "target/bench", global = true)]
    work_dir: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    format: Format,
    /// Write the page of results, `docs/results/gateway.md`, anew.
    #[arg(long, global = true)]
    write: bool,
}

#[derive(Clone, Copy, Subcommand)]
enum Mode {
    /// Processor time a request.
    Cpu,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// Where the page lies, from the workspace's root.
const PAGE: &str = "docs/results/gateway.md";

fn main() -> ExitCode {
    let flags = Flags::parse();
    match run(&flags) {
        Ok(report) if report.failed() => ExitCode::from(1),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(3)
        }
    }
}

fn run(flags: &Flags) -> anyhow::Result<Report> {
    let folder = flags.work_dir.join(format!("run-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let placement = if flags.pin { Placement::Apart } else { Placement::Anywhere };
    let (upstream, address) = start_upstream(placement, &folder)?;
    let site = Site {
        placement,
        upstream: address,
        run: fs::canonicalize(&folder)?,
        work: fs::canonicalize(&flags.work_dir)?,
        botwarden: flags.botwarden.clone(),
        patience: Duration::from_secs(300),
    };
    let mut report = measure(flags, &site)?;
    report.setup.push(match placement {
        Placement::Anywhere => format!("nothing pinned; contestants with {} threads", placement.threads()),
        Placement::Apart => "contestant alone on core 0 with 1 thread, load and upstream on the others".to_owned(),
    });
    drop(upstream);
    fs::remove_dir_all(&folder)?;
    if flags.write {
        report::write_page(&report, &flags.work_dir.join("results"), PAGE.as_ref())?;
    }
    match flags.format {
        Format::Table => print!("{}", report.to_text()),
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(report)
}

fn measure(flags: &Flags, site: &Site) -> anyhow::Result<Report> {
    let effort = |requests: usize| Effort {
        rounds: flags.rounds,
        requests: flags.requests.unwrap_or(requests),
        connections: flags.connections,
    };
    match flags.mode {
        Mode::Cpu => {
            let contestants = contestants(flags, site, Buffering::On)?;
            site.placement.rig(|| cpu::run(&contestants, effort(20_000), cpu::WHOLE))?
        }
    }
}

/// The usual three, as far as they are there.
fn contestants(flags: &Flags, site: &Site, buffering: Buffering) -> anyhow::Result<Vec<Contestant>> {
    let wanted = |name: &str| flags.only.is_empty() || flags.only.iter().any(|only| only == name);
    let mut all = vec![bare::start(site)?];
    if wanted("nginx") {
        all.extend(nginx::start(site, buffering)?);
    }
    if wanted("botwarden") {
        all.extend(botwarden::start(site)?);
    }
    Ok(all)
}
