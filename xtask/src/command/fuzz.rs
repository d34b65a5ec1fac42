//! `cargo xtask fuzz`: throw bytes at a parser.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::run::{Steps, describe, succeeded, works};
use crate::workspace::Workspace;

/// Throw bytes at a parser until it has used its processor time or crashes.
///
/// Runs on stable Rust, instrumented for coverage but without a sanitizer: the code under test is safe Rust, and its own assertions are
/// the oracle. It begins with the inputs saved in `testdata/fuzz/<target>`.
/// Targets whose names begin alike, up to the first `_`, are a family. Without a target it lists them. Example:
/// `cargo xtask fuzz openai_request --seconds 600`
#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// The target
    target: Option<String>,
    /// Every target, one after the other
    #[arg(long, conflicts_with = "target")]
    every: bool,
    /// Processor time of the target; with `--every`, of each family, which its targets share
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    seconds: u32,
}

/// However many share a family's time, each gets this much, in seconds.
const LEAST_SECONDS: u32 = 60;

impl Fuzz {
    pub(crate) fn follow(&self, workspace: &Workspace) -> anyhow::Result<()> {
        anyhow::ensure!(
            works(workspace.cargo(["fuzz", "--version"])),
            "cargo-fuzz is missing: `cargo install cargo-fuzz --locked`"
        );
        let mut steps = Steps::new();
        match &self.target {
            Some(target) => fuzz(workspace, target, self.seconds, &mut steps)?,
            None if self.every => {
                let targets = targets(workspace)?;
                for target in &targets {
                    let sharing = targets.iter().filter(|other| family(other) == family(target)).count();
                    let seconds = self.seconds / u32::try_from(sharing).unwrap_or(u32::MAX);
                    fuzz(workspace, target, seconds.max(LEAST_SECONDS), &mut steps)?;
                }
            }
            None => return targets(workspace).map(|targets| targets.iter().for_each(|it| println!("{it}"))),
        }
        steps.close();
        Ok(())
    }
}

/// Fuzzes one target for `seconds` of processor time; one line on standard output says how often it ran.
fn fuzz(workspace: &Workspace, target: &str, seconds: u32, steps: &mut Steps) -> anyhow::Result<()> {
    let mut build = workspace.cargo(["fuzz", "build", "--sanitizer", "none", target]);
    steps.step(target, &describe(&build), || succeeded(build.status().context("starting cargo")?))?;
    // It begins with what is saved, and keeps what it finds apart from that.
    let (found, saved) =
        (workspace.path("fuzz/corpus").join(target), workspace.path("testdata/fuzz").join(target));
    std::fs::create_dir_all(&found).with_context(|| format!("creating {}", found.display()))?;
    let (mut runs, began) = (0, children_seconds()?);
    // On a busy machine a second by the clock is less than a second of work: the rest is run again.
    loop {
        let used = children_seconds()? - began;
        if used >= f64::from(seconds) {
            println!("{target}: {runs} runs in {used:.0} s of processor time, no crash");
            return Ok(());
        }
        let mut cargo = workspace.cargo(["fuzz", "run", "--sanitizer", "none", target]);
        cargo
            .args([&found, &saved])
            .arg("--")
            .arg(format!("-max_total_time={:.0}", (f64::from(seconds) - used).max(5.0)));
        runs += steps.step(target, &describe(&cargo), || count_runs(&mut cargo))?;
    }
}

/// What the name of a target begins with.
fn family(target: &str) -> &str {
    target.split_once('_').map_or(target, |(family, _)| family)
}

/// Processor time that ended children of this process have used, theirs included. Source: proc(5), `cutime` and `cstime`.
fn children_seconds() -> anyhow::Result<f64> {
    /// `sysconf(_SC_CLK_TCK)` on every Linux there is.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").context("reading /proc/self/stat")?;
    // The second field is a name in brackets, which may hold spaces.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(13).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>().context("reading /proc/self/stat")? / TICKS_A_SECOND)
}

fn targets(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let output = workspace.cargo(["fuzz", "list"]).output().context("listing the fuzz targets")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let names = String::from_utf8(output.stdout).context("reading the names of the fuzz targets")?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// Runs a fuzzer, shows what it says, and returns how often it ran by its last words: `123456 runs in 60 second(s)`.
fn count_runs(cargo: &mut Command) -> anyhow::Result<u64> {
    let mut child = cargo.stderr(Stdio::piped()).spawn().context("starting cargo")?;
    let mut runs = None;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line.context("reading what the fuzzer says")?;
            eprintln!("{line}");
            if let Some(count) = line.strip_prefix("Done ") {
                runs = count.split(' ').next().and_then(|count| count.parse().ok());
            }
        }
    }
    succeeded(child.wait().context("waiting for the fuzzer")?)?;
    runs.context("the fuzzer does not say how often it ran")
}
