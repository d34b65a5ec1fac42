//! Starts the contestants, lets each do the same work in turn, and judges the ratios.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use botwarden_bench::contestant::{Buffering, Contestant, Site, bare, botwarden, litellm, nginx};
use botwarden_bench::machine::Placement;
use botwarden_bench::mode::{self, Effort};
use botwarden_bench::report::{self, Report};
use botwarden_bench::upstream::Upstream;
use clap::{Parser, Subcommand, ValueEnum};

/// Side by side: what does Botwarden cost, beside a bare proxy, nginx and LiteLLM?
///
/// Exit status: 0 when every target is met, 1 when one is missed, 3 when it could not be measured.
#[derive(Parser)]
struct Flags {
    #[command(subcommand)]
    mode: Mode,
    /// Rounds; every contestant takes part in each [default: depends on the mode].
    #[arg(long, global = true)]
    rounds: Option<usize>,
    /// Requests a round and contestant [default: depends on the mode].
    #[arg(long, global = true)]
    requests: Option<usize>,
    /// Connections that are kept busy [default: depends on the mode].
    #[arg(long, global = true)]
    connections: Option<usize>,
    /// Contestants alone on core 0 with one thread each, load and upstream on the other cores.
    #[arg(long, global = true)]
    pin: bool,
    /// Botwarden's binary.
    #[arg(long, default_value = "target/release/botwarden", global = true)]
    botwarden: PathBuf,
    /// Only these contestants (`bare` is always there): nginx, botwarden; or the bare proxy with other upstream
    /// clients, bare-spawned and bare-legacy.
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

#[derive(Clone, Subcommand)]
enum Mode {
    /// Processor time a request, whole answers.
    Cpu,
    /// Processor time a streamed answer, all events at once.
    SseCpu,
    /// Processor time a streamed answer, one event every 5 ms.
    SseCpuPaced,
    /// Latency at 500 requests a second.
    Latency,
    /// 512 streams at once: first byte and stalls.
    Streams,
    /// Resident memory over 1,000,000 requests and 512 held streams.
    Memory,
    /// Processor time against LiteLLM's proxy, which is installed on first use.
    Litellm,
    /// Duration of a cold build and size of the binary; wants the machine for itself.
    Build {
        /// Only these packages [default: the whole workspace].
        #[arg(long = "package")]
        packages: Vec<String>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// How long one load may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(300);

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
    fs::create_dir_all(&flags.work_dir).with_context(|| format!("creating {}", flags.work_dir.display()))?;
    let work = fs::canonicalize(&flags.work_dir)?;
    let report = match &flags.mode {
        Mode::Build { packages } => mode::build::run(&work, packages)?,
        _ => measure_beside(flags, work)?,
    };
    if flags.write {
        report::write_page(&report, &flags.work_dir.join("results"), PAGE.as_ref())?;
    }
    match flags.format {
        Format::Table => print!("{}", report.to_text()),
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(report)
}

/// Sets the site up, measures, and clears it away. When something fails the folder stays, for its logs.
fn measure_beside(flags: &Flags, work: PathBuf) -> anyhow::Result<Report> {
    let run = work.join(format!("run-{}", std::process::id()));
    fs::create_dir_all(&run)?;
    let placement = if flags.pin { Placement::Apart } else { Placement::Anywhere };
    let upstream = Upstream::start(placement, &run)?;
    let site = Site {
        placement,
        upstream: upstream.address,
        run,
        work,
        botwarden: flags.botwarden.clone(),
        patience: PATIENCE,
    };
    let mut report =
        measure(flags, &site, &upstream).with_context(|| format!("logs are in {}", site.run.display()))?;
    report.setup.push(match placement {
        Placement::Anywhere => format!("nothing pinned; contestants with {} threads", placement.threads()),
        Placement::Apart => {
            "contestant alone on core 0 with 1 thread, load and upstream on the others".to_owned()
        }
    });
    if report.rows.iter().flatten().any(|cell| cell == "nginx") {
        report.setup.push(format!("nginx {}", nginx::version().unwrap_or_default()));
    }
    fs::remove_dir_all(&site.run)?;
    Ok(report)
}

fn measure(flags: &Flags, site: &Site, upstream: &Upstream) -> anyhow::Result<Report> {
    let effort = |rounds: usize, requests: usize, connections: usize| Effort {
        rounds: flags.rounds.unwrap_or(rounds),
        requests: flags.requests.unwrap_or(requests),
        connections: flags.connections.unwrap_or(connections),
    };
    let usual = |buffering| contestants(flags, site, buffering);
    let on_rig = |measure: &dyn Fn() -> anyhow::Result<Report>| site.placement.rig(measure)?;
    match &flags.mode {
        Mode::Cpu => {
            let all = usual(Buffering::On)?;
            on_rig(&|| mode::cpu::run(&all, upstream, effort(60, 2_500, 32), mode::cpu::WHOLE))
        }
        Mode::SseCpu => {
            let all = usual(Buffering::Off)?;
            on_rig(&|| mode::cpu::run(&all, upstream, effort(40, 500, 32), mode::cpu::BURST))
        }
        Mode::SseCpuPaced => {
            let all = usual(Buffering::Off)?;
            on_rig(&|| mode::cpu::run(&all, upstream, effort(16, 256, 128), mode::cpu::PACED))
        }
        Mode::Latency => {
            let all = with_direct(site, usual(Buffering::On)?)?;
            on_rig(&|| mode::latency::run(&all, effort(21, 1_000, 16)))
        }
        Mode::Streams => {
            let all = with_direct(site, usual(Buffering::Off)?)?;
            on_rig(&|| mode::streams::run(&all, upstream, effort(5, 0, 0)))
        }
        Mode::Memory => {
            let all = usual(Buffering::Off)?;
            on_rig(&|| mode::memory::run(&all, upstream, effort(1, 1_000_000, 64)))
        }
        Mode::Litellm => {
            let mut all = usual(Buffering::On)?;
            all.push(litellm::start(site)?);
            let mut report = on_rig(&|| mode::litellm::run(&all, effort(8, 5_000, 32)))?;
            report.setup.push(format!("LiteLLM {}", litellm::version(&site.work).unwrap_or_default()));
            Ok(report)
        }
        Mode::Build { .. } => anyhow::bail!("a build has no contestants"),
    }
}

fn with_direct(site: &Site, mut contestants: Vec<Contestant>) -> anyhow::Result<Vec<Contestant>> {
    contestants.insert(0, Contestant::direct(site)?);
    Ok(contestants)
}

/// The usual three, as far as they are there.
fn contestants(flags: &Flags, site: &Site, buffering: Buffering) -> anyhow::Result<Vec<Contestant>> {
    let asked_for = |name: &str| flags.only.iter().any(|only| only == name);
    let wanted = |name: &str| flags.only.is_empty() || asked_for(name);
    let mut all = vec![bare::start(site, bare::Pool::Joined)?];
    if asked_for("bare-spawned") {
        all.push(bare::start(site, bare::Pool::Spawned)?);
    }
    if asked_for("bare-legacy") {
        all.push(bare::start(site, bare::Pool::Legacy)?);
    }
    if wanted("nginx") {
        all.extend(nginx::start(site, buffering)?);
    }
    if wanted("botwarden") {
        all.extend(botwarden::start(site)?);
    }
    Ok(all)
}
